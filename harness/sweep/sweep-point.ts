// What does a sweep know of one point? Figures over its repeats, each with an interval or the reason why there is none.

import { sampleTimes, type TimeField } from '../compare/sample-times.js';
import type { ComparedRun } from '../compare/side.js';
import type { RunRecord } from '../run-record.js';
import {
  geometricMean,
  geometricMeanInterval,
  type Interval,
  percentileInterval,
} from '../statistics/index.js';
import type { ParetoClass } from './pareto.js';
import { judgeSlo, type Slo, type SloResult } from './slo.js';
import { judgeRuns, type SloVerdict } from './slo-verdict.js';
import type { PlannedPoint } from './sweep-plan.js';

/** Figures are geometric means over the repeats; null where a run has none. */
export interface SweepPoint {
  readonly settings: Readonly<Record<string, string>>;
  readonly path: string;
  readonly runs: number;
  readonly valid: boolean;
  readonly invalidReasons: readonly string[];
  readonly tokensPerSecond: number | null;
  readonly samplesPerSecond: number | null;
  readonly ttftMs: Percentiles;
  readonly tpotMs: Percentiles;
  readonly latencyMs: Percentiles;
  readonly intervals: PointIntervals;
  /** Of the run that was scored, as run.json has them; null without one. */
  readonly scores: Readonly<Record<string, number>> | null;
  /** Among the VALID points that have both figures; null of all others. */
  readonly pareto: PointPlace | null;
  /** As measured, one a repeat; null where nothing is limited. */
  readonly slo: readonly SloResult[] | null;
  /** What all repeats together show; null where nothing is limited. */
  readonly sloVerdict: SloVerdict | null;
}

export interface PointPlace {
  readonly class: ParetoClass;
  /** Position in the record of a point that is shown to be better in both figures. */
  readonly dominatedBy: number | null;
}

export const percentiles = ['p50', 'p90', 'p99'] as const;
export type Percentile = (typeof percentiles)[number];
export type Percentiles = Readonly<Record<Percentile, number | null>>;

/** Each of its own, at 1 - alpha: over the repeats where there are some, of times else over the samples of the one run. */
export interface PointIntervals {
  /** Why rates have none; null where they have one. */
  readonly absentBecause: string | null;
  readonly tokensPerSecond: Interval | null;
  readonly samplesPerSecond: Interval | null;
  readonly ttftMs: Readonly<Record<Percentile, Interval | null>>;
  readonly tpotMs: Readonly<Record<Percentile, Interval | null>>;
  readonly latencyMs: Readonly<Record<Percentile, Interval | null>>;
}

/** Two-sided, of every interval of a point. */
export const pointAlpha = 0.05;

const shares: Readonly<Record<Percentile, number>> = { p50: 0.5, p90: 0.9, p99: 0.99 };

type Performance = NonNullable<RunRecord['performance']>;
export type FigureOf = (performance: Performance) => number | null;

/** As it is called: "max-batch=8 kv-cache=fp16". */
export function describeSettings(settings: SweepPoint['settings']): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

export function measurePoint(
  { settings, folder }: PlannedPoint,
  runs: readonly ComparedRun[],
  slo: Slo | null,
): SweepPoint {
  const records = runs.map(({ record }) => record);
  const samples = runs.map(({ performance }) => performance ?? []);
  const timesAt = (field: TimeField) =>
    byPercentile((percentile) => meanOf(records, (p) => p[field]?.[percentile] ?? null));
  const intervalsAt = (field: TimeField) =>
    byPercentile((percentile) => intervalOfTime(runs, field, percentile));
  const rates = {
    tokensPerSecond: (p: Performance) => p.tokensPerSecond,
    samplesPerSecond: (p: Performance) => p.samplesPerSecond,
  };
  return {
    settings,
    path: folder,
    runs: runs.length,
    valid: runs.length > 0 && records.every(({ valid }) => valid),
    invalidReasons: [...new Set(records.flatMap(({ invalidReasons }) => invalidReasons))],
    tokensPerSecond: meanOf(records, rates.tokensPerSecond),
    samplesPerSecond: meanOf(records, rates.samplesPerSecond),
    ttftMs: timesAt('ttftMs'),
    tpotMs: timesAt('tpotMs'),
    latencyMs: timesAt('latencyMs'),
    intervals: {
      absentBecause: absenceOf(records, rates.samplesPerSecond),
      tokensPerSecond: intervalOver(records, rates.tokensPerSecond),
      samplesPerSecond: intervalOver(records, rates.samplesPerSecond),
      ttftMs: intervalsAt('ttftMs'),
      tpotMs: intervalsAt('tpotMs'),
      latencyMs: intervalsAt('latencyMs'),
    },
    scores: records.find(({ accuracy }) => accuracy !== null)?.accuracy?.metrics ?? null,
    pareto: null,
    slo: slo === null ? null : samples.map((run) => judgeSlo(slo, run)),
    sloVerdict: slo === null ? null : judgeRuns(slo, samples),
  };
}

function byPercentile<T>(make: (percentile: Percentile) => T): Record<Percentile, T> {
  return { p50: make('p50'), p90: make('p90'), p99: make('p99') };
}

/** Those above 0, one a run; none where a run has no such figure. */
export function figuresOf(records: readonly RunRecord[], figureOf: FigureOf): number[] {
  const figures = records.flatMap(({ performance }) => {
    const figure = performance === null ? null : figureOf(performance);
    return figure !== null && figure > 0 ? [figure] : [];
  });
  return figures.length < records.length ? [] : figures;
}

function meanOf(records: readonly RunRecord[], figureOf: FigureOf): number | null {
  const figures = figuresOf(records, figureOf);
  return figures.length === 0 ? null : geometricMean(figures);
}

function intervalOver(records: readonly RunRecord[], figureOf: FigureOf): Interval | null {
  return geometricMeanInterval(figuresOf(records, figureOf), pointAlpha).interval;
}

function absenceOf(records: readonly RunRecord[], figureOf: FigureOf): string | null {
  return geometricMeanInterval(figuresOf(records, figureOf), pointAlpha).reason;
}

function intervalOfTime(
  runs: readonly ComparedRun[],
  field: TimeField,
  percentile: Percentile,
): Interval | null {
  const [run, ...more] = runs;
  if (run === undefined) return null;
  if (more.length > 0) {
    const records = runs.map(({ record }) => record);
    return intervalOver(records, (p) => p[field]?.[percentile] ?? null);
  }
  const times = (run.performance ?? []).flatMap((sample) => sampleTimes[field](sample) ?? []);
  return percentileInterval(times, shares[percentile], pointAlpha).interval;
}
