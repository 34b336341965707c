// The page about a comparison: verdict first, then what differs, how fast, how well, and the samples that got worse.
// Figures carry their path in comparison.json.

import { describe } from '../../../compare/comparability.js';
import {
  type CandidateComparison,
  type Comparison,
  formatRatio,
} from '../../../compare/comparison.js';
import type { QualityDifference, WorsenedSample } from '../../../compare/quality.js';
import type { SpeedRatio } from '../../../compare/speed.js';
import { findPackageRoot } from '../../../package-root.js';
import { forestChart } from '../charts/forest.js';
import { fold } from '../fold.js';
import { type Content, html, type Markup } from '../markup.js';
import { formatNumber } from '../number-text.js';
import { absent, chartGrid, formatPage, section } from '../page.js';
import { sideBySide } from '../side-by-side.js';
import { numberColumn, table } from '../table.js';
import { showValue } from '../tagged-value.js';
import { type Judgement, type Tone, verdictBox } from '../verdict-box.js';

const shownCharacters = 1200;

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
      showDifferences(comparison),
      candidates.map((candidate, i) => showCandidate(candidate, i, candidates.length > 1)),
      showRuns(comparison),
    ],
    footer: html`Written by loadmark ${findPackageRoot().version} from the runs' records and samples; every marked figure names its field of comparison.json. Not an MLPerf result.`,
  });
}

function showVerdict({ verdict, comparability, gate, claims }: CandidateComparison): Markup {
  const speedTones: Readonly<Record<typeof verdict.speed, Tone>> = {
    faster: 'good',
    slower: 'bad',
    'no difference shown': 'plain',
    'not comparable': 'bad',
  };
  const qualityTones: Readonly<Record<typeof verdict.quality, Tone>> = {
    'as good': 'good',
    worse: 'bad',
    'cannot tell': 'plain',
    'not compared': 'plain',
  };
  const gateTones = { regression: 'bad', 'no regression': 'good', 'cannot tell': 'plain' } as const;
  const others: Judgement[] = [
    { tone: qualityTones[verdict.quality], title: verdict.quality, text: 'in quality' },
    ...gate.map(({ name, verdict: found, reason, needed }): Judgement => {
      const text = needed === null ? reason : `${reason}; it would take ${needed}`;
      return { tone: gateTones[found], title: `${name}: ${found}`, text };
    }),
    ...claims.map(({ metric, holds, reason }): Judgement => {
      return {
        tone: holds ? 'good' : 'bad',
        title: `${metric}: ${holds ? 'holds' : 'does not follow'}`,
        text: reason,
      };
    }),
  ];
  const again = comparability.command;
  const notes: Content[] = [
    ...comparability.reasons,
    ...(comparability.speed || again === null
      ? []
      : [html`comparable would be: <code>${again.join(' ')}</code>`]),
  ];
  const first = { tone: speedTones[verdict.speed], title: verdict.speed, text: verdict.text };
  return verdictBox(first, others, notes);
}

function showDifferences({ factors, sides }: Comparison): Markup {
  const differing = factors.filter(({ isSame }) => !isSame);
  const same = factors.filter(({ isSame }) => isSame);
  const columns = [
    { name: 'fact' },
    { name: 'of' },
    ...sides.map(({ label }) => ({ name: label })),
  ];
  const rows = differing.map(({ name, kind, values }) => [
    name,
    kind,
    ...values.map((value) => (value === null ? 'unknown' : String(value))),
  ]);
  const alike = same.map(
    (factor) => html`<li>${describe({ ...factor, values: factor.values.slice(0, 1) })}</li>\n`,
  );
  return section('What differs', [
    rows.length === 0 ? absent('Nothing that is recorded.') : table(columns, rows),
    fold('What is the same', html`<ul>${alike}</ul>\n`, false),
  ]);
}

function showCandidate(candidate: CandidateComparison, index: number, isNamed: boolean): Markup {
  const { label, speed, quality } = candidate;
  const path = `candidates.${index}`;
  const suffix = isNamed ? `, ${label}` : '';
  const { absentBecause, metrics, worst, leftOut } = quality;
  return html`${[
    speed.length === 0
      ? null
      : section(`Speed${suffix}`, [drawRatios(speed), tabulateSpeed(speed, path)]),
    metrics.length === 0
      ? section(`Quality${suffix}`, absent(`Not compared: ${absentBecause ?? 'no scores'}`))
      : section(
          `Quality${suffix}`,
          [tabulateQuality(metrics, path), showWorst(worst, label)],
          `${metrics[0]!.samples} samples, paired${leftOut === 0 ? '' : `; ${leftOut} that only one side scored are left out`}`,
        ),
  ]}`;
}

/** Gains to the right: latencies the other way round. */
function drawRatios(speed: readonly SpeedRatio[]): Markup {
  const rows = speed.flatMap(({ metric, better, ratio, interval }) => {
    if (ratio === null || interval === null) return [];
    const turn = (value: number) => (better === 'higher' ? value : 1 / value);
    const ends = [turn(interval.lower), turn(interval.upper)];
    return [
      {
        name: metric,
        ratio: turn(ratio),
        interval: { low: Math.min(...ends), high: Math.max(...ends) },
        threshold: null,
        note: formatRatio(turn(ratio)),
      },
    ];
  });
  if (rows.length === 0) return absent('No ratio has an interval.');
  return chartGrid([
    forestChart({
      title: 'How many times as good',
      about: 'rates as they are, latencies baseline over candidate; bars are intervals',
      description: rows.map(({ name, note }) => `${name} ${note}`).join(', '),
      label: 'times as good',
      rows,
    }),
  ]);
}

function tabulateSpeed(speed: readonly SpeedRatio[], path: string): Markup {
  const columns = [
    { name: 'metric' },
    numberColumn('baseline'),
    numberColumn('candidate'),
    { name: 'unit' },
    numberColumn('ratio'),
    { name: 'interval' },
    { name: 'how' },
  ];
  const rows = speed.map(
    ({ metric, unit, baseline, candidate, ratio, interval, absentBecause }, i) => {
      const field = (name: string) => `${path}.speed.${i}.${name}`;
      return [
        metric,
        showValue({ field: field('baseline'), value: baseline }),
        showValue({ field: field('candidate'), value: candidate }),
        unit,
        showValue(
          { field: field('ratio'), value: ratio },
          '',
          ratio === null ? 'none' : formatRatio(ratio),
        ),
        interval === null
          ? 'none'
          : `${formatRatio(interval.lower)} to ${formatRatio(interval.upper)}`,
        interval === null
          ? (absentBecause ?? '')
          : `${Number((100 * interval.confidence).toFixed(2))} %, ${interval.method}`,
      ];
    },
  );
  return table(columns, rows);
}

function tabulateQuality(metrics: readonly QualityDifference[], path: string): Markup {
  const columns = [
    { name: 'metric' },
    numberColumn('baseline'),
    numberColumn('candidate'),
    numberColumn('difference'),
    { name: 'interval' },
    { name: 'verdict' },
    { name: 'loss that would have been seen' },
  ];
  const rows = metrics.map(
    (
      { metric, baseline, candidate, difference, interval, judgement, margin, absentBecause },
      i,
    ) => {
      const field = (name: string) => `${path}.quality.metrics.${i}.${name}`;
      const allowed =
        margin.kind === 'relative' ? `${100 * margin.value} %` : `${margin.value} points`;
      const seen = judgement?.detectableLoss ?? null;
      return [
        metric,
        showValue({ field: field('baseline'), value: baseline }),
        showValue({ field: field('candidate'), value: candidate }),
        showValue({ field: field('difference'), value: difference }, '', difference.toFixed(2)),
        interval === null
          ? (absentBecause ?? 'none')
          : `${interval.lower.toFixed(2)} to ${interval.upper.toFixed(2)}`,
        judgement === null ? 'not judged' : `${judgement.verdict} (margin ${allowed})`,
        seen === null ? 'none' : `${formatNumber(seen)} points`,
      ];
    },
  );
  return table(columns, rows);
}

function showWorst(worst: readonly WorsenedSample[], candidate: string): Markup {
  if (worst.length === 0) return absent('No sample scored lower than with the baseline.');
  const groups = worst.map(
    ({ id, metric, baseline, candidate: value, baselineOutput, candidateOutput }) => ({
      title: id,
      facts: `${metric} ${formatNumber(baseline)} to ${formatNumber(value)}`,
      texts: [
        { title: 'baseline', text: baselineOutput, most: shownCharacters },
        { title: candidate, text: candidateOutput, most: shownCharacters },
      ],
    }),
  );
  return fold(`The ${worst.length} samples that lost most`, sideBySide(groups));
}

function showRuns({ sides }: Comparison): Markup {
  const columns = [{ name: 'side' }, { name: 'run' }, { name: 'started' }, { name: 'verdict' }];
  const rows = sides.flatMap(({ label, runs }) =>
    runs.map(({ id, startedAt, valid }) => [label, id, startedAt, valid ? 'VALID' : 'INVALID']),
  );
  const remarks = sides.flatMap(({ label, remarks: told }) =>
    told.map((remark) => html`<li>${label}: ${remark}</li>\n`),
  );
  return section('Runs', [
    table(columns, rows),
    remarks.length === 0 ? null : html`<ul class="notes">${remarks}</ul>\n`,
  ]);
}
