// run.json's histograms: LoadGen's distributions in the unit of their name, and the same rule for times that LoadGen
// does not collect.

import type { Distribution } from '../loadgen/index.js';

/** In the unit that the name of the histogram ends with. */
export interface Histogram {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p97: number;
  readonly p99: number;
  readonly p99_9: number;
  readonly max: number;
}

export const nsPerMs = 1e6;
export const nsPerUs = 1e3;

/** LoadGen's distribution in another unit. */
export function toHistogram(distribution: Distribution, nsPerUnit: number): Histogram {
  return {
    mean: distribution.meanNs / nsPerUnit,
    p50: distribution.p50Ns / nsPerUnit,
    p90: distribution.p90Ns / nsPerUnit,
    p95: distribution.p95Ns / nsPerUnit,
    p97: distribution.p97Ns / nsPerUnit,
    p99: distribution.p99Ns / nsPerUnit,
    p99_9: distribution.p99_9Ns / nsPerUnit,
    max: distribution.maxNs / nsPerUnit,
  };
}

/** Element trunc(n * p) of the sorted times, as LoadGen picks it; null when there are none. NaN is left out. */
export function buildHistogram(timesNs: readonly number[], nsPerUnit: number): Histogram | null {
  const sorted = Float64Array.from(timesNs.filter((time) => !Number.isNaN(time))).sort();
  const count = sorted.length;
  if (count === 0) return null;
  const at = (percentile: number) =>
    sorted[Math.min(count - 1, Math.trunc(count * percentile))]! / nsPerUnit;
  const sum = sorted.reduce((total, time) => total + time, 0);
  return {
    mean: sum / count / nsPerUnit,
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p97: at(0.97),
    p99: at(0.99),
    p99_9: at(0.999),
    max: sorted[count - 1]! / nsPerUnit,
  };
}
