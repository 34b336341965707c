// Two systems' tokens for the same samples: how often are they the same, and where do they part?

import { checkSameLength } from './argument-checks.js';
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

function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const [min, p10, p50, p90, max] = [0, 0.1, 0.5, 0.9, 1].map((share) => quantileOf(sorted, share));
  return { min: min!, p10: p10!, p50: p50!, p90: p90!, max: max! };
}
