// How good were the answers, how sure is that, and which were the worst?

import type { Estimate } from '../../../eval/statistics.js';
import type { RunEvidence } from '../../../run-evidence.js';
import type { RunRecord } from '../../../run-record.js';
import type { ScoredSample } from '../../../scored-samples.js';
import { type ForestRow, forestChart } from '../charts/forest.js';
import { fold } from '../fold.js';
import { html, type Markup } from '../markup.js';
import { formatNumber } from '../number-text.js';
import { chartGrid, section } from '../page.js';
import { sideBySide, type TextGroup } from '../side-by-side.js';
import { formatInterval, type Interval, numberColumn, table } from '../table.js';
import { type RecordedValue, showValue } from '../tagged-value.js';
import { recorded } from './recorded.js';

/** 97.5th percentile of the normal distribution: an interval of 95 %. */
const normal975 = 1.959964;

const mostPromptCharacters = { generation: 700, choice: 320 } as const;
const mostAnswerCharacters = 1000;

export function showQuality(evidence: RunEvidence): Markup {
  const { record, scores } = evidence;
  const { accuracy } = record;
  if (accuracy === null) return html``;
  const rows = listMetrics(evidence);
  const judged = rows.flatMap(asRatio);
  const lead =
    scores === null
      ? `${formatNumber(accuracy.samplesScored)} of ${formatNumber(record.dataset.totalSamples)} samples were scored.`
      : `${formatNumber(accuracy.samplesScored)} of ${formatNumber(record.dataset.totalSamples)} samples were scored. Errors are standard errors of the mean over samples, intervals of 95 % by the normal distribution: they say how much another draw of samples would move a score, not how much another run would.`;
  return section(
    'Quality',
    [
      judged.length === 0 ? null : chartGrid([drawRatios(judged)]),
      tabulate(rows),
      showWorst(evidence),
    ],
    lead,
  );
}

interface MetricRow {
  readonly metric: string;
  readonly value: RecordedValue;
  readonly stderr: number | null;
  readonly interval: Interval | null;
  readonly target: NonNullable<RunRecord['accuracy']>['targets'][number] | null;
}

function listMetrics({ record, scores }: RunEvidence): MetricRow[] {
  const { metrics, targets } = record.accuracy!;
  const names = new Set([...Object.keys(metrics), ...targets.map(({ metric }) => metric)]);
  return [...names].map((metric) => {
    const value = recorded(record, `accuracy.metrics.${metric}`);
    const estimate: Estimate | undefined = scores?.estimates[metric];
    const stderr = estimate?.stderr ?? null;
    const interval =
      stderr === null || value.value === null
        ? null
        : { low: value.value - normal975 * stderr, high: value.value + normal975 * stderr };
    const target = targets.find((one) => one.metric === metric) ?? null;
    return { metric, value, stderr, interval, target };
  });
}

function tabulate(rows: readonly MetricRow[]): Markup {
  return table(
    [
      { name: 'metric' },
      numberColumn('value'),
      numberColumn('standard error'),
      numberColumn('95 % interval'),
      { name: 'target' },
      numberColumn('reference'),
    ],
    rows.map(({ metric, value, stderr, interval, target }) => [
      metric,
      showValue(value),
      stderr === null ? '' : formatNumber(stderr),
      interval === null ? '' : formatInterval(interval),
      target === null ? '' : showTarget(target),
      target === null ? '' : formatNumber(target.reference),
    ]),
  );
}

function showTarget({ threshold, upperThreshold, pass }: NonNullable<MetricRow['target']>): Markup {
  const wanted =
    upperThreshold === null
      ? `\u2265 ${formatNumber(threshold)}`
      : `${formatNumber(threshold)} to ${formatNumber(upperThreshold)}`;
  return html`${wanted} <span class="${pass ? 'good-text' : 'bad-text'}">${pass ? '\u2713 met' : '\u2717 missed'}</span>`;
}

/** What has a reference to be a ratio of. */
function asRatio({ metric, value, interval, target }: MetricRow): ForestRow[] {
  if (target === null || value.value === null || !(target.reference > 0)) return [];
  const of = (one: number) => one / target.reference;
  return [
    {
      name: metric === 'tokensPerSample' ? 'tokens a sample' : metric,
      ratio: of(value.value),
      interval: interval === null ? null : { low: of(interval.low), high: of(interval.high) },
      threshold: of(target.threshold),
      note: `${formatNumber(value.value)} of ${formatNumber(target.reference)}`,
    },
  ];
}

function drawRatios(rows: readonly ForestRow[]): Markup {
  return forestChart({
    title: 'Scores against their references',
    about:
      'ratio to the reference, with its 95 % interval where it is known; a dashed mark is the least that passes',
    description: rows
      .map(
        ({ name, ratio, threshold }) =>
          `${name} ${formatNumber(ratio)}, least ${formatNumber(threshold)}`,
      )
      .join('; '),
    label: 'value over reference',
    rows,
  });
}

function showWorst({ scores, findSample }: RunEvidence): Markup {
  if (scores === null || scores.rankedBy === null) return html``;
  if (scores.imperfect === 0) {
    return html`<p class="lead">Every one of ${formatNumber(scores.count)} samples has the full score.</p>\n`;
  }
  const groups = scores.worst.map((sample) => describeSample(sample, findSample));
  const wrong = `${formatNumber(scores.imperfect)} wrong answers`;
  const title =
    scores.rankedBy === 'correct'
      ? `${scores.worst.length} of ${wrong}`
      : `The ${scores.worst.length} samples with the lowest ${scores.rankedBy}, of ${formatNumber(scores.imperfect)} below the full score`;
  return fold(title, sideBySide(groups));
}

function describeSample(
  { id, sampleIndex, output, scores }: ScoredSample,
  findSample: RunEvidence['findSample'],
): TextGroup {
  const sample = findSample(sampleIndex);
  const facts = Object.entries(scores)
    .filter(([, value]) => typeof value === 'number' || typeof value === 'boolean')
    .map(([name, value]) => `${name} ${typeof value === 'number' ? formatNumber(value) : value}`)
    .join(', ');
  const prompt = sample === null || sample.prompt === '' ? null : sample.prompt;
  const choice = (index: unknown) =>
    sample?.kind === 'choice' && typeof index === 'number' ? (sample.choices[index] ?? null) : null;
  const [expected, answer] =
    sample?.kind === 'choice'
      ? [choice(sample.answer), choice(scores.chosen)]
      : [sample?.reference ?? null, output];
  return {
    title: id,
    facts,
    texts: [
      { title: 'Prompt', text: prompt, most: mostPromptCharacters[sample?.kind ?? 'generation'] },
      { title: 'Expected', text: expected, most: mostAnswerCharacters },
      { title: 'Answer', text: answer, most: mostAnswerCharacters },
    ],
  };
}
