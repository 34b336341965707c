// How do throughput and latency trade against each other? The sweep as sweep.json keeps it, computed from the runs that are
// there.

import { readSides } from '../compare/side.js';
import {
  collectRemarks,
  type ExperimentRemark,
  type RemarkedRuns,
} from '../experiment/experiment-remarks.js';
import { describeMeasuredOn, type MeasuredOn } from '../experiment/measured-on.js';
import { listDone } from '../experiment/run-starter.js';
import type { RunRecord } from '../run-record.js';
import type { RunDesign } from '../statistics/index.js';
import { classifyPareto, paretoAlpha } from './pareto.js';
import { bracket, type TriedLoad } from './rate-search.js';
import type { Slo } from './slo.js';
import { sloAlpha } from './slo-verdict.js';
import type { PlannedPoint, SweepRequest } from './sweep-plan.js';
import {
  describeSettings,
  type FigureOf,
  figuresOf,
  measurePoint,
  type SweepPoint,
} from './sweep-point.js';

export const sweepSchema = 'loadmark/sweep/2';

export interface Sweep {
  readonly schema: typeof sweepSchema;
  readonly command: readonly string[];
  readonly config: string;
  readonly repeats: number;
  /** Not all runs were made. */
  readonly interrupted: boolean;
  /** null before the first run. */
  readonly measuredOn: MeasuredOn | null;
  /** What the Pareto set is of. */
  readonly axes: {
    readonly throughput: 'tokens/s' | 'samples/s';
    readonly latency: 'tpot p99' | 'latency p99';
  };
  /** Two-sided: how often a point that no other beats is called dominated, at most. */
  readonly paretoAlpha: number;
  readonly points: readonly SweepPoint[];
  /** null in a sweep of a grid. */
  readonly goodput: Goodput | null;
  /** Of the points, by their settings. */
  readonly remarks: readonly ExperimentRemark[];
}

/** rate: queries/s of Server. concurrency: queries in flight of SingleStream's closed loop. */
export type Load = 'rate' | 'concurrency';

/** Between which loads the highest inside the limits lies: shown, and as it was measured. */
export interface Goodput {
  readonly slo: Slo;
  /** What grows from point to point; their setting is called so. */
  readonly load: Load;
  /** Of what is shown, one-sided, of each load by itself. */
  readonly confidence: number;
  /** The highest load that is shown to keep all limits, with none below it shown to break them; null where none is. */
  readonly highestInside: number | null;
  /** The lowest that is shown to break a limit; null where none is. */
  readonly lowestOutside: number | null;
  /** Queries/s at `highestInside`: the rate itself, or what so many in flight were answered at. */
  readonly rate: number | null;
  /** Queries/s at `lowestOutside`. */
  readonly outsideRate: number | null;
  /** As measured: the highest load whose samples keep all limits in every repeat, with none below it that fails. */
  readonly highestMet: number | null;
  /** As measured: the lowest that was tried and fails; null where none did. */
  readonly lowestFailed: number | null;
  /** Queries/s at `highestMet`. */
  readonly measuredRate: number | null;
  /** As `measuredRate`, of loads that LoadGen calls VALID too. */
  readonly validRate: number | null;
}

export async function measureSweep(
  points: readonly PlannedPoint[],
  request: SweepRequest,
  slo: Slo | null,
  isOver: boolean,
): Promise<Sweep> {
  const measured: MeasuredPoint[] = [];
  const remarked: RemarkedRuns[] = [];
  let scenario = '';
  for (const point of points) {
    const done = listDone(point.runs);
    const sides = readSides(done.map(({ folder }) => folder));
    const runs = sides.flatMap((side) => side.runs);
    scenario = runs[0]?.record.scenario ?? scenario;
    const records = runs.map(({ record }) => record);
    measured.push({ point: measurePoint(point, runs, slo), records });
    remarked.push({ name: describeSettings(point.settings), records });
  }
  // Every sample of Offline waits from the start on: its latency is its throughput once more.
  const isOffline = scenario === 'Offline';
  const latencyOf: FigureOf = ({ tpotMs, latencyMs }) =>
    (isOffline ? tpotMs : latencyMs)?.p99 ?? null;
  const hasTokens = measured.some(({ point }) => point.tokensPerSecond !== null);
  const rateOf: FigureOf = ({ tokensPerSecond, samplesPerSecond }) =>
    hasTokens ? tokensPerSecond : samplesPerSecond;
  // A search makes one rate's repeats after another's.
  const design = request.rates === 'auto' ? 'independent' : 'interleaved';
  const placed = placePoints(measured, rateOf, latencyOf, design);
  return {
    schema: sweepSchema,
    command: request.command,
    config: request.config,
    repeats: request.repeats,
    interrupted: !isOver,
    measuredOn: describeMeasuredOn(measured.flatMap(({ records }) => records)),
    axes: {
      throughput: hasTokens ? 'tokens/s' : 'samples/s',
      latency: isOffline ? 'tpot p99' : 'latency p99',
    },
    paretoAlpha,
    points: placed,
    goodput: slo === null ? null : findGoodput(placed, slo, loadOf(request)),
    remarks: collectRemarks(remarked),
  };
}

interface MeasuredPoint {
  readonly point: SweepPoint;
  readonly records: readonly RunRecord[];
}

/** Positions are those in the record. */
function placePoints(
  measured: readonly MeasuredPoint[],
  throughputOf: FigureOf,
  latencyOf: FigureOf,
  design: RunDesign,
): SweepPoint[] {
  const entered = measured.flatMap(({ point, records }, position) => {
    const throughputs = figuresOf(records, throughputOf);
    const latencies = figuresOf(records, latencyOf);
    const isIn = point.valid && throughputs.length > 0 && latencies.length > 0;
    return isIn ? [{ position, throughputs, latencies }] : [];
  });
  const places = new Map(
    classifyPareto(entered, design).map((place, i) => [
      entered[i]!.position,
      {
        class: place.class,
        dominatedBy: place.dominatedBy === null ? null : entered[place.dominatedBy]!.position,
      },
    ]),
  );
  return measured.map(({ point }, i) => ({ ...point, pareto: places.get(i) ?? null }));
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

/** What is shown of each load; those that cannot be told are left out. */
function listShown(points: readonly SweepPoint[], load: Load): TriedLoad[] {
  return points.flatMap(({ settings, sloVerdict }) => {
    const state = sloVerdict!.state;
    return state === 'cannot tell'
      ? []
      : [{ load: Number(settings[load]), met: state === 'inside' }];
  });
}

function findGoodput(points: readonly SweepPoint[], slo: Slo, load: Load): Goodput {
  const measured = bracket(listTried(points, load));
  const shown = bracket(listShown(points, load));
  const { lowestFailed } = measured;
  const valid = points.filter(({ valid: isValid }) => isValid);
  const highestValid = bracket([
    ...listTried(valid, load),
    ...(lowestFailed === null ? [] : [{ load: lowestFailed, met: false }]),
  ]).highestMet;
  const rateAt = (value: number | null) => {
    if (value === null || load === 'rate') return value;
    const point = points.find(({ settings }) => Number(settings[load]) === value);
    return point?.samplesPerSecond ?? null;
  };
  return {
    slo,
    load,
    confidence: 1 - sloAlpha,
    highestInside: shown.highestMet,
    lowestOutside: shown.lowestFailed,
    rate: rateAt(shown.highestMet),
    outsideRate: rateAt(shown.lowestFailed),
    highestMet: measured.highestMet,
    lowestFailed,
    measuredRate: rateAt(measured.highestMet),
    validRate: rateAt(highestValid),
  };
}
