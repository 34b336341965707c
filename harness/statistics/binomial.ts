// Exact binomial tails, up to 1e5 trials and beyond.

import { checkCount } from './argument-checks.js';
import { logIncompleteBeta } from './beta.js';
import { leastInteger } from './root.js';

function checkTrials(n: number, p: number): void {
  checkCount('trials', n, 0);
  if (!(p >= 0 && p <= 1)) throw new RangeError(`probability is ${p}; it must be in [0, 1]`);
}

/**
 * ln P[X <= k] of n trials with probability p each; finite where the probability itself is below the smallest double.
 * @param k a whole number; below 0 nothing is as small
 */
export function logBinomialCdf(k: number, n: number, p: number): number {
  checkTrials(n, p);
  if (k >= n) return 0;
  if (k < 0) return Number.NEGATIVE_INFINITY;
  return logIncompleteBeta(n - k, k + 1, 1 - p, p);
}

/** P[X <= k] of n trials with probability p each. */
export function binomialCdf(k: number, n: number, p: number): number {
  return Math.exp(logBinomialCdf(k, n, p));
}

/** P[X >= k], not as a difference from 1. */
export function binomialUpperTail(k: number, n: number, p: number): number {
  checkTrials(n, p);
  if (k <= 0) return 1;
  if (k > n) return 0;
  return Math.exp(logIncompleteBeta(k, n - k + 1, p, 1 - p));
}

/** P[X = k]. */
export function binomialProbability(k: number, n: number, p: number): number {
  if (k < 0 || k > n) return 0;
  // Of two tails the shorter one is known to more digits.
  return k < n * p
    ? binomialCdf(k, n, p) - binomialCdf(k - 1, n, p)
    : binomialUpperTail(k, n, p) - binomialUpperTail(k + 1, n, p);
}

/** The least k with P[X <= k] >= share. */
export function binomialQuantile(share: number, n: number, p: number): number {
  checkTrials(n, p);
  return leastInteger((k) => binomialCdf(k, n, p) >= share, 0, n) ?? n;
}
