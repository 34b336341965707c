// A comparison of two evaluations as a pull request shows it: Markdown, the verdict first.

import type { EvalComparison } from '../compare/eval-comparison.js';
import {
  listPerplexityCells,
  listScoreCells,
  listSubjectCells,
  namePerplexity,
  nameScore,
  perplexityHead,
  scoreHead,
} from './eval-comparison-summary.js';
import { listScoreRemarks } from './judgement-text.js';
import { escapeCell, foldMarkdown, gateMarkdown, markdownTable } from './markdown.js';
import { describeSubjects, listChanged } from './subject-text.js';

/** The whole text, last newline included. */
export function formatEvalMarkdown(comparison: EvalComparison): string {
  const { accuracies, perplexities, subjects, leftOut, gate, verdict, alpha, sides } = comparison;
  const blocks = [`### ${escapeCell(verdict.text)}`, ...gateMarkdown(gate)];
  if (accuracies.length > 0) {
    const rows = accuracies.map((one) => [nameScore(one), ...listScoreCells(one)]);
    blocks.push(markdownTable(['right answers, %', ...scoreHead], rows));
    const remarks = listScoreRemarks(accuracies, (_, at) => nameScore(accuracies[at]!));
    blocks.push(...remarks.map(escapeCell));
  }
  if (perplexities.length > 0) {
    const rows = perplexities.map((one) => [namePerplexity(one), ...listPerplexityCells(one)]);
    blocks.push(markdownTable(['perplexity', ...perplexityHead], rows));
  }
  for (const changes of subjects) {
    const rows = listChanged(changes).map((one) => [one.subject, ...listSubjectCells(one)]);
    blocks.push(escapeCell(describeSubjects(changes, alpha)));
    const head = ['subject', 'scores', 'difference', 'items', 'test'];
    if (rows.length > 0) blocks.push(markdownTable(head, rows));
  }
  if (leftOut > 0)
    blocks.push(`${leftOut} items that were not asked alike on both sides are left out.`);
  const folders = sides.map(
    ({ model, weightFormat, path, items }) =>
      `- ${escapeCell(`${model} (${weightFormat})`)}: \`${path}\`, ${items} items`,
  );
  blocks.push(foldMarkdown('Evaluations', folders));
  return `${blocks.join('\n\n')}\n`;
}
