// Two systems' tokens for the same samples: how often are they the same, and where do they part?

import { checkCount, checkSameLength } from './argument-checks.js';
import { quantileOf } from './interval.js';

/** One sample's two sequences. */
export interface TokenAgreement {
  /** Positions with the same token, of the longer sequence's positions; 1 for two empty sequences. */
  readonly equalShare: number;
  /** The first position with another token, or where the shorter ends; null for equal sequences. */
  readonly firstDivergence: number | null;
}

/** Compares token by token, position by position; nothing is shifted to match again. */
export function compareTokens(a: ArrayLike<number>, b: ArrayLike<number>): TokenAgreement {
  const longer = Math.max(a.length, b.length);
  const shorter = Math.min(a.length, b.length);
  let equal = 0;
  let firstDivergence: number | null = null;
  for (let i = 0; i < shorter; i++) {
    if (a[i] === b[i]) equal++;
    else firstDivergence ??= i;
  }
  if (longer > shorter) firstDivergence ??= shorter;
  return { equalShare: longer === 0 ? 1 : equal / longer, firstDivergence };
}

/** Least, greatest and some quantiles between, by straight lines. */
export interface Spread {
  readonly min: number;
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
  readonly max: number;
}

export interface AgreementSummary {
  readonly samples: number;
  /** Samples with equal sequences, of all. */
  readonly exactShare: number;
  /** Equal positions of all positions, long answers weighing more. */
  readonly tokenShare: number;
  readonly equalShare: Spread;
  /** Over the samples that part; null when none does. */
  readonly firstDivergence: Spread | null;
}

/**
 * Sums up the agreement of two systems over all samples.
 * @param baseline one token sequence a sample
 * @param candidate the other system's, of the same samples in the same order
 * @returns null for no samples
 */
export function summarizeAgreement(
  baseline: readonly ArrayLike<number>[],
  candidate: readonly ArrayLike<number>[],
): AgreementSummary | null {
  checkSameLength('baseline', baseline, 'candidate', candidate);
  const samples = baseline.length;
  if (samples === 0) return null;
  const pairs = baseline.map((tokens, i) => compareTokens(tokens, candidate[i]!));
  const lengths = baseline.map((tokens, i) => Math.max(tokens.length, candidate[i]!.length));
  const positions = lengths.reduce((sum, length) => sum + length, 0);
  const equal = pairs.reduce((sum, { equalShare }, i) => sum + equalShare * lengths[i]!, 0);
  const divergences = pairs.flatMap(({ firstDivergence }) => firstDivergence ?? []);
  return {
    samples,
    exactShare: (samples - divergences.length) / samples,
    tokenShare: positions === 0 ? 1 : equal / positions,
    equalShare: spread(pairs.map(({ equalShare }) => equalShare)),
    firstDivergence: divergences.length === 0 ? null : spread(divergences),
  };
}

/** Agreement over the positions from `from` up to, not including, `to`. */
export interface PositionAgreement {
  readonly from: number;
  readonly to: number;
  /** Positions that are compared there, over all samples: those that either answer reaches. */
  readonly positions: number;
  /** With the same token, of `positions`. */
  readonly equalShare: number;
  /** Samples that have not parted before `to`, of all. */
  readonly togetherShare: number;
}

/**
 * Agreement along the answers, in ranges of equal width.
 * @param mostRanges a longest answer with more positions has several in a range
 * @returns up to the end of the longest answer; none for no samples
 */
export function agreementByPosition(
  baseline: readonly ArrayLike<number>[],
  candidate: readonly ArrayLike<number>[],
  mostRanges: number,
): PositionAgreement[] {
  checkSameLength('baseline', baseline, 'candidate', candidate);
  checkCount('mostRanges', mostRanges, 1);
  const lengths = baseline.map((tokens, i) => Math.max(tokens.length, candidate[i]!.length));
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const width = Math.max(1, Math.ceil(longest / mostRanges));
  const ranges = Math.ceil(longest / width);
  const [positions, equal, parted] = [0, 1, 2].map(() => new Float64Array(ranges));
  for (const [i, a] of baseline.entries()) {
    const b = candidate[i]!;
    for (let at = 0; at < lengths[i]!; at++) {
      const range = Math.floor(at / width);
      positions![range]!++;
      if (at < a.length && at < b.length && a[at] === b[at]) equal![range]!++;
    }
    const { firstDivergence } = compareTokens(a, b);
    if (firstDivergence !== null) parted![Math.floor(firstDivergence / width)]!++;
  }
  let gone = 0;
  return Array.from({ length: ranges }, (_, range) => {
    gone += parted![range]!;
    return {
      from: range * width,
      to: Math.min(longest, (range + 1) * width),
      positions: positions![range]!,
      equalShare: equal![range]! / positions![range]!,
      togetherShare: 1 - gone / baseline.length,
    };
  });
}

function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const [min, p10, p50, p90, max] = [0, 0.1, 0.5, 0.9, 1].map((share) => quantileOf(sorted, share));
  return { min: min!, p10: p10!, p50: p50!, p90: p90!, max: max! };
}
