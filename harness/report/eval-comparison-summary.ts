// What a person reads after `bench compare` of evaluations: the verdicts first, then what differs, and of each candidate
// scores, perplexities, the subjects that changed, and what a gate came to.

import type { EvalCandidate, EvalComparison } from '../compare/eval-comparison.js';
import type { PerplexityRatio, TaskDifference } from '../compare/eval-scores.js';
import type { SubjectChanges } from '../compare/subject-changes.js';
import { alignColumns } from './columns.js';
import { formatGate } from './comparison-summary.js';
import { formatDifferences } from './difference-text.js';
import { formatFigure } from './figure-text.js';
import {
  describeJudgement,
  describeRise,
  formatP,
  gatherRemarks,
  listScoreRemarks,
  signed,
} from './judgement-text.js';
import { describeSubjects, listChanged } from './subject-text.js';

/** The whole text, last newline included. */
export function formatEvalComparison(comparison: EvalComparison): string {
  const { candidates, factors, alphaEach, sides } = comparison;
  const level = describeLevel(comparison);
  const blocks = [
    [...candidates.map(({ verdict }) => verdict.text), ...(level === null ? [] : [level])].join(
      '\n',
    ),
    formatDifferences(factors),
    ...candidates.flatMap((one) => formatCandidate(one, candidates.length > 1, alphaEach)),
    `Evaluations\n${sides.map(({ model, weightFormat, path, items }) => `  ${model} (${weightFormat}): ${path}, ${items} items`).join('\n')}`,
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** Why a level is not the one that was asked for; null where it is. */
export function describeLevel({ alpha, alphaEach, candidates }: EvalComparison): string | null {
  if (candidates.length === 1) return null;
  const told = (value: number) => String(Number(value.toPrecision(3)));
  return `${candidates.length} candidates are as many chances to be wrong: each is judged at alpha ${told(alphaEach)}, together they are at ${told(alpha)}`;
}

/** What qualifies the scores of a candidate; tasks that are not compared are told by the verdict. */
export function listNotes({ remarks, leftOut }: EvalCandidate): string[] {
  return [
    ...remarks,
    ...(leftOut === 0
      ? []
      : [`${leftOut} items that were not asked alike on both sides are left out`]),
  ];
}

function formatCandidate(candidate: EvalCandidate, isNamed: boolean, alpha: number): string[] {
  const { label, accuracies, perplexities, subjects, gate } = candidate;
  const notes = listNotes(candidate);
  return [
    ...(isNamed ? [`${label}:`] : []),
    ...(accuracies.length > 0 ? [formatAccuracies(accuracies)] : []),
    ...(perplexities.length > 0 ? [formatPerplexities(perplexities)] : []),
    ...subjects.map((changes) => formatSubjects(changes, alpha)),
    ...(gate.length > 0 ? [formatGate(gate)] : []),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
  ];
}

function formatAccuracies(accuracies: readonly TaskDifference[]): string {
  const rows = accuracies.map((one) => [nameScore(one), ...listScoreCells(one)]);
  const head = ['Right answers, %', ...scoreHead];
  const remarks = listScoreRemarks(accuracies, (_, at) => nameScore(accuracies[at]!));
  return [alignColumns([head, ...rows]), ...remarks].join('\n');
}

function formatPerplexities(perplexities: readonly PerplexityRatio[]): string {
  const rows = perplexities.map((one) => [namePerplexity(one), ...listPerplexityCells(one)]);
  const table = alignColumns([['Perplexity', ...perplexityHead], ...rows]);
  return [table, ...gatherRemarks(perplexities, namePerplexity)].join('\n');
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
    formatFigure(one.baseline),
    formatFigure(one.candidate),
    signed(one.difference),
    one.interval === null
      ? (one.absentBecause ?? '')
      : `${signed(one.interval.lower)} to ${signed(one.interval.upper)}`,
    describeJudgement(one, 'items'),
  ];
}

/** In the order of `perplexityHead`. */
export function listPerplexityCells(one: PerplexityRatio): string[] {
  const { interval, judgement, margin } = one;
  return [
    String(one.items),
    one.baseline.toFixed(3),
    one.candidate.toFixed(3),
    formatFactor(one.candidate / one.baseline),
    interval === null
      ? (one.absentBecause ?? '')
      : `${formatFactor(interval.lower)} to ${formatFactor(interval.upper)}`,
    judgement === null ? '' : describeRise(judgement, margin),
  ];
}

/** Scores, difference, and the p-value among all subjects. */
export function listSubjectCells(one: SubjectChanges['subjects'][number]): string[] {
  return [
    `${formatFigure(one.baseline)} to ${formatFigure(one.candidate)}`,
    signed(one.candidate - one.baseline),
    `${one.items} items`,
    `p ${formatP(one.midP)}, ${formatP(one.adjustedP)} among all`,
  ];
}

/** "1.0123x" */
export function formatFactor(ratio: number): string {
  return `${ratio.toFixed(4)}x`;
}
