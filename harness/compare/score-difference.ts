// How far apart are two sides' scores of the same items? A difference with its interval, whether a loss beyond the margin
// can be ruled out, and what several such differences say together.

import {
  adjustHolm,
  bootstrapMeanDifference,
  countOutcomes,
  type EstimateOrReason,
  type Interval,
  itemsIfUnvaried,
  judgeNonInferiority,
  judgeTogether,
  type Margin,
  type McNemarTest,
  meanOf,
  type NonInferiority,
  type PairedCounts,
  refuse,
  tangoInterval,
  tangoTail,
  testMcNemar,
  unvariedDifference,
} from '../statistics/index.js';

/** By what the metric is, never by what values it happens to take: an answer is right or not, a text is more or less like. */
export type ScoreKind = 'right or wrong' | 'graded';

export interface QualityDifference {
  readonly metric: string;
  /** Samples that both sides scored. */
  readonly samples: number;
  /** Of them, means in points: percent of right answers, ROUGE times 100. */
  readonly baseline: number;
  readonly candidate: number;
  readonly difference: number;
  /** Of the difference, at 1 - 2 alpha. */
  readonly interval: Interval | null;
  readonly absentBecause: string | null;
  /** What a reader should know of the interval; null, or absent in earlier versions, where there is nothing. */
  readonly remark?: string | null;
  readonly margin: Margin;
  readonly judgement: NonInferiority | null;
  /** Of right and wrong answers only. */
  readonly outcomes: PairedCounts | null;
  readonly mcNemar: McNemarTest | null;
  /** Of right and wrong answers, once told together with others; absent in earlier versions. */
  readonly change?: ScoreChange | null;
}

/** Is either side right more often? */
export interface ScoreChange {
  readonly verdict: 'better' | 'worse' | 'none shown';
  /** McNemar's mid-p adjusted for all that were tested at once, two-sided. */
  readonly adjustedP: number;
}

export interface ScoreTerms {
  readonly margin: Margin;
  /** One-sided, of each judgement. */
  readonly alpha: number;
}

/** MLPerf's 99 % for generated texts, 1.5 points for right and wrong answers. */
export function defaultMargin(kind: ScoreKind): Margin {
  return kind === 'graded' ? { kind: 'relative', value: 0.01 } : { kind: 'absolute', value: 1.5 };
}

/** Points: scores are shares times 100. */
const range = 100;

/** @param from points, of right or wrong answers 0 or 100; `to` of the same items in the same order */
export function compareScores(
  metric: string,
  kind: ScoreKind,
  from: readonly number[],
  to: readonly number[],
  { margin, alpha }: ScoreTerms,
): QualityDifference {
  const [baseline, candidate] = [meanOf(from), meanOf(to)];
  const outcomes = kind === 'graded' ? null : countRight(from, to);
  const isUnvaried = outcomes === null && from.length > 1 && findCommon(from, to) !== null;
  const found = outcomes === null ? estimate(from, to, alpha) : estimateRight(outcomes, alpha);
  const { interval, reason } = found;
  const isJudged = interval !== null && (margin.kind === 'absolute' || baseline > 0);
  const judged = isJudged
    ? judgeNonInferiority({
        ...{ interval, tail: found.tail, of: 'difference', better: 'higher' },
        ...{ margin, baseline, items: from.length, alpha },
      })
    : null;
  return {
    metric,
    samples: from.length,
    baseline,
    candidate,
    difference: candidate - baseline,
    interval,
    absentBecause: reason,
    remark: isUnvaried && interval !== null ? describeUnvaried(from.length, interval) : null,
    margin,
    judgement:
      isUnvaried && judged !== null
        ? {
            ...judged,
            itemsIfEqual: itemsIfUnvaried(interval!.estimate, judged.limit, range, alpha),
          }
        : judged,
    outcomes,
    mcNemar: outcomes === null ? null : testMcNemar(outcomes),
  };
}

/** What several judgements say together (`judgeTogether`); those that could not be made stay so. */
export function judgeLosses<T extends { readonly judgement: NonInferiority | null }>(
  all: readonly T[],
  alpha: number,
): T[] {
  const judgements = judgeTogether(
    all.flatMap(({ judgement }) => judgement ?? []),
    alpha,
  );
  return all.map((one) =>
    one.judgement === null ? one : { ...one, judgement: judgements.shift()! },
  );
}

/**
 * Which scores changed, each of which a reader would act upon: McNemar's mid-p by Holm, so that even one false "better" or
 * "worse" among all has alpha.
 */
export function tellChanges<T extends QualityDifference>(all: readonly T[], alpha: number): T[] {
  const adjusted = adjustHolm(all.flatMap(({ mcNemar }) => mcNemar?.midP ?? []));
  return all.map((one) => {
    if (one.mcNemar === null) return { ...one, change: null };
    return { ...one, change: changeOf(one.difference, adjusted.shift()!, alpha) };
  });
}

/** @param difference the candidate's less the baseline's, higher being better */
export function changeOf(difference: number, adjustedP: number, alpha: number): ScoreChange {
  const verdict = adjustedP > alpha ? 'none shown' : difference > 0 ? 'better' : 'worse';
  return { verdict, adjustedP };
}

export function countRight(from: readonly number[], to: readonly number[]): PairedCounts {
  return countOutcomes(
    from.map((value) => value === range),
    to.map((value) => value === range),
  );
}

function estimateRight(outcomes: PairedCounts, alpha: number): EstimateOrReason {
  const inShares = tangoTail(outcomes);
  return {
    interval: inPoints(tangoInterval(outcomes, 2 * alpha)),
    tail: (hypothesis, points) => inShares(hypothesis, points / range),
    reason: null,
  };
}

function estimate(from: readonly number[], to: readonly number[], alpha: number): EstimateOrReason {
  const common = from.length > 1 ? findCommon(from, to) : null;
  if (common === null) return bootstrapMeanDifference(from, to, { alpha: 2 * alpha });
  if ([...from, ...to].some((value) => value < 0 || value > range)) {
    return refuse('no difference varies, and scores lie outside of 0 to 100 points');
  }
  return unvariedDifference(common, from.length, range, 2 * alpha);
}

/** The difference that all items have in common, up to rounding; null where they vary. */
function findCommon(from: readonly number[], to: readonly number[]): number | null {
  const differences = from.map((value, i) => to[i]! - value);
  const first = differences[0]!;
  return differences.every((one) => Math.abs(one - first) <= 1e-9) ? first : null;
}

function describeUnvaried(items: number, { estimate: common }: Interval): string {
  const alike =
    common === 0
      ? `all ${items} samples score the same on both sides`
      : `all ${items} samples differ by the same`;
  return `${alike}: differences that do not vary tell no smallest loss that would have been seen, and the interval is what samples of another kind, of which these are none, could make of the mean`;
}

function inPoints(interval: Interval): Interval {
  const { estimate: share, lower, upper, standardError } = interval;
  return {
    ...interval,
    estimate: range * share,
    lower: range * lower,
    upper: range * upper,
    standardError: standardError === null ? null : range * standardError,
  };
}
