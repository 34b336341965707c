// Which ratios need no interval? Those of bytes that are counted, not measured: no repeat makes them others.

import type { Side } from './side.js';
import { figuresOf, type SpeedRatio } from './speed.js';
import { metricsOf } from './speed-metric.js';

/** What stands where an interval would. */
export const exactFigure = 'exact';

/** The ratios, those exact that are of counted bytes which all runs of a side have alike. */
export function markExact(
  speed: readonly SpeedRatio[],
  baseline: Side,
  candidate: Side,
): SpeedRatio[] {
  const counted = metricsOf(baseline.runs[0]!.record.scenario).filter(({ isCounted }) => isCounted);
  return speed.map((one) => {
    const metric = counted.find(({ name }) => name === one.metric);
    if (metric === undefined || one.ratio === null) return one;
    const areAlike = [baseline, candidate].every(
      (side) => new Set(figuresOf(metric, side)).size === 1,
    );
    return areAlike ? { ...one, interval: null, covers: null, absentBecause: exactFigure } : one;
  });
}
