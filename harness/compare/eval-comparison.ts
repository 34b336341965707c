// One or more evaluations beside a baseline's (`bench eval`), as comparison.json keeps it: what differs, which tasks may be set
// against each other, their scores, and what follows.

import type { Margin } from '../statistics/index.js';
import { judgeTasks, type RefusedTask } from './eval-comparability.js';
import { listEvalFactors } from './eval-factors.js';
import { runEvalGate } from './eval-gate.js';
import { familyOf, groupPairs, pairItems } from './eval-pairs.js';
import {
  compareAnswers,
  comparePerplexity,
  type PerplexityRatio,
  type ScoringTerms,
  type TaskDifference,
} from './eval-scores.js';
import { type EvalSide, type LoadedSide, readEvalSides } from './eval-side.js';
import type { Factor } from './factors.js';
import type { GateResult } from './gate.js';
import { type GateRule, marginsOf } from './gate-rule.js';
import { judgeLosses, tellChanges } from './score-difference.js';
import { findSubjectChanges, type SubjectChanges } from './subject-changes.js';
import { judgeAll, qualityWords } from './verdict.js';

export const evalComparisonSchema = 'loadmark/eval-comparison/2';

export interface EvalComparison {
  readonly schema: typeof evalComparisonSchema;
  /** One-sided, as it was asked for. */
  readonly alpha: number;
  /**
   * alpha / candidates, since several are several chances to be wrong: of each verdict, and of even one loss, change or
   * regression that is told among all of a candidate.
   */
  readonly alphaEach: number;
  /** The baseline first. */
  readonly sides: readonly EvalSide[];
  /** Over all sides; those that are the same too. */
  readonly factors: readonly Factor[];
  /** One a candidate. */
  readonly candidates: readonly EvalCandidate[];
}

export interface EvalCandidate {
  readonly label: string;
  /** Tasks that both answered and of which nothing is compared. */
  readonly refused: readonly RefusedTask[];
  /** What a reader should know of what is compared. */
  readonly remarks: readonly string[];
  readonly accuracies: readonly TaskDifference[];
  readonly perplexities: readonly PerplexityRatio[];
  /** Of tasks that have subjects. */
  readonly subjects: readonly SubjectChanges[];
  /** Items that were not asked alike on both sides, which are left out. */
  readonly leftOut: number;
  /** Why nothing at all is compared; null where something is. */
  readonly absentBecause: string | null;
  readonly gate: readonly GateResult[];
  readonly verdict: {
    readonly quality: ReturnType<typeof judgeAll>;
    /** One sentence. */
    readonly text: string;
  };
}

export interface EvalTerms {
  /** By task, or "accuracy" and "perplexity" for all. */
  readonly margins: ReadonlyMap<string, Margin>;
  readonly alpha: number;
  readonly gate: readonly GateRule[];
}

/**
 * @param paths two or more, the baseline's first
 * @throws InputError when a folder is there twice or is not as `bench eval` left it.
 */
export function compareEvals(paths: readonly string[], terms: EvalTerms): EvalComparison {
  const sides = readEvalSides(paths);
  const [baseline, ...candidates] = sides;
  const alphaEach = terms.alpha / candidates.length;
  const each = { ...terms, alpha: alphaEach };
  return {
    schema: evalComparisonSchema,
    alpha: terms.alpha,
    alphaEach,
    sides: sides.map(({ side }) => side),
    factors: listEvalFactors(sides),
    candidates: candidates.map((candidate) => compareCandidate(baseline!, candidate, each)),
  };
}

function compareCandidate(
  baseline: LoadedSide,
  candidate: LoadedSide,
  { margins, alpha, gate }: EvalTerms,
): EvalCandidate {
  const alike = pairItems(baseline, candidate);
  const { refused, remarks } = judgeTasks(baseline, candidate, alike);
  const pairs = alike.filter(([{ task }]) => refused.every((one) => one.task !== familyOf(task)));
  const families = groupPairs(pairs, familyOf);
  const scoring: ScoringTerms = { margins: new Map([...margins, ...marginsOf(gate)]), alpha };
  const answered = families.flatMap(([task, rows]) => compareAnswers(task, rows, scoring));
  const read = families.flatMap(([task, rows]) => comparePerplexity(task, rows, scoring) ?? []);
  // One family: whatever is lost, somebody is told of a loss.
  const judged = judgeLosses<TaskDifference | PerplexityRatio>([...answered, ...read], alpha);
  const accuracies = tellChanges(judged.slice(0, answered.length) as TaskDifference[], alpha);
  const perplexities = judged.slice(answered.length) as PerplexityRatio[];
  const { label } = candidate.side;
  const absentBecause = judged.length > 0 ? null : explainNothing(baseline, candidate, refused);
  const quality = judgeAll(judged);
  const lacking = absentBecause ?? refused.map(({ reason }) => reason).join('; ');
  const why = absentBecause !== null ? `: ${lacking}` : lacking && `; not compared: ${lacking}`;
  return {
    label,
    refused,
    remarks,
    accuracies,
    perplexities,
    subjects: families.flatMap(([task, rows]) => findSubjectChanges(task, rows, alpha)),
    leftOut: baseline.items.size + candidate.items.size - 2 * pairs.length,
    absentBecause,
    gate: runEvalGate(gate, accuracies, perplexities, { absentBecause, refused }, alpha),
    verdict: {
      quality,
      text: `${label}, beside ${baseline.side.label}, ${qualityWords[quality]}${why}`,
    },
  };
}

function explainNothing(
  { items: from }: LoadedSide,
  { items: to }: LoadedSide,
  refused: readonly RefusedTask[],
): string {
  if (refused.length > 0) return refused.map(({ reason }) => reason).join('; ');
  const tasksOf = (items: LoadedSide['items']) =>
    [...new Set([...items.values()].map(({ task }) => familyOf(task)))].join(', ') || 'nothing';
  return `they have no item in common (${tasksOf(from)} against ${tasksOf(to)})`;
}
