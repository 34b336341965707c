// What can be said where every item differs by the same, most often by nothing? Resamples of such items would say that
// nothing is uncertain; how many there are says how rare items of another kind must be.

import { checkCount, checkPositive, checkShare } from './argument-checks.js';
import type { EstimateOrReason } from './interval.js';

/**
 * The interval of a mean difference of scores from 0 to `range`, of which all items at hand show the same difference. Of
 * `items` drawn at random none differs otherwise: at most the share 1 - level^(1 / items) of all does (the exact binomial
 * bound, Clopper and Pearson 1934, whose approximation is the rule of three), and each of these by `range` at most, either
 * way. Nothing is supposed of how scores scatter, and no scatter is told.
 * @param difference of each item, in the scores' units
 * @param alpha two-sided
 */
export function unvariedDifference(
  difference: number,
  items: number,
  range: number,
  alpha: number,
): EstimateOrReason {
  check(difference, items, range);
  checkShare('alpha', alpha);
  const others = 1 - (alpha / 2) ** (1 / items);
  return {
    interval: {
      estimate: difference,
      lower: difference - others * (range + difference),
      upper: difference + others * (range - difference),
      confidence: 1 - alpha,
      standardError: null,
      method: 'exact bound on the share of other items',
    },
    tail: (hypothesis, value) => {
      const share =
        hypothesis === 'at least'
          ? (value - difference) / (range - difference)
          : (difference - value) / (range + difference);
      return share <= 0 || Number.isNaN(share) ? 1 : (1 - Math.min(1, share)) ** items;
    },
    reason: null,
  };
}

/**
 * The fewest items, all of the same difference, whose one-sided bound at 1 - level leaves `limit` out below it; null where
 * no number would.
 */
export function itemsIfUnvaried(
  difference: number,
  limit: number,
  range: number,
  level: number,
): number | null {
  check(difference, 1, range);
  checkShare('level', level);
  const share = (difference - limit) / (range + difference);
  if (!(share > 0)) return null;
  return share >= 1 ? 1 : Math.floor(Math.log(level) / Math.log1p(-share)) + 1;
}

function check(difference: number, items: number, range: number): void {
  checkCount('items', items, 1);
  checkPositive('range', [range]);
  if (Math.abs(difference) <= range) return;
  throw new RangeError(`difference is ${difference}; it must be in [-${range}, ${range}]`);
}
