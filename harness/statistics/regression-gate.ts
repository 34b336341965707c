// Has the candidate become worse than the margin allows? Repeated runs of both sides, one metric.

import { checkShare } from './argument-checks.js';
import type { Interval } from './interval.js';
import { normalCdf } from './normal.js';
import { contrastLogs, type LogContrast, type RunDesign, ratioOfRepeats } from './repeated-runs.js';
import { leastInteger } from './root.js';
import { studentCdf, studentQuantile } from './student-t.js';

export interface GateRule {
  readonly design: RunDesign;
  /** Which way the metric improves: higher for a rate, lower for a latency. */
  readonly better: 'higher' | 'lower';
  /** The change for the worse that is still allowed, a share of the baseline: 0.03 for 3 %. In [0, 1). */
  readonly margin: number;
  /** A change for the worse that must be found, larger than the margin; unless given, the margin twice over. */
  readonly mustFind?: number;
  /** Of each claim, one-sided; 0.05 unless given. */
  readonly alpha?: number;
  /** With which the planned number of runs decides; 0.9 unless given. */
  readonly power?: number;
}

export interface GateDecision {
  /** regression: shown to be worse than the margin. no regression: shown to be within it. */
  readonly verdict: 'regression' | 'no regression' | 'cannot tell';
  /** The ratio at which the margin ends: 1 - margin where higher is better, else 1 + margin. */
  readonly limit: number;
  /** Of candidate / baseline at 1 - 2 alpha, so that each bound holds with 1 - alpha; null where runs allow none. */
  readonly interval: Interval | null;
  readonly reason: string;
  /** One-sided, that the candidate is no worse than the margin: below alpha where a regression shows; null without scatter. */
  readonly regressionP: number | null;
  /**
   * Runs per side with which new measurements would decide with the power asked for, if the scatter is the observed one
   * and nothing changed, or the change that must be found is there. Null where the runs tell no scatter, the margin is 0
   * and no change is named, or 100,000 would not do.
   */
  readonly runsPerSide: number | null;
}

const mostRuns = 100_000;

/**
 * Decides by the one-sided bounds of the ratio of geometric means: a regression is shown when even the better bound is
 * beyond the limit, no regression when even the worse bound is within it. Identical sides are called a regression in at
 * most alpha of all cases, and far more rarely with a margin that is not small beside the scatter. Of several rules the p-values say what holds together. The rule is for one
 * look: measuring on and on until it decides makes false alarms more frequent.
 * @param baseline one figure a run, above 0
 * @param candidate likewise; for interleaved runs as many, in the same order
 * @throws RangeError for figures or a rule out of range
 */
export function decideRegression(
  baseline: readonly number[],
  candidate: readonly number[],
  rule: GateRule,
): GateDecision {
  const { design, better, margin, alpha = 0.05 } = rule;
  checkRule(rule);
  const limit = better === 'higher' ? 1 - margin : 1 + margin;
  const { interval, reason } = ratioOfRepeats(baseline, candidate, design, 2 * alpha);
  if (interval === null) {
    return {
      verdict: 'cannot tell',
      limit,
      interval,
      reason,
      regressionP: null,
      runsPerSide: null,
    };
  }
  const regressionP = testRegression(baseline, candidate, rule, limit);
  const runsPerSide = planRuns(baseline, candidate, rule);
  const { lower, upper } = interval;
  const level = `${Number((100 * (1 - alpha)).toFixed(4))} % one-sided`;
  const show = (value: number): string => value.toFixed(4);
  if (upper < limit) {
    const verdict = better === 'higher' ? 'regression' : 'no regression';
    const why = `the upper bound ${show(upper)} of the ratio (${level}) is below ${show(limit)}`;
    return { verdict, limit, interval, reason: why, regressionP, runsPerSide };
  }
  if (lower > limit) {
    const verdict = better === 'higher' ? 'no regression' : 'regression';
    const why = `the lower bound ${show(lower)} of the ratio (${level}) is above ${show(limit)}`;
    return { verdict, limit, interval, reason: why, regressionP, runsPerSide };
  }
  const why = `the ratio lies between ${show(lower)} and ${show(upper)} (each bound ${level}), on both sides of ${show(limit)}`;
  return { verdict: 'cannot tell', limit, interval, reason: why, regressionP, runsPerSide };
}

function checkRule({ margin, mustFind, alpha = 0.05, power = 0.9 }: GateRule): void {
  if (!(alpha > 0 && alpha < 0.5)) {
    throw new RangeError(`alpha is ${alpha}; it must be in (0, 0.5)`);
  }
  checkShare('power', power);
  if (!(margin >= 0 && margin < 1)) {
    throw new RangeError(`margin is ${margin}; it must be in [0, 1)`);
  }
  if (mustFind !== undefined && !(mustFind > margin && mustFind < 1)) {
    throw new RangeError(`mustFind is ${mustFind}; it must be in (${margin}, 1)`);
  }
}

/** Student's t of the distance between the ratio and the limit, on the logarithms. */
function testRegression(
  baseline: readonly number[],
  candidate: readonly number[],
  { design, better }: GateRule,
  limit: number,
): number | null {
  const contrast = contrastLogs(baseline, candidate, design);
  if (typeof contrast === 'string') return null;
  const { difference, standardError, degreesOfFreedom } = contrast;
  const t = (difference - Math.log(limit)) / standardError;
  return studentCdf(better === 'higher' ? t : -t, degreesOfFreedom);
}

function planRuns(
  baseline: readonly number[],
  candidate: readonly number[],
  rule: GateRule,
): number | null {
  const contrast = contrastLogs(baseline, candidate, rule.design);
  const distance = plannedDistance(rule);
  if (typeof contrast === 'string' || distance === 0) return null;
  const { alpha = 0.05, power = 0.9 } = rule;
  return leastInteger((runs) => decides(contrast, runs, distance, alpha, power), 2, mostRuns);
}

/** From the limit to the nearer of what is to be told apart from it, on the logarithms' scale. */
function plannedDistance({ better, margin, mustFind }: GateRule): number {
  const sign = better === 'higher' ? -1 : 1;
  const unchanged = Math.abs(Math.log1p(sign * margin));
  if (mustFind === undefined) return unchanged;
  const worse = Math.abs(Math.log1p(sign * mustFind) - Math.log1p(sign * margin));
  return margin === 0 ? worse : Math.min(unchanged, worse);
}

/**
 * Would so many runs decide, if the truth is that far from the limit? The new runs' test is the noncentral t, here by its
 * normal approximation with the mean and variance of a sample deviation, so that its quantile has the degrees of freedom
 * of the runs planned (which is why the number is searched for). The true scatter is not known either: the chance is
 * averaged over what the deviation of the runs at hand may be beside it.
 */
function decides(
  contrast: LogContrast,
  runs: number,
  distance: number,
  alpha: number,
  power: number,
): boolean {
  const { variance, df } = contrast.planned(runs);
  const shift = distance / Math.sqrt(variance);
  const t = studentQuantile(1 - alpha, df);
  const mean = 1 - 1 / (4 * df);
  const spread = Math.sqrt(1 + t * t * (1 - mean * mean));
  const known = contrast.degreesOfFreedom;
  const reach = 6 / Math.sqrt(2 * known);
  const low = Math.max(0, 1 - reach);
  const steps = 64;
  let weights = 0;
  let chance = 0;
  for (let i = 0; i < steps; i++) {
    // A sample deviation in units of the true one: the chi distribution's density, up to a factor.
    const deviation = low + ((i + 0.5) / steps) * (1 + reach - low);
    const weight = Math.exp((known - 1) * Math.log(deviation) - 0.5 * known * (deviation ** 2 - 1));
    weights += weight;
    chance += weight * normalCdf((shift * deviation - t * mean) / spread);
  }
  return chance >= power * weights;
}
