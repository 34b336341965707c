// Bootstrap intervals of statistics over common items: both sides of an item are drawn together, so that what makes an item
// hard or easy cancels.
//
// Every statistic here is a function of column sums over the drawn items (a mean, a ratio of means, a corpus-level score, a
// perplexity). A resample is then one pass of additions, and the jackknife is one subtraction an item. 10,000 resamples of
// 25,000 items take 1.5 s on one core (Zen 5) with one column, 2 s with two; time grows with resamples * items.

import { checkCount, checkFinite, checkSameLength, checkShare } from './argument-checks.js';
import { type BiasCorrection, bootstrapTail, correctedShare } from './bootstrap-tail.js';
import {
  type EstimateOrReason,
  type Interval,
  quantileOf,
  refuse,
  varianceOf,
} from './interval.js';
import { normalQuantile } from './normal.js';
import { Xoshiro128 } from './random.js';

export interface BootstrapOptions {
  /** Two-sided; 0.05 unless given, for an interval of 95 %. */
  readonly alpha?: number;
  /** 10,000 unless given. */
  readonly resamples?: number;
  /** 0 to 2^32 - 1; 1 unless given. */
  readonly seed?: number;
  /** BCa (the default) falls back to percentile where it is not defined; the interval says which it is. */
  readonly method?: 'BCa' | 'percentile';
}

/** A statistic from the sums of each column over the drawn items, and how many were drawn. */
export type SumStatistic = (sums: Float64Array, items: number) => number;

/** What options left out, filled in and checked. */
export function settleOptions(options: BootstrapOptions): Required<BootstrapOptions> {
  const settled = { alpha: 0.05, resamples: 10_000, seed: 1, method: 'BCa' as const, ...options };
  checkShare('alpha', settled.alpha);
  checkCount('resamples', settled.resamples, 100);
  return settled;
}

/**
 * The interval of any statistic of column sums, items drawn with replacement.
 *
 * BCa after Efron 1987 ("Better Bootstrap Confidence Intervals"), acceleration from the jackknife; where it is not defined
 * (every resample on one side of the estimate, or no item moves the statistic) the plain percentile interval. Items that
 * all say the same give an interval of no width: it says nothing about items of another kind.
 *
 * In simulation 95 % intervals of paired mean differences cover 92.5 % with 20 items and 94 % with 60, where every item
 * differs; where a third of the items differ, 91 to 92 % with 150 and 93 to 94.5 % with 300.
 *
 * Its test reads p-values off the same resamples, and none below one in as many as there are and one more.
 *
 * Null for fewer than two items, and where the statistic is not finite for the data or for a resample.
 * @param columns one array a column, each of one value an item
 * @throws RangeError when columns differ in length or hold anything but finite numbers
 */
export function bootstrapSums(
  columns: readonly Float64Array[],
  statistic: SumStatistic,
  options: BootstrapOptions = {},
): EstimateOrReason {
  const { alpha, resamples, seed, method } = settleOptions(options);
  const items = columns[0]?.length ?? 0;
  columns.forEach((column, i) => {
    checkSameLength('columns[0]', columns[0]!, `columns[${i}]`, column);
    checkFinite(`columns[${i}]`, column);
  });
  if (items < 2) return refuse(`${items} items; an interval needs at least 2`);
  const sums = Float64Array.from(columns, (column) => column.reduce((sum, x) => sum + x, 0));
  const estimate = statistic(sums, items);
  if (!Number.isFinite(estimate)) return refuse(`the statistic of these items is ${estimate}`);
  const drawn = drawStatistics(columns, statistic, resamples, seed);
  const lost = drawn.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
  if (lost > 0) return refuse(`the statistic of ${lost} of ${resamples} resamples is not finite`);
  const standardError = Math.sqrt(varianceOf(drawn));
  drawn.sort();
  const found = method === 'BCa' ? findCorrection(columns, sums, statistic, estimate, drawn) : null;
  const corrected = found === null ? null : correctShares(found, alpha);
  const [low, high] = corrected ?? [alpha / 2, 1 - alpha / 2];
  const interval: Interval = {
    estimate,
    lower: quantileOf(drawn, low),
    upper: quantileOf(drawn, high),
    confidence: 1 - alpha,
    standardError,
    method: corrected === null ? 'percentile bootstrap' : 'BCa bootstrap',
  };
  const tail = bootstrapTail(drawn, corrected === null ? null : found);
  return { interval, tail, reason: null };
}

function drawStatistics(
  columns: readonly Float64Array[],
  statistic: SumStatistic,
  resamples: number,
  seed: number,
): Float64Array {
  const items = columns[0]!.length;
  const random = Xoshiro128.seeded(seed);
  const indices = new Uint32Array(items);
  const sums = new Float64Array(columns.length);
  const drawn = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) {
    random.fill(indices, items);
    for (let c = 0; c < columns.length; c++) sums[c] = sumAt(columns[c]!, indices);
    drawn[i] = statistic(sums, items);
  }
  return drawn;
}

function sumAt(values: Float64Array, indices: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < indices.length; i++) sum += values[indices[i]!]!;
  return sum;
}

/** null where BCa is not defined. */
function findCorrection(
  columns: readonly Float64Array[],
  sums: Float64Array,
  statistic: SumStatistic,
  estimate: number,
  sorted: Float64Array,
): BiasCorrection | null {
  let below = 0;
  let equal = 0;
  for (const value of sorted) {
    if (value < estimate) below++;
    else if (value === estimate) equal++;
  }
  const bias = normalQuantile((below + equal / 2) / sorted.length);
  const acceleration = jackknifeAcceleration(columns, sums, statistic);
  return Number.isFinite(bias) && acceleration !== null ? { bias, acceleration } : null;
}

/** Which quantiles of the resampled statistics BCa takes; null where there are none. */
function correctShares(correction: BiasCorrection, alpha: number): [number, number] | null {
  const z = normalQuantile(1 - alpha / 2);
  const shares: [number, number] = [correctedShare(correction, -z), correctedShare(correction, z)];
  return shares.every((share) => Number.isFinite(share)) ? shares : null;
}

/** A sixth of the skewness of the jackknife's influences; null where no item has any, or one leaves no statistic. */
function jackknifeAcceleration(
  columns: readonly Float64Array[],
  sums: Float64Array,
  statistic: SumStatistic,
): number | null {
  const items = columns[0]!.length;
  const without = new Float64Array(columns.length);
  const values = new Float64Array(items);
  for (let i = 0; i < items; i++) {
    for (let c = 0; c < columns.length; c++) without[c] = sums[c]! - columns[c]![i]!;
    values[i] = statistic(without, items - 1);
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / items;
  let squares = 0;
  let cubes = 0;
  for (const value of values) {
    const influence = mean - value;
    squares += influence ** 2;
    cubes += influence ** 3;
  }
  const acceleration = cubes / (6 * squares ** 1.5);
  return Number.isFinite(acceleration) ? acceleration : null;
}
