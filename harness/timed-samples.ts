// When was each sample of a pass asked for and answered, and how long was it? Columns of the evidence, and the times
// that follow from them, by the rules of run.json's histograms.

import type { SampleEvidence } from './evidence.js';

/** One row a sample of the series that is reported; NaN where a thing never happened or is not known. */
export interface TimedSamples {
  readonly count: number;
  readonly failed: number;
  /** Nanoseconds since the start of the test, or of the series where a search tried more than one. */
  readonly scheduledNs: Float64Array;
  readonly issuedNs: Float64Array;
  readonly firstTokenNs: Float64Array;
  readonly completedNs: Float64Array;
  readonly queryId: Float64Array;
  readonly promptTokens: Float64Array;
  readonly outputTokens: Float64Array;
}

type TimedRow = Pick<
  SampleEvidence,
  | 'series'
  | 'queryId'
  | 'scheduledNs'
  | 'issuedNs'
  | 'firstTokenNs'
  | 'completedNs'
  | 'promptTokenCount'
  | 'outputTokenCount'
  | 'failure'
>;

/** @param series the one that is reported; null: all of them. */
export function collectTimes(rows: Iterable<TimedRow>, series: number | null): TimedSamples {
  let startNs = 0;
  const columns = Array.from({ length: 7 }, (): number[] => []);
  let failed = 0;
  for (const row of rows) {
    if (series !== null && row.series !== series) continue;
    if (row.failure !== null) failed++;
    if (series !== null && columns[0]!.length === 0) startNs = row.scheduledNs ?? 0;
    const since = (ns: number | null) => (ns === null ? null : ns - startNs);
    const values = [
      since(row.scheduledNs),
      since(row.issuedNs),
      since(row.firstTokenNs),
      since(row.completedNs),
      row.queryId,
      row.promptTokenCount,
      row.outputTokenCount,
    ];
    for (const [i, value] of values.entries()) columns[i]!.push(value ?? Number.NaN);
  }
  const column = (index: number) => Float64Array.from(columns[index]!);
  return {
    count: columns[0]!.length,
    failed,
    scheduledNs: column(0),
    issuedNs: column(1),
    firstTokenNs: column(2),
    completedNs: column(3),
    queryId: column(4),
    promptTokens: column(5),
    outputTokens: column(6),
  };
}

/** Distributions behind run.json's histograms, each ascending and without what never happened. */
export interface TimeDistributions {
  readonly latencyMs: Float64Array;
  readonly ttftMs: Float64Array;
  readonly tpotMs: Float64Array;
  readonly issueLagUs: Float64Array;
}

/** @param byQuery MultiStream: the latency is that of a query's last sample, and a query is late once. */
export function distributeTimes(samples: TimedSamples, byQuery: boolean): TimeDistributions {
  const { count, scheduledNs, issuedNs, firstTokenNs, completedNs, outputTokens } = samples;
  const ttftMs: number[] = [];
  const tpotMs: number[] = [];
  const latencies = new Map<number, number>();
  const lags = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const key = byQuery ? samples.queryId[i]! : i;
    const latency = completedNs[i]! - scheduledNs[i]!;
    const before = latencies.get(key);
    // A query with a sample that was never answered has no latency: NaN stays.
    latencies.set(key, before === undefined ? latency : Math.max(before, latency));
    // A query is issued as one: in Offline all samples share its lag.
    lags.set(samples.queryId[i]!, issuedNs[i]! - scheduledNs[i]!);
    if (Number.isNaN(completedNs[i]!)) continue;
    ttftMs.push((firstTokenNs[i]! - scheduledNs[i]!) / 1e6);
    if (outputTokens[i]! > 1) {
      tpotMs.push((completedNs[i]! - firstTokenNs[i]!) / (outputTokens[i]! - 1) / 1e6);
    }
  }
  return {
    latencyMs: sortNumbers([...latencies.values()].map((ns) => ns / 1e6)),
    ttftMs: sortNumbers(ttftMs),
    tpotMs: sortNumbers(tpotMs),
    issueLagUs: sortNumbers([...lags.values()].map((ns) => ns / 1e3)),
  };
}

/** Ascending, without NaN. */
export function sortNumbers(values: Iterable<number>): Float64Array {
  return Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort();
}

/** What was done in a stretch of time. */
export interface AnsweredBin {
  readonly endSeconds: number;
  readonly samplesPerSecond: number;
  readonly tokensPerSecond: number;
}

/** Answers by when they were complete, in `count` bins of equal width up to the last. */
export function binAnswers(samples: TimedSamples, count: number): AnsweredBin[] {
  const lastNs = samples.completedNs.reduce((most, ns) => (ns > most ? ns : most), 0);
  if (lastNs === 0) return [];
  const answered = new Float64Array(count);
  const tokens = new Float64Array(count);
  for (const [i, completedNs] of samples.completedNs.entries()) {
    if (Number.isNaN(completedNs)) continue;
    const bin = Math.min(count - 1, Math.floor((completedNs / lastNs) * count));
    answered[bin]!++;
    tokens[bin]! += samples.outputTokens[i]! || 0;
  }
  const seconds = lastNs / 1e9 / count;
  return Array.from({ length: count }, (_, bin) => ({
    endSeconds: (bin + 1) * seconds,
    samplesPerSecond: answered[bin]! / seconds,
    tokensPerSecond: tokens[bin]! / seconds,
  }));
}

/** The most samples that were out at once in each of `count` bins up to the last answer; none where nothing came back. */
export function countOutstanding(
  samples: TimedSamples,
  count: number,
): { readonly endSeconds: number; readonly outstanding: number }[] {
  const issued = sortNumbers(samples.issuedNs);
  const completed = sortNumbers(samples.completedNs);
  const lastNs = completed.at(-1);
  if (lastNs === undefined) return [];
  const most = new Float64Array(count);
  let out = 0;
  let bin = 0;
  const enter = (ns: number) => {
    const next = Math.min(count - 1, Math.floor((ns / lastNs) * count));
    while (bin < next) most[++bin] = out;
  };
  let c = 0;
  for (const issuedNs of issued) {
    for (; c < completed.length && completed[c]! <= issuedNs; c++) {
      enter(completed[c]!);
      out--;
    }
    enter(issuedNs);
    out++;
    most[bin] = Math.max(most[bin]!, out);
  }
  for (; c < completed.length; c++) {
    enter(completed[c]!);
    out--;
  }
  const seconds = lastNs / 1e9 / count;
  return Array.from(most, (outstanding, i) => ({ endSeconds: (i + 1) * seconds, outstanding }));
}
