// Two systems' scores on the same items: how far do their means lie apart?

import { checkSameLength } from './argument-checks.js';
import { type BootstrapOptions, bootstrapSums } from './bootstrap.js';
import type { EstimateOrReason } from './interval.js';

/**
 * The interval of mean(candidate) - mean(baseline), in the scores' units.
 * @param baseline one score an item
 * @param candidate the other system's scores, of the same items in the same order
 * @returns null with the reason as `bootstrapSums` has it
 */
export function bootstrapMeanDifference(
  baseline: ArrayLike<number>,
  candidate: ArrayLike<number>,
  options: BootstrapOptions = {},
): EstimateOrReason {
  checkSameLength('baseline', baseline, 'candidate', candidate);
  const differences = Float64Array.from(baseline, (score, i) => candidate[i]! - score);
  return bootstrapSums([differences], (sums, items) => sums[0]! / items, options);
}
