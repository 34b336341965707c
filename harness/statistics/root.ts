// Where does a monotone function cross zero?

/**
 * The point in [low, high] where `f`, negative below and positive above it, changes its sign, to the last bits: Ridders
 * 1979 ("A new algorithm for computing a single root of a real continuous function"), which at least halves what is left
 * in every step. Ends that enclose no change of sign are answered by one of them.
 */
export function findRoot(f: (x: number) => number, low: number, high: number): number {
  let [below, above] = [low, high];
  let [atBelow, atAbove] = [f(low), f(high)];
  if (atBelow >= 0) return low;
  if (atAbove <= 0) return high;
  for (let i = 0; i < 200; i++) {
    const middle = below + (above - below) / 2;
    if (middle <= below || middle >= above) break;
    const atMiddle = f(middle);
    const root = Math.sqrt(atMiddle * atMiddle - atBelow * atAbove);
    const step = root > 0 ? (-(middle - below) * atMiddle) / root : 0;
    const guess = middle + step;
    if (atMiddle < 0) [below, atBelow] = [middle, atMiddle];
    else [above, atAbove] = [middle, atMiddle];
    if (!(guess > below && guess < above)) continue;
    const atGuess = f(guess);
    if (atGuess === 0 || Math.abs(step) < 1e-15 * Math.abs(guess)) return guess;
    if (atGuess < 0) [below, atBelow] = [guess, atGuess];
    else [above, atAbove] = [guess, atGuess];
  }
  return below + (above - below) / 2;
}

/** The least whole number in [low, high] for which `holds`, which stays true from there on; null if none does. */
export function leastInteger(
  holds: (n: number) => boolean,
  low: number,
  high: number,
): number | null {
  // Doubled steps first: what is looked for is mostly small, and large numbers are dear to ask about.
  let below = low - 1;
  let above = low;
  for (let step = 1; !holds(above); step *= 2) {
    if (above >= high) return null;
    below = above;
    above = Math.min(high, above + step);
  }
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2);
    if (holds(middle)) above = middle;
    else below = middle;
  }
  return above;
}
