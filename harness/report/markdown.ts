// Markdown as pull requests show it: tables, folded parts, and the table of a gate.

import type { GateResult } from '../compare/gate.js';

export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

export function foldMarkdown(title: string, lines: readonly string[]): string {
  return [`<details><summary>${title}</summary>`, '', ...lines, '', '</details>'].join('\n');
}

const marks = { regression: '❌', 'no regression': '✅', 'cannot tell': '❔' } as const;

/** A block, or none for a gate without rules. */
export function gateMarkdown(gate: readonly GateResult[]): string[] {
  if (gate.length === 0) return [];
  const rows = gate.map(({ name, verdict, reason, needed }) => [
    name,
    `${marks[verdict]} ${verdict}${needed === null ? '' : ` (needs ${needed})`}`,
    reason,
  ]);
  return [markdownTable(['gate', 'verdict', 'why'], rows)];
}

/** Cells and list items stay what they are. */
export function escapeCell(text: string): string {
  return text
    .replaceAll('|', String.raw`\|`)
    .replaceAll('<', '&lt;')
    .replaceAll(/\s*\n\s*/g, ' ');
}
