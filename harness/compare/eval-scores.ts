// Scores of the items that two evaluations were asked alike: right and wrong answers paired, perplexities over the same
// windows.

import { estimateLoss, toPerplexity } from '../eval/statistics.js';
import {
  bootstrapPerplexityRatio,
  type Interval,
  judgeNonInferiority,
  type Margin,
  type NonInferiority,
} from '../statistics/index.js';
import { type ItemPair, listMetrics, pointsOf } from './eval-pairs.js';
import { compareScores, defaultMargin, type QualityDifference } from './score-difference.js';

export interface TaskDifference extends QualityDifference {
  /** MMLU's and C-Eval's subjects together. */
  readonly task: string;
}

export interface PerplexityRatio {
  readonly task: string;
  readonly unit: 'words' | 'tokens';
  /** Pages or windows. */
  readonly items: number;
  readonly baseline: number;
  readonly candidate: number;
  /** candidate / baseline, at 1 - 2 alpha; above 1 is worse. */
  readonly interval: Interval | null;
  readonly absentBecause: string | null;
  /** What a reader should know of the interval; null where there is nothing. */
  readonly remark: string | null;
  readonly margin: Margin;
  readonly judgement: NonInferiority | null;
}

export interface ScoringTerms {
  /** By task, or "accuracy" and "perplexity" for all. */
  readonly margins: ReadonlyMap<string, Margin>;
  /** One-sided, of each judgement. */
  readonly alpha: number;
}

/** @param pairs of one task, at least one */
export function compareAnswers(
  task: string,
  pairs: readonly ItemPair[],
  { margins, alpha }: ScoringTerms,
): TaskDifference[] {
  const kind = 'right or wrong';
  const margin = margins.get(task) ?? margins.get('accuracy') ?? defaultMargin(kind);
  return listMetrics(pairs).map((name) => {
    const [from, to] = [pointsOf(pairs, 0, name), pointsOf(pairs, 1, name)];
    return { task, ...compareScores(name, kind, from, to, { margin, alpha }) };
  });
}

const perplexityMargin: Margin = { kind: 'relative', value: 0.01 };

/** null for a task of answers. @param pairs of one task, at least one */
export function comparePerplexity(
  task: string,
  pairs: readonly ItemPair[],
  { margins, alpha }: ScoringTerms,
): PerplexityRatio | null {
  const weights = pairs[0]![0].weights;
  if (weights === undefined) return null;
  const unit = weights.tokens === undefined ? 'words' : 'tokens';
  const sharesOf = (side: 0 | 1) =>
    pairs.map((pair) => ({ logProb: pair[side].logProbs![0]!, weight: pair[0].weights![unit]! }));
  const [from, to] = [sharesOf(0), sharesOf(1)];
  const found = bootstrapPerplexityRatio(from, to, { alpha: 2 * alpha });
  const margin = margins.get(task) ?? margins.get('perplexity') ?? perplexityMargin;
  const baseline = toPerplexity(estimateLoss(from)).value;
  const question = { of: 'ratio', better: 'lower', margin, baseline, alpha } as const;
  return {
    task,
    unit,
    items: pairs.length,
    baseline,
    candidate: toPerplexity(estimateLoss(to)).value,
    interval: found.interval,
    absentBecause: found.reason,
    remark: found.interval === null ? null : remarkOnFew(pairs.length),
    margin,
    judgement:
      found.interval === null
        ? null
        : judgeNonInferiority({
            ...question,
            ...{ interval: found.interval, tail: found.tail, items: pairs.length },
          }),
  };
}

/** Simulated in the tests: below it bounds of skewed losses are wrong nearly twice as often as they say. */
const fewestWindows = 30;

function remarkOnFew(windows: number): string | null {
  if (windows >= fewestWindows) return null;
  return `${windows} windows are few: intervals over fewer than ${fewestWindows} are too narrow (in simulation a bound that is to be wrong in 5 % of all cases is so in up to 13 % with 10 windows and in up to 9 % with 20), and what follows from them is less sure than it says`;
}
