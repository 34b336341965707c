// Is a figure of the candidate shown to be better or worse? By the interval of its ratio, which for one run a side is
// widened by how far runs that are alike are assumed to lie apart.

import { type Interval, normalQuantile, planRatio } from '../statistics/index.js';
import { exactFigure } from './exact-figures.js';
import type { SpeedRatio } from './speed.js';
import { includesWaiting } from './speed-metric.js';

/** the same: counted, not measured. cannot tell: a ratio without an interval, or one whose interval leaves out what would decide. */
export type Change = 'better' | 'worse' | 'the same' | 'no difference shown' | 'cannot tell';

type Bounds = Pick<Interval, 'lower' | 'upper'>;

/** Standard deviation of the logarithm of runs that are alike, as a machine of one's own has it; one run a side shows none. */
const assumedScatter = 0.05;

export function judgeChange(one: SpeedRatio): Change {
  const { metric, ratio, interval, covers, better, absentBecause } = one;
  const wayOf = (value: number) => (value > 1 === (better === 'higher') ? 'better' : 'worse');
  if (ratio !== null && absentBecause === exactFigure) {
    return ratio === 1 ? 'the same' : wayOf(ratio);
  }
  if (ratio === null || interval === null || isTooWide(interval)) return 'cannot tell';
  if (holdsOne(interval)) return 'no difference shown';
  if (covers === 'within one run') {
    // What waits multiplies what differs between runs, by a factor that no assumption covers.
    if (includesWaiting(metric) || holdsOne(widenForRuns(ratio, interval))) return 'cannot tell';
  }
  return wayOf(interval.lower);
}

/** The bounds with the difference of two runs in them that scatter as assumed, independent of what varies within each. */
export function widenForRuns(
  ratio: number,
  { lower, upper, confidence }: Bounds & Pick<Interval, 'confidence'>,
): Bounds {
  const runs = normalQuantile((1 + confidence) / 2) * assumedScatter * Math.SQRT2;
  const widen = (bound: number) => Math.exp(Math.hypot(Math.log(bound / ratio), runs));
  return { lower: ratio / widen(lower), upper: ratio * widen(upper) };
}

/** How many runs a side would show this ratio. */
export function planRuns(ratio: number): string {
  const runs = planRatio(ratio, assumedScatter);
  return runs === null
    ? 'no number of runs a side would'
    : `${runs} runs a side would, if they scatter by ${100 * assumedScatter} %`;
}

function holdsOne({ lower, upper }: Bounds): boolean {
  return lower <= 1 && upper >= 1;
}

const mostSpan = 100;

/** Two runs a side leave one degree of freedom, whose bounds may be orders of magnitude apart. */
export function isTooWide({ lower, upper }: Bounds): boolean {
  return upper / lower > mostSpan;
}

/** "3.80x to 4.21x"; words where the bounds are so far apart that they are no statement. */
export function formatRange(interval: Bounds): string {
  const format = formatterOf(interval);
  return isTooWide(interval)
    ? `too few repeats: spans over ${mostSpan}x`
    : `${format(interval.lower)} to ${format(interval.upper)}`;
}

/** With as many digits as tell bounds apart, and from 1: 1.041x to 1.043x, not 1.04x to 1.04x, and 0.9996x, not 1.00x. */
export function formatterOf({ lower, upper }: Bounds): (ratio: number) => string {
  const tells = (digits: number) => {
    const [from, to, one] = [lower, upper, 1].map((ratio) => formatRatio(ratio, digits));
    return from !== to && (lower === 1 || from !== one) && (upper === 1 || to !== one);
  };
  const digits = [3, 4, 5].find(tells) ?? 3;
  return (ratio) => formatRatio(ratio, digits);
}

/** "4.73x" */
export function formatRatio(ratio: number, digits = 3): string {
  return `${ratio >= 10 ** digits ? ratio.toFixed(0) : ratio.toPrecision(digits)}x`;
}
