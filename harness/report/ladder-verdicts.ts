// What is said of a step, of the whole and of an interaction, in the same words on a terminal and on a page.

import { isTooWide } from '../compare/change.js';
import type { SpeedRatio } from '../compare/speed.js';
import type { ComparisonVerdict } from '../compare/verdict.js';
import type { Contrast, Interaction } from '../ladder/ladder.js';

const notRun = 'not run yet';

export interface ContrastVerdict {
  readonly speed: ComparisonVerdict['speed'] | typeof notRun;
  readonly quality: ComparisonVerdict['quality'] | typeof notRun;
}

export function judgeContrast({ verdict }: Contrast): ContrastVerdict {
  if (verdict === null) return { speed: notRun, quality: notRun };
  const { speed, quality } = verdict;
  return { speed, quality };
}

/** `better` of the ladder's metric: a ratio below 1 is a gain where less is better. */
export function judgeInteraction(
  { isShown, ratio, interval, absentBecause }: Interaction,
  better: SpeedRatio['better'],
): string {
  if (absentBecause !== null) return absentBecause;
  if (interval !== null && isTooWide(interval)) return 'too few repeats to tell';
  if (!isShown) return 'no interaction shown';
  const isMore = better === 'higher' ? ratio > 1 : ratio < 1;
  return `INTERACTION: gives ${isMore ? 'more' : 'less'} after the steps before it than alone`;
}
