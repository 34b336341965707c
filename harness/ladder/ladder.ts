// What did each step give, and what did it cost? The ladder as ladder.json keeps it, computed from the runs that are there.

import type { AgreementComparison } from '../compare/agreement.js';
import { compareSides, type JudgedRatio } from '../compare/comparison.js';
import type { QualityComparison } from '../compare/quality.js';
import { readSides, type Side } from '../compare/side.js';
import { centre, figuresOf, type SpeedRatio } from '../compare/speed.js';
import { metricsOf } from '../compare/speed-metric.js';
import type { ComparisonVerdict } from '../compare/verdict.js';
import type { ExperimentRemark } from '../experiment/experiment-remarks.js';
import { describeMeasuredOn, type MeasuredOn } from '../experiment/measured-on.js';
import { listDone } from '../experiment/run-starter.js';
import {
  bonferroniAlpha,
  geometricMean,
  type Interval,
  ratioOfRepeats,
} from '../statistics/index.js';
import type { SettingChange } from './ladder-factor.js';
import type { LadderPlan, LadderRequest, LadderStep, PlannedSide } from './ladder-plan.js';
import { listLadderRemarks } from './ladder-remarks.js';

export const ladderSchema = 'loadmark/ladder/2';

/** Of ratios, of all of a family together; intervals of scores are at 1 - 2 alpha each, as in a comparison. */
const alpha = 0.05;

export interface Ladder {
  readonly schema: typeof ladderSchema;
  readonly command: readonly string[];
  readonly base: string;
  readonly optimized: string;
  readonly alpha: number;
  /** Intervals of a family hold together: of several one is off by chance. */
  readonly simultaneous: SimultaneousIntervals;
  /** Asked for; each rung says how many it has. */
  readonly repeats: number;
  /** Not all runs were made. */
  readonly interrupted: boolean;
  /** null before the first run. */
  readonly measuredOn: MeasuredOn | null;
  /** What the steps are in; null before the first run. */
  readonly metric: Pick<SpeedRatio, 'metric' | 'unit' | 'better'> | null;
  /** Written differently, and the same on this machine: no step. */
  readonly same: readonly SettingChange[];
  /** One more than steps, the base first. */
  readonly rungs: readonly LadderRung[];
  readonly steps: readonly MeasuredStep[];
  /** The optimized against the base. */
  readonly whole: Contrast;
  /** Of the base, the steps by their names, and factors alone. */
  readonly remarks: readonly ExperimentRemark[];
}

/**
 * Each family's intervals are at 1 - alpha / its size (Bonferroni). The whole is one of the steps' family: it stands beside
 * them in one table, where at a level of its own it would be told apart from 1 by repeats that tell nothing of the steps.
 */
export interface SimultaneousIntervals {
  readonly method: 'Bonferroni';
  /** Ratios and scores of the steps, each against the rung before, and of the whole; those against the base are at the same level. */
  readonly steps: IntervalFamily;
  /** Of factors alone, and of interactions; null where no factor behind the first is measured alone. */
  readonly interactions: IntervalFamily | null;
}

export interface IntervalFamily {
  readonly count: number;
  /** alpha / count: of each interval. */
  readonly alphaEach: number;
}

export interface LadderRung {
  readonly label: string;
  readonly path: string;
  readonly runs: number;
  /** Geometric mean over the runs; null where there is none. */
  readonly figure: number | null;
  readonly invalidReasons: readonly string[];
}

export interface Contrast {
  /** In the ladder's metric; null where it cannot be said. */
  readonly main: JudgedRatio | null;
  readonly speed: readonly JudgedRatio[];
  readonly quality: QualityComparison | null;
  /** Of the answers' tokens. */
  readonly agreement: Omit<AgreementComparison, 'byPosition'> | null;
  /** What a reader should know of a ratio that is made. */
  readonly remarks: readonly string[];
  /** Why there is no ratio; empty where there is one. */
  readonly reasons: readonly string[];
  /** null before both sides were run. */
  readonly verdict: ComparisonVerdict | null;
}

export interface MeasuredStep extends LadderStep {
  /** Against the rung before. */
  readonly before: Contrast;
  /** Against the base. */
  readonly sinceBase: Contrast;
  /** The factor alone on the base, against the base; null where it was not measured. */
  readonly alone: Contrast | null;
  /** null where either of the two has no ratio. */
  readonly interaction: Interaction | null;
}

/** Step ratio / alone ratio: 1 where a factor gives the same whatever else has changed. */
export interface Interaction {
  readonly ratio: number;
  readonly interval: Interval | null;
  readonly absentBecause: string | null;
  /** The interval leaves 1 out. */
  readonly isShown: boolean;
}

/** @throws InputError where a run cannot be read. */
export async function measureLadder(plan: LadderPlan, request: LadderRequest): Promise<Ladder> {
  const sides = new Map<PlannedSide, Side | null>();
  const read = async (side: PlannedSide) => {
    if (!sides.has(side)) sides.set(side, await readSide(side));
    return sides.get(side)!;
  };
  const rungs: (Side | null)[] = [];
  for (const rung of plan.rungs) rungs.push(await read(rung));
  const [base] = rungs;
  const simultaneous = familiesOf(plan);
  const { alphaEach } = simultaneous.steps;
  const aloneAlpha = simultaneous.interactions?.alphaEach ?? alpha;
  const steps: MeasuredStep[] = [];
  const alone: (Side | null)[] = [];
  for (const [k, step] of plan.steps.entries()) {
    const [from, to] = [rungs[k]!, rungs[k + 1]!];
    const planned = plan.alone[k];
    alone.push(planned == null ? null : await read(planned));
    const single = alone[k]!;
    const before = contrast(from, to, alphaEach);
    const onBase = planned == null ? null : contrast(base!, single, aloneAlpha);
    const areRatios = before.main?.ratio != null && onBase?.main?.ratio != null;
    steps.push({
      ...step,
      before,
      sinceBase: contrast(base!, to, alphaEach),
      alone: onBase,
      // The first step is its factor alone.
      interaction: k > 0 && areRatios ? findInteraction(base!, single, from, to, aloneAlpha) : null,
    });
  }
  const whole = contrast(base!, rungs.at(-1)!, alphaEach);
  const measured = base == null ? null : metricsOf(base.runs[0]!.record.scenario)[0]!;
  return {
    schema: ladderSchema,
    command: request.command,
    base: request.base,
    optimized: request.optimized,
    alpha,
    simultaneous,
    repeats: request.repeats,
    interrupted: listDone(plan.runs).length < plan.runs.length,
    measuredOn: describeMeasuredOn(
      [...rungs, ...alone].flatMap((side) => side?.runs.map(({ record }) => record) ?? []),
    ),
    metric:
      measured === null
        ? null
        : { metric: measured.name, unit: measured.unit, better: measured.better },
    same: plan.same,
    rungs: plan.rungs.map((rung, k) => describeRung(rung, rungs[k]!)),
    steps,
    whole,
    remarks: listLadderRemarks(steps, rungs, alone),
  };
}

function familiesOf({ steps, alone }: LadderPlan): SimultaneousIntervals {
  const family = (count: number) => ({ count, alphaEach: bonferroniAlpha(alpha, count) });
  const interactions = alone.slice(1).filter((side) => side !== null).length;
  return {
    method: 'Bonferroni',
    // Of a single step the whole is no other question.
    steps: family(steps.length === 1 ? 1 : steps.length + 1),
    interactions: interactions === 0 ? null : family(interactions),
  };
}

/** null where none of its runs was made. */
async function readSide({ label, folder, runs }: PlannedSide): Promise<Side | null> {
  const done = listDone(runs);
  if (done.length === 0) return null;
  const read = readSides(done.map((run) => run.folder));
  return { label, path: folder, runs: read.flatMap((side) => side.runs) };
}

function describeRung({ label, folder }: PlannedSide, side: Side | null): LadderRung {
  const records = side?.runs.map(({ record }) => record) ?? [];
  const figures = side === null ? [] : figuresOf(metricsOf(records[0]!.scenario)[0]!, side);
  return {
    label,
    path: folder,
    runs: records.length,
    figure: centre(figures),
    invalidReasons: [...new Set(records.flatMap(({ invalidReasons }) => invalidReasons))],
  };
}

/** Of as many runs a side, the repeats that both have. */
function contrast(from: Side | null, to: Side | null, alphaEach: number): Contrast {
  if (from === null || to === null) {
    const [reasons, remarks] = [['not run yet'], []];
    return {
      main: null,
      speed: [],
      quality: null,
      agreement: null,
      remarks,
      reasons,
      verdict: null,
    };
  }
  const [before, after] = alike([from, to]);
  const terms = { alpha: alphaEach, margins: new Map(), gate: [], claims: [] };
  const [found] = compareSides([before!, after!], terms).candidates;
  const { speed, quality, comparability, verdict } = found!;
  const { byPosition: _, ...agreement } = found!.agreement;
  const { reasons, remarks = [] } = comparability;
  return { main: speed[0] ?? null, speed, quality, agreement, remarks, reasons, verdict };
}

function alike(sides: readonly Side[]): Side[] {
  const repeats = Math.min(...sides.map(({ runs }) => runs.length));
  return sides.map((side) => ({ ...side, runs: side.runs.slice(0, repeats) }));
}

/** Repeat by repeat, since the four runs of a repeat were made side by side. */
function findInteraction(
  base: Side | null,
  alone: Side | null,
  from: Side | null,
  to: Side | null,
  alphaEach: number,
): Interaction | null {
  const sides = [base, alone, from, to];
  if (sides.some((side) => side === null)) return null;
  const metric = metricsOf(base!.runs[0]!.record.scenario)[0]!;
  const figures = alike(sides.map((side) => side!)).map((side) => figuresOf(metric, side));
  const repeats = figures[0]!.length;
  if (repeats === 0 || figures.some(({ length }) => length !== repeats)) return null;
  if (figures.some((side) => side.some((figure) => figure <= 0))) return null;
  const [a, b, c, d] = figures;
  const alones = a!.map((value, i) => b![i]! / value);
  const steps = c!.map((value, i) => d![i]! / value);
  const { interval, reason } = ratioOfRepeats(alones, steps, 'interleaved', alphaEach);
  return {
    ratio: geometricMean(steps) / geometricMean(alones),
    interval,
    absentBecause: reason,
    isShown: interval !== null && (interval.lower > 1 || interval.upper < 1),
  };
}
