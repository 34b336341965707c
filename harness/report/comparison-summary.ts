// What a person reads after `bench compare`: the verdict first, then what differs, the ratios, the scores, and what a gate
// or a claim came to.

import type { AgreementComparison } from '../compare/agreement.js';
import { formatRange, formatRatio } from '../compare/change.js';
import type { CandidateComparison, Comparison, JudgedRatio } from '../compare/comparison.js';
import type { GateResult } from '../compare/gate.js';
import type { QualityDifference } from '../compare/score-difference.js';
import { caveatOf } from '../compare/speed.js';
import type { Interval } from '../statistics/index.js';
import { listAgreement } from './agreement-rows.js';
import { alignColumns } from './columns.js';
import { formatDifferences } from './difference-text.js';
import { formatFigure } from './figure-text.js';
import { describeJudgement, listScoreRemarks, signed } from './judgement-text.js';

/** The whole text, last newline included. */
export function formatComparison(comparison: Comparison): string {
  const { sides, factors, candidates } = comparison;
  const blocks = [
    candidates.map(({ verdict }) => verdict.text).join('\n'),
    ...listRemarks(comparison).map(
      ({ label, remarks }) =>
        `Remarks of ${label}\n${remarks.map((remark) => `  ${remark}`).join('\n')}`,
    ),
    formatDifferences(factors),
    ...candidates.flatMap((candidate) => formatCandidate(candidate, candidates.length > 1)),
    `Runs\n${sides.map(({ label, path, runs }) => `  ${label}: ${path}${runs.length > 1 ? `, ${runs.length} runs` : ''}`).join('\n')}`,
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** What qualifies a verdict, wherever one is told: of each side that has remarks, and of each comparison. */
export function listRemarks({
  sides,
  candidates,
}: Comparison): { readonly label: string; readonly remarks: readonly string[] }[] {
  const ofComparisons = candidates.map(({ label, comparability: { remarks = [] } }) => {
    return { label: `the comparison with ${label}`, remarks };
  });
  return [...ofComparisons, ...sides].flatMap(({ label, remarks }) =>
    remarks.length === 0 ? [] : [{ label, remarks }],
  );
}

/** Words as a shell takes them. */
export function formatCommand(command: readonly string[]): string {
  return command.map(quoteWord).join(' ');
}

function formatCandidate(candidate: CandidateComparison, isNamed: boolean): string[] {
  const { label, comparability, speed, quality, agreement, gate, claims } = candidate;
  const blocks: string[] = isNamed ? [`${label}:`] : [];
  if (!comparability.speed) {
    const again = comparability.command;
    blocks.push(
      [
        'Speeds are not comparable',
        ...comparability.reasons.map((reason) => `  ${reason}`),
        ...(again === null ? [] : [`  comparable would be: ${formatCommand(again)}`]),
      ].join('\n'),
    );
  }
  if (speed.length > 0) blocks.push(formatSpeed(speed));
  if (quality.absentBecause !== null)
    blocks.push(`Quality was not compared: ${quality.absentBecause}`);
  if (quality.metrics.length > 0) blocks.push(formatQuality(quality.metrics, quality.leftOut));
  // One reason may forbid both.
  if (agreement.absentBecause === null || agreement.absentBecause !== quality.absentBecause) {
    blocks.push(formatAgreement(agreement));
  }
  if (gate.length > 0) blocks.push(formatGate(gate));
  if (claims.length > 0) {
    const rows = claims.map(({ metric, verdict, reason }) => [
      `  ${metric}`,
      verdict === 'does not follow' ? 'DOES NOT FOLLOW' : verdict,
      reason,
    ]);
    blocks.push(`Claims\n${alignColumns(rows)}`);
  }
  return blocks;
}

export function formatGate(gate: readonly GateResult[]): string {
  const rows = gate.map(({ name, verdict, reason, needed }) => [
    `  ${name}`,
    needed === null ? verdict : `${verdict}, it would take ${needed}`,
    reason,
  ]);
  return `Gate\n${alignColumns(rows)}`;
}

function formatSpeed(speed: readonly JudgedRatio[]): string {
  const rows = speed.map(
    ({ metric, unit, baseline, candidate, ratio, change, interval, absentBecause }) => [
      metric,
      formatFigure(baseline),
      formatFigure(candidate),
      unit,
      ratio === null ? '-' : formatRatio(ratio),
      ratio === null ? '' : change,
      interval === null
        ? (absentBecause ?? '')
        : `${formatRange(interval)}  ${level(interval)}, ${interval.method}`,
    ],
  );
  const table = alignColumns([
    ['Speed', 'baseline', 'candidate', '', 'ratio', 'change', 'interval'],
    ...rows,
  ]);
  const caveat = caveatOf(speed);
  return caveat === null ? table : `${table}\nintervals are ${caveat}`;
}

function formatQuality(metrics: readonly QualityDifference[], leftOut: number): string {
  const rows = metrics.map((metric) => [
    metric.metric,
    formatFigure(metric.baseline),
    formatFigure(metric.candidate),
    signed(metric.difference),
    metric.interval === null
      ? (metric.absentBecause ?? '')
      : `${signed(metric.interval.lower)} to ${signed(metric.interval.upper)}`,
    describeJudgement(metric),
  ]);
  const { samples } = metrics[0]!;
  const others = leftOut === 0 ? '' : `, ${leftOut} that only one side scored left out`;
  const table = alignColumns([
    ['Quality, points', 'baseline', 'candidate', 'difference', 'interval', 'verdict'],
    ...rows,
  ]);
  const remarks = listScoreRemarks(metrics).map((remark) => `\n${remark}`);
  return `${table}\n${samples} samples, paired${others}${remarks.join('')}`;
}

function formatAgreement(agreement: AgreementComparison): string {
  const { absentBecause, leftOut } = agreement;
  if (absentBecause !== null) return `Tokens were not compared: ${absentBecause}`;
  const others = leftOut === 0 ? '' : `\n${leftOut} samples that only one side answered left out`;
  return `${alignColumns(listAgreement(agreement))}${others}`;
}

function level({ confidence }: Interval): string {
  return `${Number((100 * confidence).toFixed(2))} %`;
}

function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
