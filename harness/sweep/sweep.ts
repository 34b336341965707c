// How do throughput and latency trade against each other? The sweep as sweep.json keeps it, computed from the runs that are
// there.

import { readSides } from '../compare/side.js';
import {
  collectRemarks,
  type ExperimentRemark,
  type RemarkedRuns,
} from '../experiment/experiment-remarks.js';
import { listDone } from '../experiment/run-starter.js';
import { findPareto } from './pareto.js';
import { bracket, type TriedLoad } from './rate-search.js';
import type { Slo } from './slo.js';
import type { PlannedPoint, SweepRequest } from './sweep-plan.js';
import { describeSettings, measurePoint, type SweepPoint } from './sweep-point.js';

export const sweepSchema = 'loadmark/sweep/1';

export interface Sweep {
  readonly schema: typeof sweepSchema;
  readonly command: readonly string[];
  readonly config: string;
  readonly repeats: number;
  /** Not all runs were made. */
  readonly interrupted: boolean;
  /** What the Pareto set is of. */
  readonly axes: {
    readonly throughput: 'tokens/s' | 'samples/s';
    readonly latency: 'tpot p99' | 'latency p99';
  };
  readonly points: readonly SweepPoint[];
  /** null in a sweep of a grid. */
  readonly goodput: Goodput | null;
  /** Of the points, by their settings. */
  readonly remarks: readonly ExperimentRemark[];
}

/** rate: queries/s of Server. concurrency: queries in flight of SingleStream's closed loop. */
export type Load = 'rate' | 'concurrency';

/** The highest load inside the limits, and what it comes to. */
export interface Goodput {
  readonly slo: Slo;
  /** What grows from point to point; their setting is called so. */
  readonly load: Load;
  /** The highest load whose samples keep all limits in every repeat, with none below it that fails. */
  readonly highestMet: number | null;
  /** The lowest that was tried and fails; null where none did. */
  readonly lowestFailed: number | null;
  /** Queries/s at `highestMet`: the rate itself, or what so many in flight were answered at. */
  readonly rate: number | null;
  /** The same of loads that LoadGen calls VALID too: it wants enough samples to be sure. */
  readonly validRate: number | null;
}

export async function measureSweep(
  points: readonly PlannedPoint[],
  request: SweepRequest,
  slo: Slo | null,
  isOver: boolean,
): Promise<Sweep> {
  const measured: SweepPoint[] = [];
  const remarked: RemarkedRuns[] = [];
  let scenario = '';
  for (const point of points) {
    const done = listDone(point.runs);
    const sides = readSides(done.map(({ folder }) => folder));
    const runs = sides.flatMap((side) => side.runs);
    scenario = runs[0]?.record.scenario ?? scenario;
    measured.push(measurePoint(point, runs, slo));
    const records = runs.map(({ record }) => record);
    remarked.push({ name: describeSettings(point.settings), records });
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
    goodput: slo === null ? null : findGoodput(measured, slo, loadOf(request)),
    remarks: collectRemarks(remarked),
  };
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

function loadOf({ rates }: SweepRequest): Load {
  return rates === null ? 'concurrency' : 'rate';
}

/** Whether each load keeps the limits in all its runs; those without a run are left out. */
export function listTried(points: readonly SweepPoint[], load: Load): TriedLoad[] {
  return points
    .filter(({ runs }) => runs > 0)
    .map(({ settings, slo }) => ({
      load: Number(settings[load]),
      met: slo!.every(({ met }) => met),
    }));
}

function findGoodput(points: readonly SweepPoint[], slo: Slo, load: Load): Goodput {
  const { highestMet, lowestFailed } = bracket(listTried(points, load));
  const loadAt = ({ settings }: SweepPoint) => Number(settings[load]);
  const valid = points.filter(({ valid: isValid }) => isValid);
  const highestValid = bracket([
    ...listTried(valid, load),
    ...(lowestFailed === null ? [] : [{ load: lowestFailed, met: false }]),
  ]).highestMet;
  const rateAt = (value: number | null) => {
    if (value === null || load === 'rate') return value;
    return points.find((point) => loadAt(point) === value)?.samplesPerSecond ?? null;
  };
  return {
    slo,
    load,
    highestMet,
    lowestFailed,
    rate: rateAt(highestMet),
    validRate: rateAt(highestValid),
  };
}
