// What a person reads after `bench compare` of two evaluations: the verdict first, then scores, perplexities, the subjects
// that changed, and what a gate came to.

import type {
  EvalComparison,
  PerplexityRatio,
  TaskDifference,
} from '../compare/eval-comparison.js';
import type { SubjectChanges } from '../compare/subject-changes.js';
import { alignColumns } from './columns.js';
import { formatGate } from './comparison-summary.js';
import {
  describeJudgement,
  describeVerdict,
  formatP,
  listScoreRemarks,
  signed,
} from './judgement-text.js';
import { describeSubjects, listChanged } from './subject-text.js';

/** The whole text, last newline included. */
export function formatEvalComparison(comparison: EvalComparison): string {
  const { accuracies, perplexities, subjects, leftOut, gate, verdict, alpha, sides } = comparison;
  const blocks = [verdict.text];
  if (accuracies.length > 0) blocks.push(formatAccuracies(accuracies));
  if (perplexities.length > 0) blocks.push(formatPerplexities(perplexities));
  blocks.push(...subjects.map((changes) => formatSubjects(changes, alpha)));
  if (gate.length > 0) blocks.push(formatGate(gate));
  if (leftOut > 0)
    blocks.push(`${leftOut} items that were not asked alike on both sides are left out`);
  blocks.push(
    `Evaluations\n${sides.map(({ model, weightFormat, path, items }) => `  ${model} (${weightFormat}): ${path}, ${items} items`).join('\n')}`,
  );
  return `${blocks.join('\n\n')}\n`;
}

function formatAccuracies(accuracies: readonly TaskDifference[]): string {
  const rows = accuracies.map((one) => [nameScore(one), ...listScoreCells(one)]);
  const head = ['Right answers, %', ...scoreHead];
  const remarks = listScoreRemarks(accuracies, (_, at) => nameScore(accuracies[at]!));
  return [alignColumns([head, ...rows]), ...remarks].join('\n');
}

function formatPerplexities(perplexities: readonly PerplexityRatio[]): string {
  const rows = perplexities.map((one) => [namePerplexity(one), ...listPerplexityCells(one)]);
  return alignColumns([['Perplexity', ...perplexityHead], ...rows]);
}

function formatSubjects(changes: SubjectChanges, alpha: number): string {
  const rows = listChanged(changes).map((one) => [`  ${one.subject}`, ...listSubjectCells(one)]);
  const told = describeSubjects(changes, alpha);
  return rows.length === 0 ? told : `${told}\n${alignColumns(rows)}`;
}

export const scoreHead = ['items', 'baseline', 'candidate', 'difference', 'interval', 'verdict'];
export const perplexityHead = [
  'windows',
  'baseline',
  'candidate',
  'ratio',
  'interval',
  'verdict',
] as const;

export function nameScore({ task, metric }: TaskDifference): string {
  return `${task}, ${metric}`;
}

export function namePerplexity({ task, unit }: PerplexityRatio): string {
  return `${task}, by ${unit}`;
}

/** In the order of `scoreHead`. */
export function listScoreCells(one: TaskDifference): string[] {
  return [
    String(one.samples),
    one.baseline.toFixed(2),
    one.candidate.toFixed(2),
    signed(one.difference),
    one.interval === null
      ? (one.absentBecause ?? '')
      : `${signed(one.interval.lower)} to ${signed(one.interval.upper)}`,
    describeJudgement(one, 'items'),
  ];
}

/** In the order of `perplexityHead`. */
export function listPerplexityCells(one: PerplexityRatio): string[] {
  const { interval, judgement } = one;
  return [
    String(one.items),
    one.baseline.toFixed(3),
    one.candidate.toFixed(3),
    formatFactor(one.candidate / one.baseline),
    interval === null
      ? (one.absentBecause ?? '')
      : `${formatFactor(interval.lower)} to ${formatFactor(interval.upper)}`,
    judgement === null ? '' : describeVerdict(judgement, one.margin),
  ];
}

/** Scores, difference, and the p-value among all subjects. */
export function listSubjectCells(one: SubjectChanges['subjects'][number]): string[] {
  return [
    `${one.baseline.toFixed(2)} to ${one.candidate.toFixed(2)}`,
    signed(one.candidate - one.baseline),
    `${one.items} items`,
    `p ${formatP(one.midP)}, ${formatP(one.adjustedP)} among all`,
  ];
}

/** "1.0123x" */
export function formatFactor(ratio: number): string {
  return `${ratio.toFixed(4)}x`;
}
