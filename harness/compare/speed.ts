// How many times as fast is the candidate? Ratios of medians and rates, each with an interval: over repeats where there
// are some, else over the samples of one run each.

import type { SampleEvidence } from '../evidence.js';
import type { RunRecord } from '../run-record.js';
import {
  batchMeansRatio,
  bootstrapPercentileRatio,
  type Interval,
  type IntervalOrReason,
  type RunDesign,
  ratioOfRepeats,
} from '../statistics/index.js';
import { batchWork } from './completed-work.js';
import { sampleTimes } from './sample-times.js';
import type { ComparedRun, Side } from './side.js';

export interface SpeedRatio {
  readonly metric: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** Geometric mean over the repeats of a side; null where the side has no such figure. */
  readonly baseline: number | null;
  readonly candidate: number | null;
  /** candidate / baseline. */
  readonly ratio: number | null;
  readonly interval: Interval | null;
  /** What the interval covers: one run a side tells nothing of what differs between runs. Null where there is none. */
  readonly covers: 'within one run' | 'between runs' | null;
  /** Why there is no interval, or no ratio; null where there is one. */
  readonly absentBecause: string | null;
}

interface SpeedMetric {
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  readonly of: (record: RunRecord) => number | null;
  /** The interval of two single runs; absent where no sample tells of the figure. */
  readonly compare?: CompareSamples;
}

type CompareSamples = (baseline: Samples, candidate: Samples, alpha: number) => IntervalOrReason;

type Samples = readonly SampleEvidence[];

const percentiles = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p99', 0.99],
] as const;

const latencies = [
  ['ttft', 'ttftMs'],
  ['tpot', 'tpotMs'],
  ['latency', 'latencyMs'],
] as const;

const rates: readonly SpeedMetric[] = [
  {
    name: 'tokens/s',
    unit: 'tokens/s',
    better: 'higher',
    of: ({ performance }) => performance?.tokensPerSecond ?? null,
    compare: compareRates((sample) => sample.outputTokenCount ?? 0),
  },
  {
    name: 'samples/s',
    unit: 'samples/s',
    better: 'higher',
    of: ({ performance }) => performance?.samplesPerSecond ?? null,
    compare: compareRates(() => 1),
  },
];

const times: readonly SpeedMetric[] = latencies.flatMap(([name, field]) =>
  percentiles.map(([percentile, share]): SpeedMetric => {
    return {
      name: `${name} ${percentile}`,
      unit: 'ms',
      better: 'lower',
      of: ({ performance }) => performance?.[field]?.[percentile] ?? null,
      compare: (baseline, candidate, alpha) => {
        const [from, to] = [baseline, candidate].map((samples) =>
          positive(samples.map(sampleTimes[field])),
        );
        return bootstrapPercentileRatio(from!, to!, share, { alpha });
      },
    };
  }),
);

const others: readonly SpeedMetric[] = [
  {
    name: 'weights',
    unit: 'bytes',
    better: 'lower',
    of: ({ model }) => model.weightBytes,
  },
  {
    name: 'memory planned',
    unit: 'bytes',
    better: 'lower',
    of: ({ sut }) => numberOf(sut?.features?.plannedBytes),
  },
  {
    name: 'MBU',
    unit: 'share',
    better: 'higher',
    of: ({ performance }) => performance?.mbu ?? null,
  },
  {
    name: 'MFU',
    unit: 'share',
    better: 'higher',
    of: ({ performance }) => performance?.mfu ?? null,
  },
  {
    name: 'energy',
    unit: 'J/token',
    better: 'lower',
    of: ({ performance }) => performance?.joulesPerToken ?? null,
  },
  {
    name: 'energy above idle',
    unit: 'J/token',
    better: 'lower',
    of: ({ performance }) => performance?.joulesPerTokenAboveIdle ?? null,
  },
];

export const speedNames: readonly string[] = [...rates, ...times, ...others].map(
  ({ name }) => name,
);

/** A rate that was asked for is no result: Server's answers come as fast as its queries. */
export function metricsOf(scenario: string): readonly SpeedMetric[] {
  return scenario === 'Server' ? [...times, ...others] : [...rates, ...times, ...others];
}

/** Every metric that either side has. */
export function compareSpeed(baseline: Side, candidate: Side, alpha: number): SpeedRatio[] {
  const { scenario } = baseline.runs[0]!.record;
  return metricsOf(scenario).flatMap(
    (metric) => compareMetric(metric, baseline, candidate, alpha) ?? [],
  );
}

/** What is to be said beside intervals from one run on a side; null where there are none. */
export function caveatOf(ratios: readonly SpeedRatio[]): string | null {
  return ratios.some(({ covers }) => covers === 'within one run') ? singleRunCaveat : null;
}

export const singleRunCaveat = 'within one run a side; the variation between runs is not in it';

/** Figures of every run that has one, in the order of the runs. */
export function figuresOf(metric: SpeedMetric, side: Side): number[] {
  return side.runs.flatMap(({ record }) => {
    const value = metric.of(record);
    return value === null || value <= 0 ? [] : [value];
  });
}

function compareMetric(
  metric: SpeedMetric,
  baseline: Side,
  candidate: Side,
  alpha: number,
): SpeedRatio | null {
  const { name, unit, better } = metric;
  const [from, to] = [figuresOf(metric, baseline), figuresOf(metric, candidate)];
  if (from.length === 0 && to.length === 0) return null;
  const common = { metric: name, unit, better, baseline: centre(from), candidate: centre(to) };
  if (from.length === 0 || to.length === 0) {
    const lacking = from.length === 0 ? baseline.label : candidate.label;
    return {
      ...common,
      ratio: null,
      interval: null,
      covers: null,
      absentBecause: `${lacking} has no such figure`,
    };
  }
  const ratio = common.candidate! / common.baseline!;
  const { interval, reason } = findInterval(metric, baseline, candidate, alpha);
  const areRepeats = from.length > 1 && to.length > 1;
  const covers = interval === null ? null : areRepeats ? 'between runs' : 'within one run';
  return { ...common, ratio, interval, covers, absentBecause: reason };
}

function findInterval(
  metric: SpeedMetric,
  baseline: Side,
  candidate: Side,
  alpha: number,
): IntervalOrReason {
  const [from, to] = [figuresOf(metric, baseline), figuresOf(metric, candidate)];
  if (from.length > 1 && to.length > 1) {
    return ratioOfRepeats(from, to, designOf(baseline, candidate), alpha);
  }
  if (metric.compare === undefined) return none('one run a side, and no sample tells of it');
  const [a, b] = [samplesOf(baseline), samplesOf(candidate)];
  if (a === null || b === null) return none('one run a side, whose samples were not kept');
  try {
    return metric.compare(a, b, alpha);
  } catch (error) {
    // Times that cannot be are told elsewhere.
    if (error instanceof RangeError) return none(error.message);
    throw error;
  }
}

/** Interleaved: as many runs a side, started in turns. */
export function designOf(baseline: Side, candidate: Side): RunDesign {
  const started = [baseline, candidate].flatMap((side, i) =>
    side.runs.map(({ record }) => ({ side: i, at: record.startedAt })),
  );
  started.sort((a, b) => a.at.localeCompare(b.at));
  const rounds = started.length / 2;
  const isInTurns =
    baseline.runs.length === candidate.runs.length &&
    Array.from({ length: rounds }, (_, i) => started.slice(2 * i, 2 * i + 2)).every(
      ([a, b]) => a!.side !== b!.side,
    );
  return isInTurns ? 'interleaved' : 'independent';
}

function samplesOf(side: Side): Samples | null {
  const run: ComparedRun | undefined = side.runs[0];
  return run?.performance ?? null;
}

/** Completed work, batch of time by batch. */
function compareRates(workOf: (sample: SampleEvidence) => number): CompareSamples {
  return (baseline, candidate, alpha) => {
    const [from, to] = [baseline, candidate].map((samples) => batchWork(samples, workOf));
    if (typeof from === 'string') return none(`baseline: ${from}`);
    if (typeof to === 'string') return none(`candidate: ${to}`);
    return batchMeansRatio(from!, to!, alpha);
  };
}

function positive(values: readonly (number | null)[]): number[] {
  return values.filter((value): value is number => value !== null && value > 0);
}

function centre(values: readonly number[]): number | null {
  if (values.length < 2) return values[0] ?? null;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function none(reason: string): IntervalOrReason {
  return { interval: null, reason };
}
