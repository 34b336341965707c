// The standard normal distribution.

import { findRoot } from './root.js';

const rootOfTwoPi = Math.sqrt(2 * Math.PI);

function density(x: number): number {
  return Math.exp(-0.5 * x * x) / rootOfTwoPi;
}

/**
 * P[Z > x] for x >= 0: a power series near the middle (Marsaglia 2004, "Evaluating the Normal Distribution"), Laplace's
 * continued fraction of Mills' ratio in the tail, where the series would cancel.
 */
function upperTail(x: number): number {
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let k = 3; k < 200; k += 2) {
      term *= (x * x) / k;
      const next = sum + term;
      if (next === sum) break;
      sum = next;
    }
    return 0.5 - density(x) * sum;
  }
  let ratio = x;
  for (let k = 200; k > 0; k--) ratio = x + k / ratio;
  return density(x) / ratio;
}

/** P[Z <= x]; to 1e-13 of its value in both tails. */
export function normalCdf(x: number): number {
  return x < 0 ? upperTail(-x) : 1 - upperTail(x);
}

/**
 * The x with P[Z <= x] = p.
 * @param p in [0, 1]; the ends are the infinities
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`probability is ${p}; it must be in [0, 1]`);
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  if (p === 0.5) return 0;
  const tail = Math.min(p, 1 - p);
  const x = findRoot((at) => tail - upperTail(at), 0, 39);
  return p < 0.5 ? -x : x;
}
