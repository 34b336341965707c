// Latency percentiles of one run, and their ratio between two runs, without assuming any distribution.
//
// Both take a run's requests as independent of each other. Requests of one batch are not, so that the intervals are the
// least that is uncertain; repeats (`repeated-runs.ts`) see the rest.

import { checkCount, checkFinite, checkPositive, checkShare } from './argument-checks.js';
import { binomialQuantile, binomialUpperTail } from './binomial.js';
import { type BootstrapOptions, settleOptions } from './bootstrap.js';
import { type IntervalOrReason, quantileOf, refuse, varianceOf } from './interval.js';
import { Xoshiro128 } from './random.js';
import { leastInteger } from './root.js';

/** Ascending, and where LoadGen finds the percentile in it: element trunc(n p), no interpolation. */
function findPercentile(values: ArrayLike<number>, percentile: number) {
  checkShare('percentile', percentile);
  const sorted = Float64Array.from(values).sort();
  return { sorted, index: Math.trunc(sorted.length * percentile) };
}

/** How many values a two-sided interval of this percentile takes at least. */
export function fewestForPercentile(percentile: number, alpha: number): number {
  checkShare('percentile', percentile);
  checkShare('alpha', alpha);
  const rarer = Math.max(percentile, 1 - percentile);
  return Math.max(2, Math.ceil(Math.log(alpha / 2) / Math.log(rarer)));
}

/**
 * The interval of a percentile between two of the values themselves, chosen by the binomial distribution of how many lie
 * below it (Conover 1999, "Practical Nonparametric Statistics", section 3.2; scipy's quantile_test): it covers at least
 * 1 - alpha, whatever the distribution.
 *
 * Null when there are too few values for a bound to exist (368 for the 99th percentile at 95 %).
 * @param values latencies in any unit and order
 * @param percentile in (0, 1)
 */
export function percentileInterval(
  values: ArrayLike<number>,
  percentile: number,
  alpha: number = 0.05,
): IntervalOrReason {
  checkFinite('values', values);
  const { sorted, index } = findPercentile(values, percentile);
  const count = sorted.length;
  const fewest = fewestForPercentile(percentile, alpha);
  if (count < fewest) {
    return refuse(
      `${count} values; an interval of percentile ${percentile} at ${1 - alpha} needs ${fewest}`,
    );
  }
  const below = binomialQuantile(alpha / 2, count, percentile) - 1;
  const above = binomialQuantile(1 - alpha / 2, count, percentile);
  return {
    interval: {
      estimate: sorted[index]!,
      lower: sorted[Math.max(below, 0)]!,
      upper: sorted[Math.min(above, count - 1)]!,
      confidence: 1 - alpha,
      standardError: null,
      method: 'order statistics',
    },
    reason: null,
  };
}

/**
 * The interval of percentile(candidate) / percentile(baseline) of two independent runs, by the percentile bootstrap. No
 * values are drawn: which of the values a resample's percentile is has a known distribution (its rank is at most j when at
 * least k of n draws are among the j lowest), and ranks are drawn from that, at a cost that does not grow with n.
 *
 * Values are taken as independent: where neighbours are alike (a queue, a batch) the interval is too narrow.
 * Null when either side has too few values for an interval of its own.
 * @param baseline latencies above 0, in any order and the same unit as the candidate's
 * @param percentile in (0, 1)
 */
export function bootstrapPercentileRatio(
  baseline: ArrayLike<number>,
  candidate: ArrayLike<number>,
  percentile: number,
  options: Omit<BootstrapOptions, 'method'> = {},
): IntervalOrReason {
  const { alpha, resamples, seed } = settleOptions(options);
  checkPositive('baseline', baseline);
  checkPositive('candidate', candidate);
  const from = findPercentile(baseline, percentile);
  const to = findPercentile(candidate, percentile);
  const fewest = fewestForPercentile(percentile, alpha);
  const count = Math.min(baseline.length, candidate.length);
  if (count < fewest) {
    return refuse(
      `${count} values on a side; an interval of percentile ${percentile} at ${1 - alpha} needs ${fewest}`,
    );
  }
  const random = Xoshiro128.seeded(seed);
  const fromRanks = tabulateRanks(from.sorted.length, from.index);
  const toRanks = tabulateRanks(to.sorted.length, to.index);
  const drawn = Float64Array.from({ length: resamples }, () => {
    const base = from.sorted[drawRank(fromRanks, random)]!;
    return to.sorted[drawRank(toRanks, random)]! / base;
  });
  const standardError = Math.sqrt(varianceOf(drawn));
  drawn.sort();
  return {
    interval: {
      estimate: to.sorted[to.index]! / from.sorted[from.index]!,
      lower: quantileOf(drawn, alpha / 2),
      upper: quantileOf(drawn, 1 - alpha / 2),
      confidence: 1 - alpha,
      standardError,
      method: 'percentile bootstrap of independent values',
    },
    reason: null,
  };
}

interface RankTable {
  readonly first: number;
  /** P[rank <= first + i] */
  readonly cumulative: Float64Array;
}

/** The distribution of the rank, among `count` values, of the element at `index` of a sorted resample. */
export function tabulateRanks(count: number, index: number): RankTable {
  checkCount('count', count, 1);
  const atMost = (rank: number): number => binomialUpperTail(index + 1, count, (rank + 1) / count);
  const negligible = 1e-12;
  const first = leastInteger((rank) => atMost(rank) > negligible, 0, count - 1) ?? 0;
  const last = leastInteger((rank) => atMost(rank) >= 1 - negligible, first, count - 1) ?? first;
  return {
    first,
    cumulative: Float64Array.from({ length: last - first + 1 }, (_, i) => atMost(first + i)),
  };
}

function drawRank({ first, cumulative }: RankTable, random: Xoshiro128): number {
  const share = random.uniform();
  const last = cumulative.length - 1;
  return first + (leastInteger((i) => cumulative[i]! > share, 0, last) ?? last);
}
