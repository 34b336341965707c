// Which points of throughput against latency is no other better than, and of which is it shown that one is?

import {
  bonferroniAlpha,
  geometricMean,
  type RunDesign,
  ratioOfRepeats,
} from '../statistics/index.js';

export interface TradeOff {
  /** Higher is better. */
  readonly throughput: number;
  /** Lower is better. */
  readonly latency: number;
}

/** Whether each point is in the Pareto set: no other is at least as good in both and better in one. */
export function findPareto(points: readonly TradeOff[]): boolean[] {
  const order = points
    .map((_, i) => i)
    .sort((a, b) => {
      const [p, q] = [points[a]!, points[b]!];
      return q.throughput - p.throughput || p.latency - q.latency;
    });
  const isIn = points.map(() => false);
  let last: TradeOff | null = null;
  for (const i of order) {
    const point = points[i]!;
    const isTwin = last?.latency === point.latency && last.throughput === point.throughput;
    if (last !== null && !isTwin && point.latency >= last.latency) continue;
    isIn[i] = true;
    last = point;
  }
  return isIn;
}

/** A point's figures, one a repeat, above 0. */
export interface RepeatedTradeOff {
  readonly throughputs: readonly number[];
  readonly latencies: readonly number[];
}

/**
 * frontier: by what was measured, no other point is better. dominated: another is shown to be better in both figures.
 * cannot tell: another measured as better, within what repeats differ by.
 */
export type ParetoClass = 'frontier' | 'cannot tell' | 'dominated';

export interface ParetoPlace {
  readonly class: ParetoClass;
  /** Index of a point that is shown to be better; the first by throughput. */
  readonly dominatedBy: number | null;
}

/** Two-sided, of each point: how often one that no other beats is called dominated, at most. */
export const paretoAlpha = 0.05;

/**
 * Both ratios' intervals have to be on the better side of 1 (an intersection-union test), at alpha over the number of points
 * that measured as better (Bonferroni), since any of them may rule a point out.
 * @param design interleaved where repeat i of all points was made in one turn
 */
export function classifyPareto(
  points: readonly RepeatedTradeOff[],
  design: RunDesign,
): ParetoPlace[] {
  const measured = points.map(({ throughputs, latencies }): TradeOff => {
    return { throughput: geometricMean(throughputs), latency: geometricMean(latencies) };
  });
  const isIn = findPareto(measured);
  return points.map((point, i): ParetoPlace => {
    if (isIn[i]) return { class: 'frontier', dominatedBy: null };
    const rivals = points
      .map((_, j) => j)
      .filter((j) => isBetter(measured[j]!, measured[i]!))
      .sort((a, b) => measured[b]!.throughput - measured[a]!.throughput);
    const alpha = rivals.length === 0 ? paretoAlpha : bonferroniAlpha(paretoAlpha, rivals.length);
    const better = rivals.find((j) => isShownBetter(points[j]!, point, design, alpha));
    return better === undefined
      ? { class: 'cannot tell', dominatedBy: null }
      : { class: 'dominated', dominatedBy: better };
  });
}

function isBetter(one: TradeOff, other: TradeOff): boolean {
  return one.throughput > other.throughput && one.latency < other.latency;
}

function isShownBetter(
  one: RepeatedTradeOff,
  other: RepeatedTradeOff,
  design: RunDesign,
  alpha: number,
): boolean {
  const throughput = ratioOf(other.throughputs, one.throughputs, design, alpha);
  const latency = ratioOf(other.latencies, one.latencies, design, alpha);
  return throughput !== null && latency !== null && throughput.lower > 1 && latency.upper < 1;
}

/** Of sides that an interruption left with unequal numbers of runs none are pairs. */
function ratioOf(
  other: readonly number[],
  one: readonly number[],
  design: RunDesign,
  alpha: number,
) {
  return ratioOfRepeats(other, one, one.length === other.length ? design : 'independent', alpha)
    .interval;
}
