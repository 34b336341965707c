// Which points of throughput against latency is no other better than?

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
