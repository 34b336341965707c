// How much was answered in the course of the test, and how much was waiting?

import type { RunEvidence } from '../../../run-evidence.js';
import { binAnswers, countOutstanding, sortNumbers } from '../../../timed-samples.js';
import { cumulativeChart, histogramChart } from '../charts/distribution.js';
import { timeSeriesChart } from '../charts/time-series.js';
import { html, type Markup } from '../markup.js';
import { formatNumber, formatQuantity } from '../number-text.js';
import { chartGrid, section } from '../page.js';
import { numberColumn, table } from '../table.js';
import { showValue } from '../tagged-value.js';
import { recorded } from './recorded.js';

const mostBins = 60;
const outstandingBins = 160;

export function showThroughput(evidence: RunEvidence): Markup {
  const { record, times } = evidence;
  const { performance } = record;
  if (performance === null) return html``;
  const charts = times === null ? [] : [drawAnswers(evidence), drawOutstanding(evidence)];
  return section(
    'Throughput',
    [chartGrid(charts.filter((chart) => chart !== null)), tabulate(evidence)],
    performance.warmUp === null
      ? null
      : `Warmed up by ${performance.warmUp.kind}: ${formatNumber(performance.warmUp.samples)} samples in ${formatQuantity(performance.warmUp.seconds, 's')}.`,
  );
}

function tabulate({ record }: RunEvidence): Markup {
  const rows = [
    ['generated', 'generatedTokens', 'tokensPerSecond', 'tokens'],
    ['read in prompts', 'promptTokens', 'promptTokensPerSecond', 'tokens'],
    ['answered', 'completedSamples', 'samplesPerSecond', 'samples'],
    ['asked for', 'issuedSamples', 'scheduledSamplesPerSecond', 'samples'],
  ] as const;
  const given = rows
    .map(([name, total, rate, unit]) => {
      const [sum, speed] = [total, rate].map((field) => recorded(record, `performance.${field}`));
      return { name, unit, sum: sum!, speed: speed! };
    })
    .filter(({ sum }) => sum.value !== null)
    .map(({ name, unit, sum, speed }) => [
      `${unit} ${name}`,
      showValue(sum),
      speed.value === null ? '' : showValue(speed, `${unit}/s`),
    ]);
  return table([{ name: '' }, numberColumn('in all'), numberColumn('rate')], given);
}

function drawAnswers({ times, record }: RunEvidence): Markup | null {
  const count = Math.max(8, Math.min(mostBins, Math.floor(times!.count / 8)));
  const bins = binAnswers(times!, count);
  if (bins.length === 0) return null;
  const hasTokens = bins.some(({ tokensPerSecond }) => tokensPerSecond > 0);
  const unit = hasTokens ? 'tokens/s' : 'samples/s';
  const points = bins.map(({ endSeconds, tokensPerSecond, samplesPerSecond }) => ({
    seconds: endSeconds,
    value: hasTokens ? tokensPerSecond : samplesPerSecond,
  }));
  const rate = hasTokens
    ? record.performance!.tokensPerSecond
    : record.performance!.samplesPerSecond;
  return timeSeriesChart({
    title: hasTokens ? 'Tokens of answers, by when they were complete' : 'Answers over time',
    about: `${count} intervals of ${formatQuantity(bins[0]!.endSeconds, 's')}; an answer's tokens all count at its end`,
    description: `The mean of the pass is ${formatQuantity(rate, unit)}.`,
    label: unit,
    series: [{ name: unit, points: [{ seconds: 0, value: points[0]!.value }, ...points] }],
    step: 'before',
  });
}

function drawOutstanding({ times }: RunEvidence): Markup | null {
  const bins = countOutstanding(times!, Math.min(outstandingBins, 2 * times!.count + 2));
  if (bins.length === 0) return null;
  const most = bins.reduce((top, { outstanding }) => Math.max(top, outstanding), 0);
  const points = bins.map(({ endSeconds, outstanding }) => ({
    seconds: endSeconds,
    value: outstanding,
  }));
  return timeSeriesChart({
    title: 'Samples asked for and not yet answered',
    about: 'the most at once in each interval',
    description: `At most ${formatNumber(most)} samples were outstanding at once.`,
    label: 'samples',
    series: [{ name: 'samples', points: [{ seconds: 0, value: points[0]!.value }, ...points] }],
    step: 'before',
  });
}

/** How long prompts and answers were. */
export function showLengths({ record, times }: RunEvidence): Markup {
  if (times === null) return html``;
  const lengths = [
    ['Prompt length', 'tokens of the prompt', times.promptTokens],
    ['Output length', 'tokens of the answer', times.outputTokens],
  ] as const;
  const charts = lengths.flatMap(([title, label, column]) => {
    const sorted = sortNumbers(column);
    if (sorted.length === 0 || sorted.at(-1) === 0) return [];
    const total = sorted.reduce((sum, value) => sum + value, 0);
    const shape = {
      title,
      about: `${formatNumber(sorted.length)} samples, mean ${formatNumber(total / sorted.length)}`,
      description: `From ${formatNumber(sorted[0]!)} to ${formatNumber(sorted.at(-1)!)} tokens.`,
      label,
      unit: 'tokens',
    };
    return sorted.at(-1)! > 50 * sorted[0]!
      ? [cumulativeChart({ ...shape, series: [{ name: label, sorted }] })]
      : [histogramChart({ ...shape, sorted })];
  });
  if (charts.length === 0) return html``;
  const lead = record.dataset.synthetic
    ? 'Lengths are those that the synthetic dataset draws.'
    : null;
  return section('Lengths', chartGrid(charts), lead);
}
