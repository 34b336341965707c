// What follows from a comparison, in one word for speed, one for quality, and a sentence.

import type { NonInferiority } from '../statistics/index.js';
import { formatRange, formatRatio, isTooWide, judgeChange, planRuns } from './change.js';
import type { QualityComparison } from './quality.js';
import { type SpeedRatio, singleRunCaveat } from './speed.js';

export interface ComparisonVerdict {
  /** cannot tell: a ratio without an interval, or one whose interval leaves out what would decide. */
  readonly speed: 'faster' | 'slower' | 'no difference shown' | 'cannot tell' | 'not comparable';
  readonly quality: 'as good' | 'worse' | 'cannot tell' | 'not compared' | 'not to be trusted';
  /** One sentence. */
  readonly text: string;
}

/** @param speed the main figure first; empty where speeds are not comparable */
export function conclude(
  baseline: string,
  candidate: string,
  speed: readonly SpeedRatio[],
  quality: QualityComparison,
  isComparable: boolean,
): ComparisonVerdict {
  const [main, ...others] = speed;
  const speedVerdict =
    !isComparable || main?.ratio == null ? 'not comparable' : speedWords[judgeChange(main)];
  const isDoubted = quality.metrics.length > 0 && (quality.doubts ?? []).length > 0;
  const qualityVerdict = isDoubted ? 'not to be trusted' : judgeAll(quality.metrics);
  const words = isDoubted
    ? `its scores are not to be trusted (${quality.doubts!.join('; ')})`
    : qualityWords[judgeAll(quality.metrics)];
  const costs = describeCosts(others);
  const text = `${candidate} ${describeMain(main, speedVerdict, baseline)}, and ${words}${costs}`;
  return { speed: speedVerdict, quality: qualityVerdict, text };
}

/** As good only where every judgement says so, which takes no correction; worse where one that holds among all does. */
export function judgeAll(
  all: readonly { readonly judgement: NonInferiority | null }[],
): Exclude<ComparisonVerdict['quality'], 'not to be trusted'> {
  const verdicts = all.map(({ judgement }) => judgement?.verdict ?? 'cannot tell');
  if (verdicts.length === 0) return 'not compared';
  if (verdicts.includes('inferior')) return 'worse';
  return verdicts.every((verdict) => verdict === 'non-inferior') ? 'as good' : 'cannot tell';
}

export const qualityWords = {
  'as good': 'answers as well, within the margin',
  worse: 'answers worse than the margin allows',
  'cannot tell': 'may or may not answer as well: these samples cannot tell',
  'not compared': 'was not compared in quality',
} as const;

const speedWords = {
  better: 'faster',
  worse: 'slower',
  'the same': 'no difference shown',
  'no difference shown': 'no difference shown',
  'cannot tell': 'cannot tell',
} as const;

function describeMain(
  main: SpeedRatio | undefined,
  verdict: ComparisonVerdict['speed'],
  baseline: string,
): string {
  if (main === undefined || main.ratio === null || verdict === 'not comparable') {
    return `cannot be compared with ${baseline} in speed`;
  }
  const { metric, ratio, interval, covers } = main;
  const single = covers === 'within one run' ? `, ${singleRunCaveat}` : '';
  const what = `the ${metric} of ${baseline}`;
  if (interval !== null && isTooWide(interval)) {
    return `has ${formatRatio(ratio)} ${what} (${formatRange(interval)}, which cannot tell)`;
  }
  const range = interval === null ? '' : ` (${formatRange(interval)}${single})`;
  const had = `has ${formatRatio(ratio)}${range} ${what}`;
  if (verdict === 'no difference shown') return `${had}, which shows no difference`;
  if (verdict !== 'cannot tell') return had;
  const why = interval === null ? 'no interval' : 'one run a side';
  return `${had} (${why}: cannot tell; ${planRuns(ratio)})`;
}

/** Times, bytes and energy that are shown to have grown: of each kind the figure that grew most. */
function describeCosts(others: readonly SpeedRatio[]): string {
  const worst = new Map<string, { readonly metric: string; readonly ratio: number }>();
  for (const one of others) {
    if (judgeChange(one) !== 'worse') continue;
    const { metric, ratio, better } = one;
    // A lower rate is the verdict itself, and a lower share of the peak costs nobody.
    if (better === 'higher') continue;
    const kind = metric.split(' ')[0]!;
    if (ratio! > (worst.get(kind)?.ratio ?? 1)) worst.set(kind, { metric, ratio: ratio! });
  }
  const told = [...worst.values()].map(({ metric, ratio }) => `${metric} (${formatRatio(ratio)})`);
  return told.length === 0 ? '' : `; worse in ${told.join(', ')}`;
}
