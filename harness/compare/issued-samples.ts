// May times be set against each other where one side was asked more samples? Not Offline's: all are asked at once, so the
// last waits for all others, and its percentiles grow with their number.

import type { Side } from './side.js';
import type { SpeedRatio } from './speed.js';
import { includesWaiting } from './speed-metric.js';

/** A share: times of runs that issued nearly as many differ by no more for it. */
const allowedSpread = 0.01;

/** Why times of this name grow with what was issued, and so cannot be compared; null where they can. */
export function refuseGrowingTime(metric: string, baseline: Side, candidate: Side): string | null {
  const { scenario } = baseline.runs[0]!.record;
  if (scenario !== 'Offline' || !includesWaiting(metric)) return null;
  const [from, to] = [listIssued(baseline), listIssued(candidate)];
  if (spreadOf([...from, ...to]) < allowedSpread) return null;
  return `${from.join(', ')} samples issued against ${to.join(', ')}: Offline asks all at once, and ${metric} grows with them`;
}

/** What is to be said beside times that are compared although their runs issued a few samples more or less. */
export function remarkOnIssued(baseline: Side, candidate: Side): string[] {
  const issued = [baseline, candidate].flatMap(listIssued);
  const spread = spreadOf(issued);
  const isOffline = baseline.runs[0]!.record.scenario === 'Offline';
  if (!isOffline || spread === 0 || spread >= allowedSpread) return [];
  const [least, most] = [Math.min(...issued), Math.max(...issued)];
  const share = (100 * spread).toPrecision(2);
  return [
    `${least} to ${most} samples issued: ttft and latency of Offline grow with them, so that up to ${share} % of their ratios may be of that`,
  ];
}

function listIssued({ runs }: Side): number[] {
  return [...new Set(runs.flatMap(({ record }) => record.performance?.issuedSamples ?? []))];
}

function spreadOf(issued: readonly number[]): number {
  return issued.length === 0 ? 0 : Math.max(...issued) / Math.min(...issued) - 1;
}

/** The ratios, without those of times that grow with what was issued. */
export function withholdGrowingTimes(
  speed: readonly SpeedRatio[],
  baseline: Side,
  candidate: Side,
): SpeedRatio[] {
  return speed.map((one) => {
    const refusal = refuseGrowingTime(one.metric, baseline, candidate);
    return refusal === null
      ? one
      : {
          ...one,
          ...{ ratio: null, interval: null, covers: null, absentBecause: refusal },
        };
  });
}
