// The page about compared evaluations: verdicts first, then what differs, right answers, perplexities and the subjects that
// changed. Figures carry their path in comparison.json.

import type { EvalComparison } from '../../../compare/eval-comparison.js';
import type { PerplexityRatio, TaskDifference } from '../../../compare/eval-scores.js';
import type { SubjectChanges } from '../../../compare/subject-changes.js';
import { findPackageRoot } from '../../../package-root.js';
import {
  describeLevel,
  formatFactor,
  listNotes,
  namePerplexity,
  nameScore,
} from '../../eval-comparison-summary.js';
import {
  describeVerdict,
  formatP,
  gatherRemarks,
  listScoreRemarks,
  powerText,
  signed,
} from '../../judgement-text.js';
import { describeSubjects, listChanged } from '../../subject-text.js';
import { forestChart } from '../charts/forest.js';
import { html, type Markup } from '../markup.js';
import { formatNumber, formatShare } from '../number-text.js';
import { absent, chartGrid, formatPage, section } from '../page.js';
import { numberColumn, table } from '../table.js';
import { showRange, showValue } from '../tagged-value.js';
import { verdictBox } from '../verdict-box.js';
import { showDifferences } from './difference-section.js';
import { listGate } from './gate-judgements.js';
import { tabulateQuality } from './quality-table.js';
import { qualityTones } from './verdict-tones.js';

/** The whole document. */
export function formatEvalComparisonPage(comparison: EvalComparison): string {
  const { sides, factors, candidates, alphaEach } = comparison;
  const [baseline, ...others] = sides;
  const names = others.map(({ label }) => label).join(', ');
  const level = describeLevel(comparison);
  return formatPage({
    title: `${names} against ${baseline?.label}`,
    subtitle: sides.map(({ label, items }) => `${label}: ${items} items`).join(' \u00b7 '),
    content: [
      candidates.map((candidate) => {
        const { quality, text } = candidate.verdict;
        const first = { tone: qualityTones[quality], title: quality, text };
        const notes = [...listNotes(candidate), ...(level === null ? [] : [level])];
        return verdictBox(first, listGate(candidate.gate), notes);
      }),
      showDifferences(factors, sides),
      candidates.map((candidate, i) => {
        const { label, accuracies, perplexities, subjects } = candidate;
        const place = {
          path: `candidates.${i}`,
          suffix: candidates.length > 1 ? `, ${label}` : '',
        };
        return [
          accuracies.length === 0 ? null : showAnswers(accuracies, place),
          perplexities.length === 0 ? null : showPerplexities(perplexities, place),
          subjects.map((changes, at) => showSubjects(changes, at, alphaEach, place)),
        ];
      }),
      showFolders(comparison),
    ],
    footer: html`Written by loadmark ${findPackageRoot().version} from the evidence of the evaluations; every marked figure names its field of comparison.json.`,
  });
}

/** Where a candidate's figures lie in the record, and what its headings end with. */
interface Place {
  readonly path: string;
  readonly suffix: string;
}

function showAnswers(accuracies: readonly TaskDifference[], { path, suffix }: Place): Markup {
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
    `Right answers${suffix}`,
    [
      rows.length === 0 ? null : chartGrid([chart]),
      tabulateQuality(
        accuracies,
        `${path}.accuracies`,
        (one) => `${nameScore(one)} (${one.samples} items)`,
      ),
      listScoreRemarks(accuracies, (_, at) => nameScore(accuracies[at]!)).map(absent),
    ],
    'Percent of right answers, the same items on both sides, paired.',
  );
}

function showPerplexities(
  perplexities: readonly PerplexityRatio[],
  { path, suffix }: Place,
): Markup {
  const columns = [
    { name: 'task' },
    numberColumn('windows'),
    numberColumn('baseline'),
    numberColumn('candidate'),
    numberColumn('ratio'),
    { name: 'interval' },
    { name: 'verdict' },
    { name: `rise that would have been seen, with ${powerText}` },
  ];
  const rows = perplexities.map((one, i) => {
    const field = (name: string) => `${path}.perplexities.${i}.${name}`;
    const { items, baseline, candidate, interval, absentBecause, judgement, margin } = one;
    const seen = judgement?.detectableLoss ?? null;
    return [
      namePerplexity(one),
      showValue({ field: field('items'), value: items }, '', String(items)),
      showValue({ field: field('baseline'), value: baseline }, '', baseline.toFixed(3)),
      showValue({ field: field('candidate'), value: candidate }, '', candidate.toFixed(3)),
      formatFactor(candidate / baseline),
      showRange(field('interval'), interval, formatFactor, absentBecause ?? 'none'),
      judgement === null ? 'not judged' : describeVerdict(judgement, margin),
      showValue(
        { field: field('judgement.detectableLoss'), value: seen },
        '',
        seen === null ? 'none' : formatShare(seen),
      ),
    ];
  });
  return section(
    `Perplexity${suffix}`,
    [table(columns, rows), gatherRemarks(perplexities, namePerplexity).map(absent)],
    'Over the same windows, drawn whole; above 1x is worse.',
  );
}

function showSubjects(
  changes: SubjectChanges,
  index: number,
  alpha: number,
  { path: place, suffix }: Place,
): Markup {
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
    const path = `${place}.subjects.${index}.subjects.${changes.subjects.indexOf(one)}`;
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
    `Subjects of ${changes.task}, ${changes.metric}${suffix}`,
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
