// Is it shown that a load keeps the limits, shown that it does not, or can so many samples not tell?

import type { SampleEvidence } from '../evidence.js';
import {
  bonferroniAlpha,
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
}

export interface SloVerdict {
  readonly state: SloState;
  /** Of the shortest run. */
  readonly samples: number;
  /**
   * How many samples a run would tell, were the shares to stay as they were measured. Null where this load is told, where
   * shares lie on the limit, or where `runsDiffer`.
   */
  readonly samplesToTell: number | null;
  /** Repeats differ by more than their samples explain: more of them would tell, longer ones would not. */
  readonly runsDiffer: boolean;
  readonly limits: Readonly<Partial<Record<LimitedTime, OverShare>>>;
}

/** A day of Server traffic: more is no advice. */
const mostSamples = 1e7;

/**
 * Inside: of each limit the share over it is shown to be below what the percentile allows, and every run kept it. Outside:
 * one is shown to be above.
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
    samplesToTell: state !== 'cannot tell' || runsDiffer ? null : samplesOf(open),
    runsDiffer,
    limits: Object.fromEntries(judged.map(({ name, over }) => [name, over])),
  };
}

/**
 * How slow samples come in clumps is read off four times as many as may be over a limit: the few beyond it are sometimes
 * short of clumps just where they are short of samples. In queues whose true percentile is the limit (M/M/1 at loads of 0.5
 * to 0.9) one in 45 was called inside by those few, one in 110 by these.
 */
function probedPercentile({ percentile }: Slo): number {
  return Math.max(50, 100 - 4 * (100 - percentile));
}

interface JudgedLimit {
  readonly over: OverShare;
  readonly runsDiffer: boolean;
  /** Whether what is yet to be shown is that the limit is kept. */
  readonly isLow: boolean;
  readonly samplesToTell: number | null;
}

/** One broken limit is enough; that all are kept takes as many samples as the one that takes most. */
function samplesOf(open: readonly JudgedLimit[]): number | null {
  const known = (limits: readonly JudgedLimit[]) =>
    limits.flatMap(({ samplesToTell }) => samplesToTell ?? []);
  const high = known(open.filter(({ isLow }) => !isLow));
  if (high.length > 0) return Math.min(...high);
  const low = known(open);
  return low.length < open.length ? null : Math.max(...low);
}

function judgeLimit(
  slo: Slo,
  name: LimitedTime,
  limitCount: number,
  runs: readonly (readonly SampleEvidence[])[],
): JudgedLimit {
  const limitMs = slo.limitsMs[name]!;
  const allowed = (100 - slo.percentile) / 100;
  const times = runs.map((run) => timesOf(run, name));
  const sorted = times.map((run) => run.toSorted());
  const isKept = sorted.every((run) => timeAtPercentile(run, slo.percentile) <= limitMs);
  const probed = probedPercentile(slo);
  const probeMs = Math.min(limitMs, ...sorted.map((run) => timeAtPercentile(run, probed)));
  const proportion = weighProportion(
    times.map((run) => Uint8Array.from(run, (time) => Number(time > limitMs))),
    times.map((run) => Uint8Array.from(run, (time) => Number(time > probeMs))),
    sloAlpha,
  );
  const { share, samples, effectiveSamples, runsDiffer } = proportion;
  const brokenAlpha = bonferroniAlpha(sloAlpha, limitCount);
  const shows = (effective: number) => {
    const tail = proportionTail({ share, effectiveSamples: effective });
    return {
      inside: isKept && tail('at least', allowed) < sloAlpha,
      outside: tail('at most', allowed) < brokenAlpha,
    };
  };
  const { inside, outside } = shows(effectiveSamples);
  const perSample = effectiveSamples / samples;
  const isLow = share < allowed;
  return {
    over: {
      state: inside ? 'inside' : outside ? 'outside' : 'cannot tell',
      estimate: share,
      lower: proportionBound(proportion, 'lower', brokenAlpha),
      upper: proportionBound(proportion, 'upper', sloAlpha),
      effectiveSamples,
    },
    runsDiffer,
    isLow,
    samplesToTell:
      isLow && !isKept
        ? null
        : leastInteger(
            (count) => shows(count * perSample)[isLow ? 'inside' : 'outside'],
            samples,
            mostSamples,
          ),
  };
}
