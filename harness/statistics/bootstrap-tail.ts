// BCa's way from a normal deviate to a quantile of the resamples, and back: the bounds of intervals, and the p-values that
// agree with them.

import type { TailTest } from './interval.js';
import { normalCdf, normalQuantile } from './normal.js';

/** Efron 1987: the estimate's place among the resamples as a normal deviate, and how the error changes with the truth. */
export interface BiasCorrection {
  readonly bias: number;
  readonly acceleration: number;
}

/** Which share of the resamples lies below the bound at the normal deviate `z`; NaN where BCa has none. */
export function correctedShare({ bias, acceleration }: BiasCorrection, z: number): number {
  const shifted = bias + z;
  const damping = 1 - acceleration * shifted;
  return damping <= 0 ? Number.NaN : normalCdf(bias + shifted / damping);
}

/**
 * The test whose p-value is the level at which a bound would just reach the value; at least 1 / (resamples + 1), since no
 * resample tells of less.
 * @param sorted the resampled statistics, ascending
 * @param correction null for the plain percentile interval
 */
export function bootstrapTail(sorted: Float64Array, correction: BiasCorrection | null): TailTest {
  const least = 1 / (sorted.length + 1);
  return (hypothesis, value) => {
    const isLower = hypothesis === 'at least';
    const share = isLower ? shareReaching(sorted, value) : shareWithin(sorted, value);
    const z = deviateOf(share, correction);
    return Math.max(least, normalCdf(isLower ? -z : z));
  };
}

/** The least share whose quantile is at least `value`; above 1 where none is. */
function shareReaching(sorted: Float64Array, value: number): number {
  const at = sorted.findIndex((drawn) => drawn >= value);
  if (at < 0) return 1 + Number.EPSILON;
  return at === 0 ? 0 : shareBetween(sorted, at - 1, value);
}

/** The greatest share whose quantile is at most `value`; below 0 where none is. */
function shareWithin(sorted: Float64Array, value: number): number {
  const at = sorted.findLastIndex((drawn) => drawn <= value);
  if (at < 0) return -Number.EPSILON;
  return at === sorted.length - 1 ? 1 : shareBetween(sorted, at, value);
}

/** By a straight line from element `at` to the next, as `quantileOf` reads quantiles. */
function shareBetween(sorted: Float64Array, at: number, value: number): number {
  const [low, high] = [sorted[at]!, sorted[at + 1]!];
  return (at + (value - low) / (high - low)) / (sorted.length - 1);
}

/** The inverse of `correctedShare`. */
function deviateOf(share: number, correction: BiasCorrection | null): number {
  if (share <= 0) return Number.NEGATIVE_INFINITY;
  if (share >= 1) return Number.POSITIVE_INFINITY;
  const z = normalQuantile(share);
  if (correction === null) return z;
  const { bias, acceleration } = correction;
  const moved = z - bias;
  const damping = 1 + acceleration * moved;
  if (damping <= 0) return moved < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return moved / damping - bias;
}
