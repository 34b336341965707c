// Latencies -> percentiles and means by LoadGen's rules: no interpolation, no rounding, whole nanoseconds.

import type { Distribution } from './outcome.js';

/** The percentiles every log lists. */
export const listedPercentiles: readonly number[] = [0.5, 0.9, 0.95, 0.97, 0.99, 0.999];

/** Position in an ascending list of `count` values. */
export function percentileIndex(count: number, percentile: number): number {
  return Math.trunc(count * percentile);
}

/** The value at a percentile of an ascending list; 0 for an empty one. */
export function percentileOf(sorted: Float64Array, percentile: number): number {
  return sorted[percentileIndex(sorted.length, percentile)] ?? 0;
}

/** Exact sum of whole numbers, even beyond 2^53. */
export function exactSum(values: Float64Array): bigint {
  let total = 0n;
  let partial = 0;
  for (const value of values) {
    partial += value;
    if (partial > 1e15 || partial < -1e15) {
      total += BigInt(partial);
      partial = 0;
    }
  }
  return total + BigInt(partial);
}

/** The mean as integer division gives it, truncated towards 0; 0 for an empty list. */
export function truncatedMean(values: Float64Array): number {
  return values.length === 0 ? 0 : Number(exactSum(values) / BigInt(values.length));
}

/** Sums up an ascending list; null for an empty one. */
export function describe(sorted: Float64Array): Distribution | null {
  const count = sorted.length;
  if (count === 0) return null;
  return {
    count,
    minNs: sorted[0]!,
    meanNs: truncatedMean(sorted),
    p50Ns: percentileOf(sorted, 0.5),
    p90Ns: percentileOf(sorted, 0.9),
    p95Ns: percentileOf(sorted, 0.95),
    p97Ns: percentileOf(sorted, 0.97),
    p99Ns: percentileOf(sorted, 0.99),
    p99_9Ns: percentileOf(sorted, 0.999),
    maxNs: sorted[count - 1]!,
  };
}
