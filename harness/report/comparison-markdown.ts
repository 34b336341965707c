// A comparison as a pull request shows it: Markdown, the verdict first, details folded.

import { formatRange, formatRatio } from '../compare/change.js';
import type { CandidateComparison, Comparison } from '../compare/comparison.js';
import { caveatOf } from '../compare/speed.js';
import { listAgreement } from './agreement-rows.js';
import { listRemarks } from './comparison-summary.js';
import { foldDifferences } from './difference-text.js';
import { formatFigure } from './figure-text.js';
import { describeJudgement, listScoreRemarks, signed } from './judgement-text.js';
import { escapeCell, foldMarkdown, gateMarkdown, markdownTable } from './markdown.js';

/** The whole text, last newline included. */
export function formatComparisonMarkdown(comparison: Comparison): string {
  const { factors, candidates, sides } = comparison;
  const blocks = [
    ...candidates.map(({ verdict }) => `### ${escapeCell(verdict.text)}`),
    ...formatRemarks(comparison),
    ...candidates.flatMap((candidate) => formatCandidate(candidate, candidates.length > 1)),
    foldDifferences(factors),
    foldMarkdown(
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
  blocks.push(...gateMarkdown(gate));
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
      markdownTable(
        ['claim', '', 'measured'],
        claims.map(({ metric, verdict, reason }) => [
          metric,
          verdict === 'does not follow' ? `**${verdict}**` : verdict,
          reason,
        ]),
      ),
    );
  }
  if (speed.length > 0) {
    blocks.push(
      markdownTable(
        ['speed', 'baseline', 'candidate', 'ratio', 'change', 'interval'],
        speed.map(
          ({
            metric,
            unit,
            baseline,
            candidate: value,
            ratio,
            change,
            interval,
            absentBecause,
          }) => [
            metric,
            `${formatFigure(baseline)} ${unit}`,
            `${formatFigure(value)} ${unit}`,
            ratio === null ? '' : `**${formatRatio(ratio)}**`,
            ratio === null ? '' : change,
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
      markdownTable(
        [
          `quality, ${quality.metrics[0]!.samples} samples`,
          'baseline',
          'candidate',
          'difference',
          'verdict',
        ],
        quality.metrics.map((one) => [
          one.metric,
          formatFigure(one.baseline),
          formatFigure(one.candidate),
          one.interval === null
            ? signed(one.difference)
            : `${signed(one.difference)} (${signed(one.interval.lower)} to ${signed(one.interval.upper)})`,
          describeJudgement(one),
        ]),
      ),
      ...listScoreRemarks(quality.metrics).map(escapeCell),
    );
  } else if (quality.absentBecause !== null) {
    blocks.push(`Quality was not compared: ${escapeCell(quality.absentBecause)}`);
  }
  const [head, ...rows] = listAgreement(agreement);
  const { absentBecause } = agreement;
  if (head !== undefined) blocks.push(markdownTable(head, rows));
  else if (absentBecause !== null && absentBecause !== quality.absentBecause) {
    blocks.push(`Tokens were not compared: ${escapeCell(absentBecause)}`);
  }
  return blocks;
}
