// Many comparisons at once: of twenty tasks one is off by chance.

import { checkShare } from './argument-checks.js';

function checkProbabilities(pValues: readonly number[]): void {
  pValues.forEach((p, i) => {
    if (!(p >= 0 && p <= 1)) throw new RangeError(`p-value ${i} is ${p}; it must be in [0, 1]`);
  });
}

/** Positions in ascending order of their p-values. */
function order(pValues: readonly number[]): number[] {
  return pValues.map((_, i) => i).sort((a, b) => pValues[a]! - pValues[b]!);
}

/**
 * p-values adjusted by Holm 1979: those at most alpha are significant with at most alpha for even one false claim among
 * them, whatever depends on what. For claims of which each alone would be acted upon: a gate's rules, verdicts.
 * @returns in the order given
 * @throws RangeError for a p-value that is not in [0, 1]
 */
export function adjustHolm(pValues: readonly number[]): number[] {
  checkProbabilities(pValues);
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  order(pValues).forEach((at, rank) => {
    largest = Math.max(largest, pValues[at]! * (pValues.length - rank));
    adjusted[at] = Math.min(1, largest);
  });
  return adjusted;
}

/**
 * p-values adjusted by Benjamini and Hochberg 1995: of those at most alpha, no more than the share alpha is expected to be
 * false, for independent or positively dependent tests. For lists that are looked through: subjects that changed.
 * @returns in the order given
 * @throws RangeError for a p-value that is not in [0, 1]
 */
export function adjustBenjaminiHochberg(pValues: readonly number[]): number[] {
  checkProbabilities(pValues);
  const count = pValues.length;
  const adjusted = new Array<number>(count);
  let smallest = 1;
  order(pValues)
    .reverse()
    .forEach((at, i) => {
      smallest = Math.min(smallest, (pValues[at]! * count) / (count - i));
      adjusted[at] = smallest;
    });
  return adjusted;
}

/** The alpha of each of `count` two-sided intervals that all hold together with 1 - alpha (Bonferroni). */
export function bonferroniAlpha(alpha: number, count: number): number {
  checkShare('alpha', alpha);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`count is ${count}; it must be an integer of at least 1`);
  }
  return alpha / count;
}
