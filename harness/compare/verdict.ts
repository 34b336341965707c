// What follows from a comparison, in one word for speed, one for quality, and a sentence.

import { type NonInferiority, planRatio } from '../statistics/index.js';
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
  const [main] = speed;
  const speedVerdict = !isComparable || main?.ratio == null ? 'not comparable' : judgeMain(main);
  const isDoubted = quality.metrics.length > 0 && (quality.doubts ?? []).length > 0;
  const qualityVerdict = isDoubted ? 'not to be trusted' : judgeAll(quality.metrics);
  const words = isDoubted
    ? `its scores are not to be trusted (${quality.doubts!.join('; ')})`
    : qualityWords[judgeAll(quality.metrics)];
  const text = `${candidate} ${describeMain(main, speedVerdict, baseline)}, and ${words}`;
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

/** Latencies of one run a side differ between identical runs by more than their samples show: these never decide alone. */
function judgeMain({ interval, covers, better, unit }: SpeedRatio): ComparisonVerdict['speed'] {
  if (interval === null || isTooWide(interval)) return 'cannot tell';
  if (interval.lower <= 1 && interval.upper >= 1) return 'no difference shown';
  if (covers === 'within one run' && unit === 'ms') return 'cannot tell';
  return interval.lower > 1 === (better === 'higher') ? 'faster' : 'slower';
}

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

/** Between runs that scatter as runs on a machine of one's own do. */
const assumedScatter = 0.05;

function planRuns(ratio: number): string {
  const runs = planRatio(ratio, assumedScatter);
  return runs === null
    ? 'no number of runs a side would'
    : `${runs} runs a side would, if they scatter by ${100 * assumedScatter} %`;
}

const mostSpan = 100;

/** Two runs a side leave one degree of freedom, whose bounds may be orders of magnitude apart. */
export function isTooWide({
  lower,
  upper,
}: {
  readonly lower: number;
  readonly upper: number;
}): boolean {
  return upper / lower > mostSpan;
}

/** "3.80x to 4.21x"; words where the bounds are so far apart that they are no statement. */
export function formatRange(interval: { readonly lower: number; readonly upper: number }): string {
  return isTooWide(interval)
    ? `too few repeats: spans over ${mostSpan}x`
    : `${formatRatio(interval.lower)} to ${formatRatio(interval.upper)}`;
}

/** "4.73x" */
export function formatRatio(ratio: number): string {
  return `${ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(3)}x`;
}
