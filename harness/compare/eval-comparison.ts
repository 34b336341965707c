// Two evaluations of the same items (`bench eval`): right and wrong answers paired, perplexities over the same windows, and
// what follows.

import { resolve } from 'node:path';
import { InputError } from '../errors.js';
import { estimateLoss, toPerplexity } from '../eval/statistics.js';
import {
  bootstrapPerplexityRatio,
  type Interval,
  judgeNonInferiority,
  type Margin,
  type NonInferiority,
} from '../statistics/index.js';
import { runEvalGate } from './eval-gate.js';
import { groupPairs, type ItemPair, listMetrics, pairItems, pointsOf } from './eval-pairs.js';
import { type EvalSide, type LoadedSide, readEvalSide } from './eval-side.js';
import type { GateResult } from './gate.js';
import { type GateRule, marginsOf } from './gate-rule.js';
import {
  compareScores,
  defaultMargin,
  judgeLosses,
  type QualityDifference,
  tellChanges,
} from './score-difference.js';
import { findSubjectChanges, type SubjectChanges } from './subject-changes.js';
import { judgeAll, qualityWords } from './verdict.js';

export const evalComparisonSchema = 'loadmark/eval-comparison/1';

export interface EvalComparison {
  readonly schema: typeof evalComparisonSchema;
  /** One-sided, of each verdict, and of even one loss, change or regression that is told among all. */
  readonly alpha: number;
  readonly sides: readonly [EvalSide, EvalSide];
  readonly accuracies: readonly TaskDifference[];
  readonly perplexities: readonly PerplexityRatio[];
  /** Of tasks that have subjects. */
  readonly subjects: readonly SubjectChanges[];
  /** Items that were not asked alike on both sides, which are left out. */
  readonly leftOut: number;
  /** Why nothing is compared; null where something is. */
  readonly absentBecause: string | null;
  readonly gate: readonly GateResult[];
  readonly verdict: {
    readonly quality: ReturnType<typeof judgeAll>;
    /** One sentence. */
    readonly text: string;
  };
}

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
  readonly margin: Margin;
  readonly judgement: NonInferiority | null;
}

export interface EvalTerms {
  /** By task, or "accuracy" and "perplexity" for all. */
  readonly margins: ReadonlyMap<string, Margin>;
  readonly alpha: number;
  readonly gate: readonly GateRule[];
}

const perplexityMargin: Margin = { kind: 'relative', value: 0.01 };

/** @throws InputError when a folder is not as `bench eval` left it. */
export function compareEvals(paths: readonly [string, string], terms: EvalTerms): EvalComparison {
  if (resolve(paths[0]) === resolve(paths[1])) {
    const message = 'is there twice; allowed: two evaluations';
    throw new InputError([{ where: `"${paths[1]}"`, message }]);
  }
  const [baseline, candidate] = paths.map(readEvalSide) as [LoadedSide, LoadedSide];
  const pairs = pairItems(baseline, candidate);
  const families = groupPairs(pairs, familyOf);
  const { alpha, gate } = terms;
  const margins = new Map([...terms.margins, ...marginsOf(gate)]);
  const answered = families.flatMap(([task, rows]) => compareAnswers(task, rows, margins, alpha));
  const read = families.flatMap(
    ([task, rows]) => comparePerplexity(task, rows, margins, alpha) ?? [],
  );
  // One family: whatever is lost, somebody is told of a loss.
  const judged = judgeLosses<TaskDifference | PerplexityRatio>([...answered, ...read], alpha);
  const accuracies = tellChanges(judged.slice(0, answered.length) as TaskDifference[], alpha);
  const perplexities = judged.slice(answered.length) as PerplexityRatio[];
  const sides = nameApart(baseline.side, candidate.side);
  const absentBecause = judged.length === 0 ? explainNothing(baseline, candidate) : null;
  const quality = judgeAll(judged);
  const why = absentBecause === null ? '' : `: ${absentBecause}`;
  return {
    schema: evalComparisonSchema,
    alpha,
    sides,
    accuracies,
    perplexities,
    subjects: families.flatMap(([task, rows]) => findSubjectChanges(task, rows, alpha)),
    leftOut: baseline.items.size + candidate.items.size - 2 * pairs.length,
    absentBecause,
    gate: runEvalGate(gate, accuracies, perplexities, absentBecause, alpha),
    verdict: {
      quality,
      text: `${sides[1].label}, beside ${sides[0].label}, ${qualityWords[quality]}${why}`,
    },
  };
}

function nameApart(baseline: EvalSide, candidate: EvalSide): [EvalSide, EvalSide] {
  if (baseline.label !== candidate.label) return [baseline, candidate];
  const named = (side: EvalSide) => ({ ...side, label: `${side.label}, ${side.path}` });
  return [named(baseline), named(candidate)];
}

function explainNothing({ items: from }: LoadedSide, { items: to }: LoadedSide): string {
  const common = [...from.keys()].filter((id) => to.has(id)).length;
  if (common > 0) {
    return `none of the ${common} items that both have was asked alike (examples, texts or their limits differ)`;
  }
  const tasksOf = (items: LoadedSide['items']) =>
    [...new Set([...items.values()].map(({ task }) => familyOf(task)))].join(', ') || 'nothing';
  return `they have no item in common (${tasksOf(from)} against ${tasksOf(to)})`;
}

function familyOf(task: string): string {
  return /^(mmlu|ceval)/.exec(task)?.[0] ?? task;
}

function compareAnswers(
  task: string,
  pairs: readonly ItemPair[],
  margins: ReadonlyMap<string, Margin>,
  alpha: number,
): TaskDifference[] {
  const kind = 'right or wrong';
  const margin = margins.get(task) ?? margins.get('accuracy') ?? defaultMargin(kind);
  return listMetrics(pairs).map((name) => {
    const [from, to] = [pointsOf(pairs, 0, name), pointsOf(pairs, 1, name)];
    return { task, ...compareScores(name, kind, from, to, { margin, alpha }) };
  });
}

function comparePerplexity(
  task: string,
  pairs: readonly ItemPair[],
  margins: ReadonlyMap<string, Margin>,
  alpha: number,
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
