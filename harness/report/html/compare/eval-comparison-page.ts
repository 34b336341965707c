// The page about two evaluations: verdict first, then right answers, perplexities and the subjects that changed. Figures
// carry their path in comparison.json.

import type {
  EvalComparison,
  PerplexityRatio,
  TaskDifference,
} from '../../../compare/eval-comparison.js';
import type { SubjectChanges } from '../../../compare/subject-changes.js';
import { findPackageRoot } from '../../../package-root.js';
import { formatFactor, namePerplexity, nameScore } from '../../eval-comparison-summary.js';
import { describeVerdict, formatP, listScoreRemarks, signed } from '../../judgement-text.js';
import { describeSubjects, listChanged } from '../../subject-text.js';
import { forestChart } from '../charts/forest.js';
import { html, type Markup } from '../markup.js';
import { formatNumber } from '../number-text.js';
import { absent, chartGrid, formatPage, section } from '../page.js';
import { numberColumn, table } from '../table.js';
import { showRange, showValue } from '../tagged-value.js';
import { verdictBox } from '../verdict-box.js';
import { listGate } from './gate-judgements.js';
import { tabulateQuality } from './quality-table.js';
import { qualityTones } from './verdict-tones.js';

/** The whole document. */
export function formatEvalComparisonPage(comparison: EvalComparison): string {
  const { sides, accuracies, perplexities, subjects, leftOut, gate, verdict, alpha } = comparison;
  const [baseline, candidate] = sides;
  const first = { tone: qualityTones[verdict.quality], title: verdict.quality, text: verdict.text };
  const notes = leftOut === 0 ? [] : [`${leftOut} items that were not asked alike are left out`];
  return formatPage({
    title: `${candidate.label} against ${baseline.label}`,
    subtitle: sides.map(({ label, items }) => `${label}: ${items} items`).join(' \u00b7 '),
    content: [
      verdictBox(first, listGate(gate), notes),
      accuracies.length === 0 ? null : showAnswers(accuracies),
      perplexities.length === 0 ? null : showPerplexities(perplexities),
      subjects.map((changes, i) => showSubjects(changes, i, alpha)),
      showFolders(comparison),
    ],
    footer: html`Written by loadmark ${findPackageRoot().version} from the evidence of both evaluations; every marked figure names its field of comparison.json.`,
  });
}

function showAnswers(accuracies: readonly TaskDifference[]): Markup {
  const rows = accuracies.flatMap((one) => {
    if (one.interval === null) return [];
    const { lower, upper } = one.interval;
    return [
      {
        name: nameScore(one),
        ratio: one.difference,
        interval: { low: lower, high: upper },
        threshold: one.judgement?.limit ?? null,
        note: `${signed(one.difference)} (${signed(lower)} to ${signed(upper)})`,
      },
    ];
  });
  const chart = forestChart({
    title: 'Right answers',
    about:
      'points against the baseline, losses to the left; bars are intervals, strokes the margins',
    description: rows.map(({ name, note }) => `${name} ${note}`).join(', '),
    label: 'points',
    reference: 0,
    rows,
  });
  return section(
    'Right answers',
    [
      rows.length === 0 ? null : chartGrid([chart]),
      tabulateQuality(
        accuracies,
        'accuracies',
        (one) => `${nameScore(one)} (${one.samples} items)`,
      ),
      listScoreRemarks(accuracies, (_, at) => nameScore(accuracies[at]!)).map(absent),
    ],
    'Percent of right answers, the same items on both sides, paired.',
  );
}

function showPerplexities(perplexities: readonly PerplexityRatio[]): Markup {
  const columns = [
    { name: 'task' },
    numberColumn('windows'),
    numberColumn('baseline'),
    numberColumn('candidate'),
    numberColumn('ratio'),
    { name: 'interval' },
    { name: 'verdict' },
  ];
  const rows = perplexities.map((one, i) => {
    const field = (name: string) => `perplexities.${i}.${name}`;
    const { items, baseline, candidate, interval, absentBecause, judgement, margin } = one;
    return [
      namePerplexity(one),
      showValue({ field: field('items'), value: items }, '', String(items)),
      showValue({ field: field('baseline'), value: baseline }, '', baseline.toFixed(3)),
      showValue({ field: field('candidate'), value: candidate }, '', candidate.toFixed(3)),
      formatFactor(candidate / baseline),
      showRange(field('interval'), interval, formatFactor, absentBecause ?? 'none'),
      judgement === null ? 'not judged' : describeVerdict(judgement, margin),
    ];
  });
  return section(
    'Perplexity',
    table(columns, rows),
    'Over the same windows, drawn whole; above 1x is worse.',
  );
}

function showSubjects(changes: SubjectChanges, index: number, alpha: number): Markup {
  const changed = listChanged(changes);
  const columns = [
    { name: 'subject' },
    numberColumn('items'),
    numberColumn('baseline'),
    numberColumn('candidate'),
    numberColumn('difference'),
    numberColumn('p, mid'),
    numberColumn('p among all'),
  ];
  const rows = changed.map((one) => {
    const path = `subjects.${index}.subjects.${changes.subjects.indexOf(one)}`;
    const show = (name: 'items' | 'baseline' | 'candidate' | 'midP' | 'adjustedP', text: string) =>
      showValue({ field: `${path}.${name}`, value: one[name] }, '', text);
    return [
      one.subject,
      show('items', String(one.items)),
      show('baseline', formatNumber(one.baseline)),
      show('candidate', formatNumber(one.candidate)),
      signed(one.candidate - one.baseline),
      show('midP', formatP(one.midP)),
      show('adjustedP', formatP(one.adjustedP)),
    ];
  });
  const told = describeSubjects(changes, alpha);
  const content = rows.length === 0 ? absent(`${told}.`) : table(columns, rows);
  return section(
    `Subjects of ${changes.task}, ${changes.metric}`,
    content,
    rows.length === 0 ? null : `${told}.`,
  );
}

function showFolders({ sides }: EvalComparison): Markup {
  const columns = [{ name: 'model' }, { name: 'weights' }, { name: 'folder' }, { name: 'items' }];
  const rows = sides.map(({ model, weightFormat, path, items }) => [
    model,
    weightFormat,
    path,
    String(items),
  ]);
  return section('Evaluations', table(columns, rows));
}
