// Student's t distribution, with any positive number of degrees of freedom, as Welch's has.

import { incompleteBeta } from './beta.js';
import { findRoot } from './root.js';

/** P[T > t] for t >= 0. */
function upperTail(t: number, df: number): number {
  const square = t * t;
  const far = square / (df + square);
  const near = df / (df + square);
  // Near the middle the tail is a half less a small number, which is the part to be computed.
  if (square < 0.5) return 0.5 - 0.5 * incompleteBeta(0.5, df / 2, far, near);
  return 0.5 * incompleteBeta(df / 2, 0.5, near, far);
}

function checkFreedom(df: number): void {
  if (!(df > 0 && df < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`degrees of freedom are ${df}; they must be finite and above 0`);
  }
}

/**
 * P[T <= t].
 * @param df degrees of freedom, above 0, not necessarily whole
 */
export function studentCdf(t: number, df: number): number {
  checkFreedom(df);
  return t < 0 ? upperTail(-t, df) : 1 - upperTail(t, df);
}

/**
 * The t with P[T <= t] = p.
 * @param p in (0, 1)
 * @param df degrees of freedom, above 0, not necessarily whole
 */
export function studentQuantile(p: number, df: number): number {
  checkFreedom(df);
  if (!(p > 0 && p < 1)) throw new RangeError(`probability is ${p}; it must be in (0, 1)`);
  if (p === 0.5) return 0;
  const tail = Math.min(p, 1 - p);
  let high = 2;
  while (upperTail(high, df) > tail && high < Number.MAX_VALUE / 2) high *= 2;
  const t = findRoot((at) => tail - upperTail(at, df), high === 2 ? 0 : high / 2, high);
  return p < 0.5 ? -t : t;
}
