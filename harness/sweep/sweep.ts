// How do throughput and latency trade against each other? The sweep as sweep.json keeps it, computed from the runs that are
// there.

import { type ComparedRun, readSides } from '../compare/side.js';
import { listDone } from '../experiment/run-starter.js';
import type { RunRecord } from '../run-record.js';
import { findPareto } from './pareto.js';
import { bracket, type TriedRate } from './rate-search.js';
import { judgeSlo, type Slo, type SloResult } from './slo.js';
import type { PlannedPoint, SweepRequest } from './sweep-plan.js';

export const sweepSchema = 'loadmark/sweep/1';

export interface Sweep {
  readonly schema: typeof sweepSchema;
  readonly command: readonly string[];
  readonly config: string;
  readonly repeats: number;
  /** Not all runs were made. */
  readonly interrupted: boolean;
  /** What the Pareto set is of. */
  readonly axes: { readonly throughput: string; readonly latency: string };
  readonly points: readonly SweepPoint[];
  /** null in a sweep of a grid. */
  readonly goodput: Goodput | null;
}

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
  /** Of the run that was scored, as run.json has them; null without one. */
  readonly scores: Readonly<Record<string, number>> | null;
  /** Among the VALID points that have both figures. */
  readonly isPareto: boolean;
  /** One a repeat; null in a sweep of a grid. */
  readonly slo: readonly SloResult[] | null;
}

export type Percentiles = Readonly<Record<(typeof percentiles)[number], number | null>>;

const percentiles = ['p50', 'p90', 'p99'] as const;

export interface Goodput {
  readonly slo: Slo;
  /** Queries/s: the highest rate whose samples keep all limits in every repeat, with none below it that fails. */
  readonly rate: number | null;
  /** The same, of rates that LoadGen calls VALID too: it wants enough samples to be sure. */
  readonly validRate: number | null;
  /** The lowest rate that was tried and fails; null where none did. */
  readonly lowestFailed: number | null;
}

export async function measureSweep(
  points: readonly PlannedPoint[],
  request: SweepRequest,
  slo: Slo | null,
  isOver: boolean,
): Promise<Sweep> {
  const measured: SweepPoint[] = [];
  let scenario = '';
  for (const point of points) {
    const done = listDone(point.runs);
    const sides = readSides(done.map(({ folder }) => folder));
    const runs = sides.flatMap((side) => side.runs);
    scenario = runs[0]?.record.scenario ?? scenario;
    measured.push(measurePoint(point, runs, slo));
  }
  // Every sample of Offline waits from the start on: its latency is its throughput once more.
  const isOffline = scenario === 'Offline';
  const latencyOf = ({ tpotMs, latencyMs }: SweepPoint) => (isOffline ? tpotMs : latencyMs).p99;
  const hasTokens = measured.some(({ tokensPerSecond }) => tokensPerSecond !== null);
  const rateOf = (point: SweepPoint) =>
    hasTokens ? point.tokensPerSecond : point.samplesPerSecond;
  return {
    schema: sweepSchema,
    command: request.command,
    config: request.config,
    repeats: request.repeats,
    interrupted: !isOver,
    axes: {
      throughput: hasTokens ? 'tokens/s' : 'samples/s',
      latency: isOffline ? 'tpot p99' : 'latency p99',
    },
    points: markPareto(measured, rateOf, latencyOf),
    goodput: slo === null ? null : findGoodput(measured, slo),
  };
}

function measurePoint(
  { settings, folder }: PlannedPoint,
  runs: readonly ComparedRun[],
  slo: Slo | null,
): SweepPoint {
  const records = runs.map(({ record }) => record);
  const at = (name: 'ttftMs' | 'tpotMs' | 'latencyMs') =>
    Object.fromEntries(
      percentiles.map((share) => [share, meanOf(records, (p) => p[name]?.[share] ?? null)]),
    ) as Percentiles;
  return {
    settings,
    path: folder,
    runs: runs.length,
    valid: runs.length > 0 && records.every(({ valid }) => valid),
    invalidReasons: [...new Set(records.flatMap(({ invalidReasons }) => invalidReasons))],
    tokensPerSecond: meanOf(records, (p) => p.tokensPerSecond),
    samplesPerSecond: meanOf(records, (p) => p.samplesPerSecond),
    ttftMs: at('ttftMs'),
    tpotMs: at('tpotMs'),
    latencyMs: at('latencyMs'),
    scores: records.find(({ accuracy }) => accuracy !== null)?.accuracy?.metrics ?? null,
    isPareto: false,
    slo: slo === null ? null : runs.map(({ performance }) => judgeSlo(slo, performance ?? [])),
  };
}

type Performance = NonNullable<RunRecord['performance']>;

function meanOf(
  records: readonly RunRecord[],
  figureOf: (performance: Performance) => number | null,
): number | null {
  const figures = records.map(({ performance }) => performance && figureOf(performance));
  const logs = figures.flatMap((figure) =>
    figure != null && figure > 0 ? [Math.log(figure)] : [],
  );
  if (logs.length === 0 || logs.length < figures.length) return null;
  return Math.exp(logs.reduce((sum, value) => sum + value, 0) / logs.length);
}

function markPareto(
  points: readonly SweepPoint[],
  throughputOf: (point: SweepPoint) => number | null,
  latencyOf: (point: SweepPoint) => number | null,
): SweepPoint[] {
  const entered = points.filter(
    (point) => point.valid && throughputOf(point) !== null && latencyOf(point) !== null,
  );
  const isIn = findPareto(
    entered.map((point) => ({ throughput: throughputOf(point)!, latency: latencyOf(point)! })),
  );
  return points.map((point) => ({ ...point, isPareto: isIn[entered.indexOf(point)] === true }));
}

/** Whether each rate keeps the limits in all its runs; those without a run are left out. */
export function listTried(points: readonly SweepPoint[], mustBeValid = false): TriedRate[] {
  return points
    .filter(({ runs }) => runs > 0)
    .map(({ settings, slo, valid }) => ({
      rate: Number(settings.rate),
      met: slo!.every(({ met }) => met) && (valid || !mustBeValid),
    }));
}

function findGoodput(points: readonly SweepPoint[], slo: Slo): Goodput {
  const { highestMet, lowestFailed } = bracket(listTried(points));
  const validRates = listTried(points, true)
    .filter(({ met, rate }) => met && (lowestFailed === null || rate < lowestFailed))
    .map(({ rate }) => rate);
  return {
    slo,
    rate: highestMet,
    validRate: validRates.length === 0 ? null : Math.max(...validRates),
    lowestFailed,
  };
}
