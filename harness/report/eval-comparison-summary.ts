// What a person reads after `bench compare` of two evaluations.

import type {
  EvalComparison,
  PerplexityRatio,
  TaskDifference,
} from '../compare/eval-comparison.js';
import { alignColumns } from './columns.js';
import { describeJudgement, formatMargin, signed } from './comparison-summary.js';

/** The whole text, last newline included. */
export function formatEvalComparison(comparison: EvalComparison): string {
  const { sides, accuracies, perplexities, leftOut } = comparison;
  const [baseline, candidate] = sides;
  const blocks = [
    `${candidate.model} (${candidate.weightFormat}) against ${baseline.model} (${baseline.weightFormat})`,
  ];
  if (accuracies.length > 0) blocks.push(formatAccuracies(accuracies));
  if (perplexities.length > 0) blocks.push(formatPerplexities(perplexities));
  if (leftOut > 0)
    blocks.push(`${leftOut} items that were not asked alike on both sides are left out`);
  return `${blocks.join('\n\n')}\n`;
}

function formatAccuracies(accuracies: readonly TaskDifference[]): string {
  const rows = accuracies.map((task) => [
    `${task.task}, ${task.metric}`,
    String(task.samples),
    task.baseline.toFixed(2),
    task.candidate.toFixed(2),
    signed(task.difference),
    task.interval === null
      ? (task.absentBecause ?? '')
      : `${signed(task.interval.lower)} to ${signed(task.interval.upper)}`,
    describeJudgement(task),
  ]);
  const head = [
    'Right answers, %',
    'items',
    'baseline',
    'candidate',
    'difference',
    'interval',
    'verdict',
  ];
  return alignColumns([head, ...rows]);
}

function formatPerplexities(perplexities: readonly PerplexityRatio[]): string {
  const rows = perplexities.map((task) => [
    `${task.task}, by ${task.unit}`,
    String(task.items),
    task.baseline.toFixed(3),
    task.candidate.toFixed(3),
    `${(task.candidate / task.baseline).toFixed(4)}x`,
    task.interval === null
      ? (task.absentBecause ?? '')
      : `${task.interval.lower.toFixed(4)}x to ${task.interval.upper.toFixed(4)}x`,
    task.judgement === null
      ? ''
      : `${task.judgement.verdict} (margin ${formatMargin(task.margin)})`,
  ]);
  const head = ['Perplexity', 'windows', 'baseline', 'candidate', 'ratio', 'interval', 'verdict'];
  return alignColumns([head, ...rows]);
}
