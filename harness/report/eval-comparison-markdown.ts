// A comparison of evaluations as a pull request shows it: Markdown, the verdicts first.

import type { EvalCandidate, EvalComparison } from '../compare/eval-comparison.js';
import { foldDifferences } from './difference-text.js';
import {
  describeLevel,
  listNotes,
  listPerplexityCells,
  listScoreCells,
  listSubjectCells,
  namePerplexity,
  nameScore,
  perplexityHead,
  scoreHead,
} from './eval-comparison-summary.js';
import { gatherRemarks, listScoreRemarks } from './judgement-text.js';
import { escapeCell, foldMarkdown, gateMarkdown, markdownTable } from './markdown.js';
import { describeSubjects, listChanged } from './subject-text.js';

/** The whole text, last newline included. */
export function formatEvalMarkdown(comparison: EvalComparison): string {
  const { candidates, factors, alphaEach, sides } = comparison;
  const level = describeLevel(comparison);
  const folders = sides.map(
    ({ model, weightFormat, path, items }) =>
      `- ${escapeCell(`${model} (${weightFormat})`)}: \`${path}\`, ${items} items`,
  );
  const blocks = [
    ...candidates.map(({ verdict }) => `### ${escapeCell(verdict.text)}`),
    ...(level === null ? [] : [escapeCell(level)]),
    ...candidates.flatMap((one) => formatCandidate(one, candidates.length > 1, alphaEach)),
    foldDifferences(factors),
    foldMarkdown('Evaluations', folders),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function formatCandidate(candidate: EvalCandidate, isNamed: boolean, alpha: number): string[] {
  const { label, accuracies, perplexities, subjects, gate } = candidate;
  const blocks = [...(isNamed ? [`#### ${escapeCell(label)}`] : []), ...gateMarkdown(gate)];
  if (accuracies.length > 0) {
    const rows = accuracies.map((one) => [nameScore(one), ...listScoreCells(one)]);
    blocks.push(markdownTable(['right answers, %', ...scoreHead], rows));
    const remarks = listScoreRemarks(accuracies, (_, at) => nameScore(accuracies[at]!));
    blocks.push(...remarks.map(escapeCell));
  }
  if (perplexities.length > 0) {
    const rows = perplexities.map((one) => [namePerplexity(one), ...listPerplexityCells(one)]);
    blocks.push(markdownTable(['perplexity', ...perplexityHead], rows));
    blocks.push(...gatherRemarks(perplexities, namePerplexity).map(escapeCell));
  }
  for (const changes of subjects) {
    const rows = listChanged(changes).map((one) => [one.subject, ...listSubjectCells(one)]);
    blocks.push(escapeCell(describeSubjects(changes, alpha)));
    const head = ['subject', 'scores', 'difference', 'items', 'test'];
    if (rows.length > 0) blocks.push(markdownTable(head, rows));
  }
  const notes = listNotes(candidate).map((note) => `- ${escapeCell(note)}`);
  if (notes.length > 0) blocks.push(notes.join('\n'));
  return blocks;
}
