// What differs between the sides of a comparison, of runs or of evaluations: for a terminal and for a pull request.

import { describe } from '../compare/comparability.js';
import type { Factor } from '../compare/factors.js';
import { escapeCell, foldMarkdown } from './markdown.js';

export function formatDifferences(factors: readonly Factor[]): string {
  const lines = listDiffering(factors).map(
    (factor) => `  ${factor.kind.padEnd(13)}  ${describe(factor)}`,
  );
  return ['What differs', ...(lines.length === 0 ? ['  nothing'] : lines)].join('\n');
}

export function foldDifferences(factors: readonly Factor[]): string {
  const lines = listDiffering(factors).map(
    (factor) => `- ${factor.kind}: ${escapeCell(describe(factor))}`,
  );
  return foldMarkdown('What differs', lines.length === 0 ? ['nothing'] : lines);
}

function listDiffering(factors: readonly Factor[]): Factor[] {
  return factors.filter(({ isSame }) => !isSame);
}
