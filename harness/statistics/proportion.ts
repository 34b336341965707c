// How large a share can it be that so many of so many are part of?

import { checkCount, checkShare } from './argument-checks.js';
import type { Interval } from './interval.js';
import { normalQuantile } from './normal.js';

/**
 * Wilson's score interval of a share (Wilson 1927), which has a width at 0 and at 1 too.
 * @param part 0 to `whole`
 * @param whole at least 1
 * @throws RangeError for counts that cannot be
 */
export function wilsonInterval(part: number, whole: number, alpha: number = 0.05): Interval {
  checkCount('whole', whole, 1);
  checkCount('part', part, 0);
  checkShare('alpha', alpha);
  if (part > whole) throw new RangeError(`part is ${part}; it must be at most ${whole}`);
  const z = normalQuantile(1 - alpha / 2);
  const share = part / whole;
  const centre = (share + z ** 2 / (2 * whole)) / (1 + z ** 2 / whole);
  const half =
    (z * Math.sqrt((share * (1 - share)) / whole + z ** 2 / (4 * whole ** 2))) /
    (1 + z ** 2 / whole);
  return {
    estimate: share,
    lower: Math.max(0, centre - half),
    upper: Math.min(1, centre + half),
    confidence: 1 - alpha,
    standardError: Math.sqrt((share * (1 - share)) / whole),
    method: 'Wilson score',
  };
}
