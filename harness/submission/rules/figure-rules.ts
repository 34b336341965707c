// Do the figures of a performance log follow from each other? A figure that was changed by hand disagrees with those it
// was made of: rates with counts and times, percentiles with their neighbours.

import type { DetailLog } from '../detail-log.js';
import { type Finding, findError } from '../finding.js';

const why =
  'Figures of one run follow from each other; one of these was changed, or is of another run.';
/** The log prints doubles with six significant digits, and two of them are compared. */
const tolerance = 2e-5;

/** @param file the log's own. A log with errors is refused for them, and its counts are not those of its samples. */
export function checkFigures(log: DetailLog, file: string): Finding[] {
  if (log.find('result_validity') === null || log.entries.some(({ isError }) => isError)) return [];
  const figures = new Figures(log, file);
  return [
    ...families.flatMap((family) => checkOrder(family, figures)),
    ...checkOffline(figures),
    ...checkServer(figures),
    ...checkSingleStream(figures),
  ];
}

/** The figures that others are held against. */
class Figures {
  readonly scenario: string | null;
  /** Samples answered; null where the log does not say. */
  readonly samples: number | null;
  /** From the first query to the last answer; null where the log does not say. */
  readonly windowS: number | null;

  constructor(
    readonly log: DetailLog,
    readonly file: string,
  ) {
    this.scenario = log.text('effective_scenario');
    const queries = log.number('result_query_count');
    // A submission run has generated queries of its accuracy pass before.
    const together = log.all('generated_samples_per_query').at(-1)?.value ?? null;
    this.samples = queries === null || typeof together !== 'number' ? null : queries * together;
    const [begin, end] = [log.powerTimeMs('power_begin'), log.powerTimeMs('power_end')];
    this.windowS = begin === null || end === null ? null : (end - begin) / 1000;
  }

  tell(key: string, required: string): Finding {
    const entry = this.log.find(key);
    const value = entry === null ? null : String(entry.value);
    const place = { file: this.file, line: entry?.line ?? null };
    return findError('unlike-figures', place, { value, required: `${key} ${required}`, why });
  }

  /** Holds a figure against what it follows from; silent where the log lacks either. */
  compare(key: string, expected: number | null, source: string): Finding[] {
    const value = this.log.number(key);
    if (value === null || expected === null || !Number.isFinite(expected)) return [];
    if (Math.abs(value - expected) <= tolerance * Math.abs(expected)) return [];
    return [this.tell(key, `near ${Number(expected.toPrecision(6))}, ${source}`)];
  }
}

/** Least, percentiles and greatest of one distribution, and its mean. */
interface Family {
  readonly least: string;
  readonly percentile: (name: string) => string;
  readonly greatest: string;
  readonly mean: string;
}

const percentiles = ['50.00', '90.00', '95.00', '97.00', '99.00', '99.90'] as const;

const families: readonly Family[] = [
  {
    least: 'result_min_latency_ns',
    percentile: (name) => `result_${name}_percentile_latency_ns`,
    greatest: 'result_max_latency_ns',
    mean: 'result_mean_latency_ns',
  },
  {
    least: 'result_min_query_latency_ns',
    percentile: (name) => `result_${name}_percentile_per_query_latency_ns`,
    greatest: 'result_max_query_latency_ns',
    mean: 'result_mean_query_latency_ns',
  },
  {
    least: 'result_first_token_min_latency_ns',
    percentile: (name) => `result_first_token_${name}_percentile_latency_ns`,
    greatest: 'result_first_token_max_latency_ns',
    mean: 'result_first_token_mean_latency_ns',
  },
  {
    least: 'result_time_to_output_token_min',
    percentile: (name) => `result_time_per_output_token_${name}_percentile_ns`,
    greatest: 'result_time_to_output_token_max',
    mean: 'result_time_to_output_token_mean',
  },
];

function checkOrder({ least, percentile, greatest, mean }: Family, figures: Figures): Finding[] {
  const { log } = figures;
  const keys = [least, ...percentiles.map(percentile), greatest];
  const known = keys.filter((key) => log.number(key) !== null);
  const falling = known.flatMap((key, i): Finding[] => {
    const before = known[i - 1];
    if (before === undefined || log.number(key)! >= log.number(before)!) return [];
    return [figures.tell(key, `of at least ${log.number(before)}, which is ${before}`)];
  });
  const [low, middle, high] = [least, mean, greatest].map((key) => log.number(key));
  if (low == null || middle == null || high == null) return falling;
  if (middle >= low && middle <= high) return falling;
  return [...falling, figures.tell(mean, `between ${low} and ${high}, its least and greatest`)];
}

function checkOffline(figures: Figures): Finding[] {
  const { log, samples, scenario } = figures;
  const ns = log.number('result_max_latency_ns');
  if (scenario !== 'Offline' || ns === null || samples === null) return [];
  const source = `${samples} samples in the greatest latency`;
  const key = 'result_samples_per_second';
  return [...figures.compare(key, samples / (ns / 1e9), source), ...checkWindow(figures, ns / 1e9)];
}

/** Of the last answer, by the log's figures; the window is printed in whole milliseconds. */
function checkWindow(figures: Figures, leastS: number, mostS = leastS): Finding[] {
  const { windowS } = figures;
  const slackS = 0.003 + tolerance * mostS;
  if (windowS === null || (windowS >= leastS - slackS && windowS <= mostS + slackS)) return [];
  const from = leastS.toFixed(3);
  const span = mostS === leastS ? `${from} s` : `${from} to ${mostS.toFixed(3)} s`;
  return [figures.tell('power_end', `${span} after power_begin`)];
}

function checkServer(figures: Figures): Finding[] {
  const { log, samples, scenario } = figures;
  if (scenario !== 'Server' || samples === null || samples < 2) return [];
  const secondsBy = (key: string): number | null => {
    const rate = log.number(key);
    return rate === null || !(rate > 0) || !Number.isFinite(rate) ? null : (samples - 1) / rate;
  };
  const doneS = secondsBy('result_completed_samples_per_sec');
  const dueS = secondsBy('result_scheduled_samples_per_sec');
  const [least, greatest] = ['result_min_latency_ns', 'result_max_latency_ns'].map((key) => {
    const ns = log.number(key);
    return ns === null ? null : ns / 1e9;
  });
  if (doneS === null || dueS === null || least == null || greatest == null) return [];
  const findings = checkWindow(figures, doneS, doneS + greatest);
  const slackS = tolerance * doneS;
  if (doneS < dueS + least - slackS || doneS > dueS + greatest + slackS) {
    const from = Number(((samples - 1) / (dueS + greatest)).toPrecision(6));
    const to = Number(((samples - 1) / (dueS + least)).toPrecision(6));
    const required = `of ${from} to ${to}, by ${samples} samples, their schedule and latencies`;
    findings.push(figures.tell('result_completed_samples_per_sec', required));
  }
  const minMs = log.number('effective_min_duration_ms') ?? 0;
  if (
    log.find('result_min_duration_met')?.value === true &&
    dueS * 1000 < minMs * (1 - tolerance)
  ) {
    const required = `false: the last query was due after ${dueS.toFixed(3)} s`;
    findings.push(figures.tell('result_min_duration_met', required));
  }
  return [...findings, ...checkTokens(figures, samples, doneS)];
}

/** LoadGen prints the tokens twice: by the mean latency of a sample, and by the end of the last query. */
function checkTokens(figures: Figures, samples: number, doneS: number): Finding[] {
  const perNs = figures.log.number('result_token_throughput');
  const meanNs = figures.log.number('result_mean_latency_ns');
  if (perNs === null || meanNs === null) return [];
  const tokens = perNs * meanNs * samples;
  const source = `the tokens of result_token_throughput, ${Math.round(tokens)}, by the end`;
  return figures.compare('result_completed_tokens_per_second', tokens / doneS, source);
}

function checkSingleStream(figures: Figures): Finding[] {
  const { log, scenario } = figures;
  const meanNs = log.number('result_mean_latency_ns');
  // A mean of few nanoseconds is printed as a whole number.
  if (scenario !== 'SingleStream' || meanNs === null || meanNs < 1e5) return [];
  const key = 'result_qps_without_loadgen_overhead';
  return figures.compare(key, 1e9 / meanNs, 'one by the mean latency');
}
