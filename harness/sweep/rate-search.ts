// Which rate is tried next? Doubled until one fails the limits, halved until one keeps them, then halved between the two.

export interface TriedLoad {
  /** Queries/s, or queries in flight. */
  readonly load: number;
  readonly met: boolean;
}

/** The search ends where the lowest rate that fails is at most so many times the highest below it that does not. */
export const closeEnough = 1.05;
const mostTries = 20;
const range = { min: 0.001, max: 1e6 } as const;

/** @returns null where the search is over. */
export function nextRate(tried: readonly TriedLoad[], first: number): number | null {
  if (tried.length === 0) return first;
  if (tried.length >= mostTries) return null;
  const { highestMet, lowestFailed } = bracket(tried);
  const next =
    lowestFailed === null
      ? highestMet! * 2
      : highestMet === null
        ? lowestFailed / 2
        : Math.sqrt(highestMet * lowestFailed);
  if (highestMet !== null && lowestFailed !== null && lowestFailed / highestMet <= closeEnough) {
    return null;
  }
  const rounded = Number(next.toPrecision(4));
  return rounded < range.min || rounded > range.max ? null : rounded;
}

/** The lowest load that failed, and the highest below it that did not: a success above a failure is luck. */
export function bracket(tried: readonly TriedLoad[]): {
  readonly highestMet: number | null;
  readonly lowestFailed: number | null;
} {
  const failed = tried.filter(({ met }) => !met).map(({ load }) => load);
  const lowestFailed = failed.length === 0 ? null : Math.min(...failed);
  const kept = tried
    .filter(({ met, load }) => met && (lowestFailed === null || load < lowestFailed))
    .map(({ load }) => load);
  return { highestMet: kept.length === 0 ? null : Math.max(...kept), lowestFailed };
}
