// What an interval says of itself, and how one reads quantiles off a list.

/** An estimate between two bounds. */
export interface Interval {
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
  /** Two-sided, 1 - alpha: each bound alone holds with 1 - alpha / 2. */
  readonly confidence: number;
  /** Standard error of the estimate, in its units; null where the method has none. */
  readonly standardError: number | null;
  readonly method: string;
}

/** An interval, or the reason why the data allow none. */
export type IntervalOrReason =
  | { readonly interval: Interval; readonly reason: null }
  | { readonly interval: null; readonly reason: string };

/**
 * The one-sided p-value of the hypothesis that the truth is at least, or at most, a value. It agrees with the interval beside
 * it: below alpha / 2 just where the interval at 1 - alpha would leave the value out on that side.
 */
export type TailTest = (hypothesis: 'at least' | 'at most', value: number) => number;

/** An interval with the test that agrees with it, or the reason why the data allow neither. */
export type EstimateOrReason =
  | { readonly interval: Interval; readonly tail: TailTest; readonly reason: null }
  | { readonly interval: null; readonly reason: string };

export function refuse(reason: string): { readonly interval: null; readonly reason: string } {
  return { interval: null, reason };
}

/**
 * The quantile of an ascending list, between two elements by a straight line (numpy's and scipy's default, type 7 of
 * Hyndman and Fan 1996).
 * @param share in 0..1
 */
export function quantileOf(sorted: ArrayLike<number>, share: number): number {
  const position = (sorted.length - 1) * share;
  const below = Math.min(Math.floor(position), sorted.length - 2);
  if (below < 0) return sorted[0] ?? Number.NaN;
  const low = sorted[below]!;
  return low + (position - below) * (sorted[below + 1]! - low);
}

/** Arithmetic mean; NaN of none. */
export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** Sample variance (n - 1); NaN of fewer than two. */
export function varianceOf(values: ArrayLike<number>): number {
  const mean = meanOf(values);
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2;
  return squares / (values.length - 1);
}
