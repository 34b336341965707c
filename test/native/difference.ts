// How far are two lists of numbers apart?

/** Of their items one by one; NaN, which passes no bound, where an item is NaN or the lengths differ. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.NaN;
  let largest = 0;
  // Math.max gives NaN for NaN, wherever it stands.
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}
