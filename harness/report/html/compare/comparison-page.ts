// The page about a comparison: verdict first, then what differs, how fast, how well, and the samples that got worse.
// Figures carry their path in comparison.json.

import type { CandidateComparison, Comparison } from '../../../compare/comparison.js';
import type { QualityComparison } from '../../../compare/quality.js';
import { caveatOf, type SpeedRatio } from '../../../compare/speed.js';
import { findPackageRoot } from '../../../package-root.js';
import { formatCommand, listRemarks } from '../../comparison-summary.js';
import { listScoreRemarks } from '../../judgement-text.js';
import { forestChart } from '../charts/forest.js';
import { fold } from '../fold.js';
import { type Content, html, type Markup } from '../markup.js';
import { formatNumber } from '../number-text.js';
import { absent, chartGrid, formatPage, section } from '../page.js';
import { remarkList } from '../remark-list.js';
import { sideBySide } from '../side-by-side.js';
import { table } from '../table.js';
import { type Judgement, verdictBox } from '../verdict-box.js';
import { showAgreement } from './agreement-section.js';
import { showDifferences } from './difference-section.js';
import { listGate } from './gate-judgements.js';
import { tabulateQuality } from './quality-table.js';
import { speedRow, tabulateSpeed } from './speed-table.js';
import { claimTones, qualityTones, speedTones } from './verdict-tones.js';

const shownCharacters = 1200;
const shownPrompt = 700;

/** The whole document. */
export function formatComparisonPage(comparison: Comparison): string {
  const { sides, candidates } = comparison;
  const [baseline, ...others] = sides;
  const names = others.map(({ label }) => label).join(', ');
  return formatPage({
    title: `${names} against ${baseline?.label}`,
    subtitle: `${sides.map(({ label, runs }) => `${label}: ${runs.length} run${runs.length > 1 ? 's' : ''}`).join(' \u00b7 ')}`,
    content: [
      candidates.map(showVerdict),
      showRemarks(comparison),
      showDifferences(comparison.factors, sides),
      candidates.map((candidate, i) => showCandidate(candidate, i, candidates.length > 1)),
      showRuns(comparison),
    ],
    footer: html`Written by loadmark ${findPackageRoot().version} from the runs' records and samples; every marked figure names its field of comparison.json. Not an MLPerf result.`,
  });
}

function showVerdict({ verdict, comparability, gate, claims }: CandidateComparison): Markup {
  const others: Judgement[] = [
    { tone: qualityTones[verdict.quality], title: verdict.quality, text: 'in quality' },
    ...listGate(gate),
    ...claims.map(({ metric, verdict: judged, reason }): Judgement => {
      return { tone: claimTones[judged], title: `${metric}: ${judged}`, text: reason };
    }),
  ];
  const again = comparability.command;
  const notes: Content[] = [
    ...comparability.reasons,
    ...(comparability.speed || again === null
      ? []
      : [html`comparable would be: <code>${formatCommand(again)}</code>`]),
  ];
  const first = { tone: speedTones[verdict.speed], title: verdict.speed, text: verdict.text };
  return verdictBox(first, others, notes);
}

function showCandidate(candidate: CandidateComparison, index: number, isNamed: boolean): Markup {
  const { label, speed, quality, agreement } = candidate;
  const path = `candidates.${index}`;
  const caveat = caveatOf(speed);
  const suffix = isNamed ? `, ${label}` : '';
  const { absentBecause, metrics, leftOut } = quality;
  return html`${[
    speed.length === 0
      ? null
      : section(
          `Speed${suffix}`,
          [drawRatios(speed), tabulateSpeed(speed, `${path}.speed`)],
          caveat === null ? undefined : `Intervals are ${caveat}.`,
        ),
    metrics.length === 0
      ? section(`Quality${suffix}`, absent(`Not compared: ${absentBecause ?? 'no scores'}`))
      : section(
          `Quality${suffix}`,
          [
            tabulateQuality(metrics, `${path}.quality.metrics`),
            listScoreRemarks(metrics).map(absent),
            showWorst(quality, label),
          ],
          `${metrics[0]!.samples} samples, paired${leftOut === 0 ? '' : `; ${leftOut} that only one side scored are left out`}`,
        ),
    showAgreement(agreement, `${path}.agreement`, suffix),
  ]}`;
}

function drawRatios(speed: readonly SpeedRatio[]): Markup {
  const rows = speed.flatMap((metric) => speedRow(metric, metric.metric) ?? []);
  if (rows.length === 0) return absent('No ratio can be drawn.');
  return chartGrid([
    forestChart({
      title: 'How many times as good',
      about:
        'to the right is better: of latencies, bytes and energy, baseline over candidate; bars are intervals',
      description: rows.map(({ name, note }) => `${name} ${note}`).join(', '),
      label: 'times as good',
      rows,
    }),
  ]);
}

function showWorst({ worst, textsAbsentBecause }: QualityComparison, candidate: string): Markup {
  if (worst.length === 0) return absent('No sample scored lower than with the baseline.');
  const groups = worst.map(
    ({
      id,
      metric,
      baseline,
      candidate: value,
      baselineOutput,
      candidateOutput,
      prompt,
      expected,
    }) => ({
      title: id,
      facts: `${metric} ${formatNumber(baseline)} to ${formatNumber(value)}`,
      texts: [
        ...(textsAbsentBecause === null
          ? [
              { title: 'prompt', text: prompt, most: shownPrompt },
              { title: 'expected', text: expected, most: shownCharacters },
            ]
          : []),
        { title: 'baseline', text: baselineOutput, most: shownCharacters },
        { title: candidate, text: candidateOutput, most: shownCharacters },
      ],
    }),
  );
  const why = textsAbsentBecause === null ? null : absent(`Without ${textsAbsentBecause}.`);
  return fold(`The ${worst.length} samples that lost most`, [why, sideBySide(groups)]);
}

function showRuns({ sides }: Comparison): Markup {
  const columns = [{ name: 'side' }, { name: 'run' }, { name: 'started' }, { name: 'verdict' }];
  const rows = sides.flatMap(({ label, runs }) =>
    runs.map(({ id, startedAt, valid }) => [label, id, startedAt, valid ? 'VALID' : 'INVALID']),
  );
  return section('Runs', table(columns, rows));
}

function showRemarks(comparison: Comparison): Markup | null {
  return remarkList(
    listRemarks(comparison).flatMap(({ label, remarks }) =>
      remarks.map((remark) => `${label}: ${remark}`),
    ),
  );
}
