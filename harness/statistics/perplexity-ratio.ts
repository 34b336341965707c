// Two models' perplexities over the same windows: which is lower, and by how much?

import type { Share } from '../eval/statistics.js';
import { checkPositive, checkSameLength } from './argument-checks.js';
import { type BootstrapOptions, bootstrapSums } from './bootstrap.js';
import { type EstimateOrReason, refuse } from './interval.js';

/**
 * The interval of perplexity(candidate) / perplexity(baseline), each the exponential of the mean negative log-probability
 * of a token. Windows are drawn whole, since the tokens of one depend on each other, and weigh as many tokens as they have.
 * @param baseline the windows' summed log-probabilities (natural logarithm) and numbers of tokens
 * @param candidate those of the other model, of the same windows in the same order
 * @returns null with the reason as `bootstrapSums` has it, and for windows that all change by the same factor, or not at all
 * @throws RangeError when a window has another number of tokens in the two lists: perplexities of different tokenizers are
 *   not of the same thing
 */
export function bootstrapPerplexityRatio(
  baseline: readonly Share[],
  candidate: readonly Share[],
  options: BootstrapOptions = {},
): EstimateOrReason {
  checkSameLength('baseline', baseline, 'candidate', candidate);
  baseline.forEach(({ weight }, i) => {
    const other = candidate[i]!.weight;
    if (weight === other) return;
    throw new RangeError(
      `window ${i} has ${weight} tokens in the baseline and ${other} in the candidate; they must be the same`,
    );
  });
  const weights = Float64Array.from(baseline, ({ weight }) => weight);
  checkPositive('weight', weights);
  const gains = Float64Array.from(baseline, ({ logProb }, i) => logProb - candidate[i]!.logProb);
  const found = bootstrapSums([gains, weights], (sums) => Math.exp(sums[0]! / sums[1]!), options);
  // All but rounding: log-probabilities have no bound, so that windows of another kind could be anything.
  const isUnvaried = found.interval !== null && found.interval.standardError! <= 1e-12;
  if (!isUnvaried) return found;
  const alike = gains.every((gain) => gain === 0)
    ? 'have the same log-probability on both sides'
    : 'change by the same factor';
  return refuse(
    `all ${baseline.length} windows ${alike}: nothing varies, so that neither an interval nor a smallest loss that would have been seen can be told`,
  );
}
