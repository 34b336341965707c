// Is it shown that a load keeps the limits, shown that it does not, or can so many samples not tell?

import type { SampleEvidence } from '../evidence.js';
import {
  bonferroniAlpha,
  geometricMeanInterval,
  leastInteger,
  proportionBound,
  proportionTail,
  weighProportion,
} from '../statistics/index.js';
import { type LimitedTime, limitedTimes, type Slo, timeAtPercentile, timesOf } from './slo.js';

export type SloState = 'inside' | 'outside' | 'cannot tell';

/** One-sided, of a load by itself, however many are tried: that of LoadGen's early stopping. */
export const sloAlpha = 0.01;

/** The share of samples over one limit, of which the percentile allows 1 - p. */
export interface OverShare {
  readonly state: SloState;
  /** Of all samples of all runs, 0..1; one that was never answered is over. */
  readonly estimate: number;
  /** Holds at 1 - `sloAlpha` for all limits together (Bonferroni): one that is broken breaks the objective. */
  readonly lower: number;
  /** Holds at 1 - `sloAlpha` by itself: all limits have to be kept. */
  readonly upper: number;
  /** How many independent samples would know as much. */
  readonly effectiveSamples: number;
  /**
   * Where the repeats' geometric mean of the time at the percentile lies, that of a typical run, with bounds that hold as
   * `lower` and `upper` do: Student's t on its logarithms. Null of one run, of repeats that are equal to the digit, and where it was never reached.
   */
  readonly percentileMs: { readonly lower: number; readonly upper: number } | null;
}

export interface SloVerdict {
  readonly state: SloState;
  /** Of the shortest run. */
  readonly samples: number;
  /**
   * How many samples a run would do, were the shares to stay as they were measured. Null where there are enough, or shares
   * lie on the limit.
   */
  readonly samplesToTell: number | null;
  /** By the repeats' scatter a limit that is open may lie on either side: more repeats would tell. */
  readonly runsDiffer: boolean;
  readonly limits: Readonly<Partial<Record<LimitedTime, OverShare>>>;
}

/** A day of Server traffic: more is no advice. */
const mostSamples = 1e7;

/**
 * Inside: of each limit the share over it is shown to be below what the percentile allows, every run kept it, and the
 * percentile's time lies below it by the repeats' scatter. Outside: of one limit the opposites of the first and the last.
 * @param runs samples in the order of issue
 */
export function judgeRuns(slo: Slo, runs: readonly (readonly SampleEvidence[])[]): SloVerdict {
  const samples = runs.length === 0 ? 0 : Math.min(...runs.map(({ length }) => length));
  if (samples === 0) {
    return { state: 'cannot tell', samples, samplesToTell: null, runsDiffer: false, limits: {} };
  }
  const names = limitedTimes.filter((name) => slo.limitsMs[name] !== undefined);
  const judged = names.map((name) => ({ name, ...judgeLimit(slo, name, names.length, runs) }));
  const has = (wanted: SloState) => judged.some(({ over }) => over.state === wanted);
  const state = has('outside') ? 'outside' : has('cannot tell') ? 'cannot tell' : 'inside';
  const open = judged.filter(({ over }) => over.state === 'cannot tell');
  const runsDiffer = state === 'cannot tell' && open.some((one) => one.runsDiffer);
  return {
    state,
    samples,
    samplesToTell: state === 'cannot tell' ? samplesOf(open) : null,
    runsDiffer,
    limits: Object.fromEntries(judged.map(({ name, over }) => [name, over])),
  };
}

/**
 * How slow samples come in clumps is read off four times as many as may be over a limit: the few beyond it are sometimes
 * short of clumps just where they are short of samples. In queues whose true percentile is the limit (M/M/1 at loads of 0.5
 * to 0.9) 2.2 % were called inside by those few, 1.1 % by these.
 */
function probedPercentile({ percentile }: Slo): number {
  return Math.max(50, 100 - 4 * (100 - percentile));
}

interface JudgedLimit {
  readonly over: OverShare;
  readonly runsDiffer: boolean;
  /** Whether what is yet to be shown is that the limit is kept. */
  readonly isLow: boolean;
  /** 0 where there are enough. */
  readonly samplesToTell: number | null;
}

/** One broken limit is enough; that all are kept takes as many samples as the one that takes most. */
function samplesOf(open: readonly JudgedLimit[]): number | null {
  const known = (limits: readonly JudgedLimit[]) =>
    limits.flatMap(({ samplesToTell }) => samplesToTell ?? []);
  const high = known(open.filter(({ isLow }) => !isLow));
  const low = known(open);
  const least =
    high.length > 0 ? Math.min(...high) : low.length < open.length ? null : Math.max(...low);
  return least === 0 ? null : least;
}

function judgeLimit(
  slo: Slo,
  name: LimitedTime,
  limitCount: number,
  runs: readonly (readonly SampleEvidence[])[],
): JudgedLimit {
  const limitMs = slo.limitsMs[name]!;
  const allowed = (100 - slo.percentile) / 100;
  const brokenAlpha = bonferroniAlpha(sloAlpha, limitCount);
  const times = runs.map((run) => timesOf(run, name));
  const sorted = times.map((run) => run.toSorted());
  const reachedMs = sorted.map((run) => timeAtPercentile(run, slo.percentile));
  const probed = probedPercentile(slo);
  const proportion = weighProportion(
    times.map((run) => Uint8Array.from(run, (time) => Number(time > limitMs))),
    times.map((run, i) => {
      const probeMs = Math.min(limitMs, timeAtPercentile(sorted[i]!, probed));
      return Uint8Array.from(run, (time) => Number(time > probeMs));
    }),
    sloAlpha,
  );
  const { share, samples, effectiveSamples } = proportion;
  const shows = (effective: number) => {
    const tail = proportionTail({ share, effectiveSamples: effective });
    return {
      inside: tail('at least', allowed) < sloAlpha,
      outside: tail('at most', allowed) < brokenAlpha,
    };
  };
  const percentileMs = boundPercentile(reachedMs, brokenAlpha);
  const isLow = share < allowed;
  const repeatsAgree = isLow
    ? reachedMs.every((reached) => reached <= limitMs) && (percentileMs?.upper ?? 0) < limitMs
    : percentileMs === null || percentileMs.lower > limitMs;
  const direction = isLow ? 'inside' : 'outside';
  const isEnough = shows(effectiveSamples)[direction];
  const perSample = effectiveSamples / samples;
  return {
    over: {
      state: isEnough && repeatsAgree ? direction : 'cannot tell',
      estimate: share,
      lower: proportionBound(proportion, 'lower', brokenAlpha),
      upper: proportionBound(proportion, 'upper', sloAlpha),
      effectiveSamples,
      percentileMs,
    },
    runsDiffer: runs.length > 1 && !repeatsAgree,
    isLow,
    samplesToTell: isEnough
      ? 0
      : leastInteger((count) => shows(count * perSample)[direction], samples, mostSamples),
  };
}

/** LoadGen's clock has whole nanoseconds. */
const leastMs = 1e-6;

function boundPercentile(
  reachedMs: readonly number[],
  brokenAlpha: number,
): OverShare['percentileMs'] {
  if (!reachedMs.every(Number.isFinite)) return null;
  const figures = reachedMs.map((reached) => Math.max(reached, leastMs));
  // Intervals are two-sided.
  const low = geometricMeanInterval(figures, 2 * brokenAlpha).interval;
  const high = geometricMeanInterval(figures, 2 * sloAlpha).interval;
  return low === null || high === null ? null : { lower: low.lower, upper: high.upper };
}
