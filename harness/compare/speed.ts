// How many times as fast is the candidate? Ratios of medians and rates, each with an interval: over repeats where there
// are some, else over the samples of one run each.

import type { SampleEvidence } from '../evidence.js';
import {
  geometricMean,
  type Interval,
  type IntervalOrReason,
  type RunDesign,
  ratioOfRepeats,
  refuse,
} from '../statistics/index.js';
import type { ComparedRun, Side } from './side.js';
import { includesWaiting, metricsOf, type SpeedMetric } from './speed-metric.js';

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

/** Every metric that either side has. */
export function compareSpeed(baseline: Side, candidate: Side, alpha: number): SpeedRatio[] {
  const { scenario } = baseline.runs[0]!.record;
  return metricsOf(scenario).flatMap(
    (metric) => compareMetric(metric, baseline, candidate, alpha) ?? [],
  );
}

/** What is to be said beside intervals from one run on a side; null where there are none. */
export function caveatOf(ratios: readonly SpeedRatio[]): string | null {
  const ofOneRun = ratios.filter(({ covers }) => covers === 'within one run');
  if (ofOneRun.length === 0) return null;
  // Rates have theirs of batches of time, which keep neighbours together.
  const areDrawn = ofOneRun.some(({ unit }) => unit === 'ms');
  return areDrawn ? `${singleRunCaveat}; ${percentileCaveat}` : singleRunCaveat;
}

export const singleRunCaveat = 'within one run a side; the variation between runs is not in it';
const percentileCaveat =
  'those of percentiles take samples as independent, and are too narrow where neighbours are alike (a queue, a batch)';

/** Figures of every run that has one, in the order of the runs. */
export function figuresOf(metric: SpeedMetric, side: Side): number[] {
  return side.runs.flatMap(({ record }) => metric.of(record) ?? []);
}

/** Why a side's figures allow no ratio; null where they do. Leaving a run out that has 0 would flatter the others. */
export function findLack({ name, of }: SpeedMetric, { label, runs }: Side): string | null {
  const figures = runs.map(({ record }) => of(record));
  const low = figures.find((figure) => figure !== null && figure <= 0);
  if (low !== undefined) return `${name} of ${label} is ${low}, of which there is no ratio`;
  return figures.every((figure) => figure === null) ? `${label} has no such figure` : null;
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
  const lack = findLack(metric, baseline) ?? findLack(metric, candidate);
  if (lack !== null) {
    return {
      ...common,
      ratio: null,
      interval: null,
      covers: null,
      absentBecause: lack,
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
  if (from.length !== to.length) {
    return refuse(`${from.length} and ${to.length} runs, whose scatter takes 2 a side to see`);
  }
  if (metric.compare === undefined) return refuse('one run a side, and no sample tells of it');
  if (includesWaiting(metric.name) && isOneQueue(baseline) && isOneQueue(candidate)) {
    return refuse('one run a side, whose samples wait for each other in one queue');
  }
  const [a, b] = [samplesOf(baseline), samplesOf(candidate)];
  if (a === null || b === null) return refuse('one run a side, whose samples were not kept');
  try {
    return metric.compare(a, b, alpha);
  } catch (error) {
    // Times that cannot be are told elsewhere.
    if (error instanceof RangeError) return refuse(error.message);
    throw error;
  }
}

/** Offline's samples are all there from the start: a time to an answer is that of all answers before it. */
function isOneQueue({ runs }: Side): boolean {
  return runs[0]?.record.scenario === 'Offline';
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

function samplesOf(side: Side): readonly SampleEvidence[] | null {
  const run: ComparedRun | undefined = side.runs[0];
  return run?.performance ?? null;
}

/** The geometric mean over a side's runs; where one is 0 or less the least, null of none. */
export function centre(values: readonly number[]): number | null {
  if (values.length < 2 || values.some((value) => value <= 0))
    return values.length === 0 ? null : Math.min(...values);
  return geometricMean(values);
}
