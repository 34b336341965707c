// A comparison as a pull request shows it: Markdown, the verdict first, details folded.

import { describe } from '../compare/comparability.js';
import type { CandidateComparison, Comparison } from '../compare/comparison.js';
import { caveatOf } from '../compare/speed.js';
import { formatRange, formatRatio } from '../compare/verdict.js';
import { listAgreement } from './agreement-rows.js';
import { formatFigure, listRemarks, signed } from './comparison-summary.js';

/** The whole text, last newline included. */
export function formatComparisonMarkdown(comparison: Comparison): string {
  const { factors, candidates, sides } = comparison;
  const differing = factors.filter(({ isSame }) => !isSame);
  const blocks = [
    ...candidates.map(({ verdict }) => `### ${escapeCell(verdict.text)}`),
    ...formatRemarks(comparison),
    ...candidates.flatMap((candidate) => formatCandidate(candidate, candidates.length > 1)),
    fold(
      'What differs',
      differing.length === 0
        ? ['nothing']
        : differing.map((factor) => `- ${factor.kind}: ${escapeCell(describe(factor))}`),
    ),
    fold(
      'Runs',
      sides.map(
        ({ label, runs }) =>
          `- ${escapeCell(label)}: ${runs.map(({ id }) => `\`${id}\``).join(', ')}`,
      ),
    ),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** Under the verdicts, which they qualify. */
function formatRemarks(comparison: Comparison): string[] {
  const lines = listRemarks(comparison).flatMap(({ label, remarks }) =>
    remarks.map((remark) => `- ${escapeCell(`${label}: ${remark}`)}`),
  );
  return lines.length === 0 ? [] : [['**Remarks**', '', ...lines].join('\n')];
}

function formatCandidate(candidate: CandidateComparison, isNamed: boolean): string[] {
  const { label, comparability, speed, quality, agreement, gate, claims } = candidate;
  const blocks = isNamed ? [`#### ${escapeCell(label)}`] : [];
  if (gate.length > 0) {
    const marks = { regression: '❌', 'no regression': '✅', 'cannot tell': '❔' } as const;
    blocks.push(
      table(
        ['gate', 'verdict', 'why'],
        gate.map(({ name, verdict: found, reason, needed }) => [
          name,
          `${marks[found]} ${found}${needed === null ? '' : ` (needs ${needed})`}`,
          reason,
        ]),
      ),
    );
  }
  if (!comparability.speed) {
    blocks.push(
      [
        '**Speeds are not comparable**',
        '',
        ...comparability.reasons.map((reason) => `- ${escapeCell(reason)}`),
      ].join('\n'),
    );
  }
  if (claims.length > 0) {
    blocks.push(
      table(
        ['claim', '', 'measured'],
        claims.map(({ metric, holds, reason }) => [
          metric,
          holds ? 'holds' : '**does not follow**',
          reason,
        ]),
      ),
    );
  }
  if (speed.length > 0) {
    blocks.push(
      table(
        ['speed', 'baseline', 'candidate', 'ratio', 'interval'],
        speed.map(
          ({ metric, unit, baseline, candidate: value, ratio, interval, absentBecause }) => [
            metric,
            `${formatFigure(baseline)} ${unit}`,
            `${formatFigure(value)} ${unit}`,
            ratio === null ? '' : `**${formatRatio(ratio)}**`,
            interval === null ? (absentBecause ?? '') : `${formatRange(interval)}`,
          ],
        ),
      ),
    );
    const caveat = caveatOf(speed);
    if (caveat !== null) blocks.push(`Intervals are ${caveat}.`);
  }
  if (quality.metrics.length > 0) {
    blocks.push(
      table(
        [
          `quality, ${quality.metrics[0]!.samples} samples`,
          'baseline',
          'candidate',
          'difference',
          'verdict',
        ],
        quality.metrics.map(
          ({ metric, baseline, candidate: value, difference, interval, judgement }) => [
            metric,
            baseline.toFixed(2),
            value.toFixed(2),
            interval === null
              ? signed(difference)
              : `${signed(difference)} (${signed(interval.lower)} to ${signed(interval.upper)})`,
            judgement?.verdict ?? '',
          ],
        ),
      ),
    );
  } else if (quality.absentBecause !== null) {
    blocks.push(`Quality was not compared: ${escapeCell(quality.absentBecause)}`);
  }
  const [head, ...rows] = listAgreement(agreement);
  const { absentBecause } = agreement;
  if (head !== undefined) blocks.push(table(head, rows));
  else if (absentBecause !== null && absentBecause !== quality.absentBecause) {
    blocks.push(`Tokens were not compared: ${escapeCell(absentBecause)}`);
  }
  return blocks;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

function fold(title: string, lines: readonly string[]): string {
  return [`<details><summary>${title}</summary>`, '', ...lines, '', '</details>'].join('\n');
}

/** Cells and list items stay what they are. */
function escapeCell(text: string): string {
  return text
    .replaceAll('|', String.raw`\|`)
    .replaceAll('<', '&lt;')
    .replaceAll(/\s*\n\s*/g, ' ');
}
