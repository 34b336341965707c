// May times be set against each other where one side was asked more samples? Not Offline's: all are asked at once, so the
// last waits for all others, and its percentiles grow with their number.

import type { Side } from './side.js';
import type { SpeedRatio } from './speed.js';

const growing = /^(ttft|latency) /;

/** Why times of this name grow with what was issued, and so cannot be compared; null where they can. */
export function refuseGrowingTime(metric: string, baseline: Side, candidate: Side): string | null {
  const { scenario } = baseline.runs[0]!.record;
  if (scenario !== 'Offline' || !growing.test(metric)) return null;
  const [from, to] = [baseline, candidate].map((side) => [
    ...new Set(side.runs.flatMap(({ record }) => record.performance?.issuedSamples ?? [])),
  ]) as [number[], number[]];
  if (new Set([...from, ...to]).size < 2) return null;
  return `${from.join(', ')} samples issued against ${to.join(', ')}: Offline asks all at once, and ${metric} grows with them`;
}

/** The ratios, without those of times that grow with what was issued. */
export function withholdGrowingTimes(
  speed: readonly SpeedRatio[],
  baseline: Side,
  candidate: Side,
): SpeedRatio[] {
  return speed.map((one) => {
    const refusal = refuseGrowingTime(one.metric, baseline, candidate);
    return refusal === null ? one : { ...one, ratio: null, interval: null, absentBecause: refusal };
  });
}
