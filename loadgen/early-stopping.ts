// How many over-latency queries a run may contain before its percentile is no longer certain at 99 %: pure binomial arithmetic.
// What a run does with the answer is verdict.ts's business.

/** The question asked: is the percentile kept, with this confidence, give or take the tolerance? */
export interface Certainty {
  /** The percentile to be kept, in 0..1. */
  readonly percentile: number;
  readonly tolerance?: number;
  readonly confidence?: number;
}

const defaultConfidence = 0.99;

/** ln(n!) minus Stirling's approximation of it; tabulated where the series is not yet exact. */
function stirlingError(n: number): number {
  if (n < stirlingTable.length) return stirlingTable[n]!;
  const square = n * n;
  return (
    (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) /
    n
  );
}

const stirlingTable: readonly number[] = buildStirlingTable(16);

function buildStirlingTable(length: number): number[] {
  const table = [0];
  let factorial = 1;
  for (let n = 1; n < length; n++) {
    factorial *= n;
    table.push(Math.log(factorial) - (0.5 * Math.log(2 * Math.PI * n) + n * Math.log(n) - n));
  }
  return table;
}

/** x ln(x / m) + m - x without cancellation (C. Loader, Fast and Accurate Computation of Binomial Probabilities, 2000). */
function deviance(x: number, mean: number): number {
  if (Math.abs(x - mean) >= 0.1 * (x + mean)) return x * Math.log(x / mean) + mean - x;
  const v = (x - mean) / (x + mean);
  let sum = (x - mean) * v;
  let term = 2 * x * v;
  for (let j = 1; j < 1000; j++) {
    term *= v * v;
    const next = sum + term / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

/** P[Binomial(n, q) = k]. */
function binomialTerm(k: number, n: number, q: number): number {
  if (k === 0) return Math.exp(n * Math.log1p(-q));
  if (k === n) return Math.exp(n * Math.log(q));
  const exponent =
    stirlingError(n) -
    stirlingError(k) -
    stirlingError(n - k) -
    deviance(k, n * q) -
    deviance(n - k, n * (1 - q));
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * k * (n - k)));
}

/** P[Binomial(n, q) <= k], summed outwards from the largest term of the shorter tail. */
export function binomialAtMost(k: number, n: number, q: number): number {
  if (k >= n) return 1;
  if (k < 0) return 0;
  return k < n * q ? lowerTail(k, n, q) : 1 - upperTail(k + 1, n, q);
}

function lowerTail(from: number, n: number, q: number): number {
  let term = binomialTerm(from, n, q);
  let sum = term;
  for (let k = from; k > 0 && term > sum * 1e-18; k--) {
    term *= (k / (n - k + 1)) * ((1 - q) / q);
    sum += term;
  }
  return sum;
}

function upperTail(from: number, n: number, q: number): number {
  let term = binomialTerm(from, n, q);
  let sum = term;
  for (let k = from; k < n && term > sum * 1e-18; k++) {
    term *= ((n - k) / (k + 1)) * (q / (1 - q));
    sum += term;
  }
  return sum;
}

/** The chance that so few of `total` queries are over the limit although the percentile is not kept. */
function doubt(overCount: number, total: number, certainty: Certainty): number {
  return binomialAtMost(overCount, total, 1 - certainty.percentile + (certainty.tolerance ?? 0));
}

/** Least number h of under-latency queries that, with `overCount` over-latency ones, makes the percentile certain. */
export function leastUnderLatencyCount(overCount: number, certainty: Certainty): number {
  const allowed = 1 - (certainty.confidence ?? defaultConfidence);
  const isCertain = (h: number): boolean => doubt(overCount, h + overCount, certainty) < allowed;
  let high = 1;
  while (!isCertain(high)) high *= 2;
  let low = Math.floor(high / 2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isCertain(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Whether and where a sorted list of latencies allows a certified estimate of the percentile. */
export type EarlyEstimate =
  | { readonly met: false; readonly queriesNeeded: number }
  | {
      readonly met: true;
      readonly queriesNeeded: number;
      /** Highest latencies that the estimate passes over. */
      readonly discarded: number;
      /** Element of the ascending list that is the estimate. */
      readonly index: number;
    };

/** Finds the estimate that `queryCount` queries allow: the more there are, the less pessimistic it is. */
export function earlyEstimate(queryCount: number, certainty: Certainty): EarlyEstimate {
  const queriesNeeded = leastUnderLatencyCount(1, certainty) + 1;
  if (queryCount < queriesNeeded) return { met: false, queriesNeeded };
  const allowed = 1 - (certainty.confidence ?? defaultConfidence);
  // Largest t that is still certain; the doubt grows with t.
  let certain = 1;
  let uncertain = queryCount;
  while (uncertain - certain > 1) {
    const middle = Math.floor((certain + uncertain) / 2);
    if (doubt(middle, queryCount, certainty) < allowed) certain = middle;
    else uncertain = middle;
  }
  return { met: true, queriesNeeded, discarded: certain - 1, index: queryCount - certain };
}
