// How long did answers take, against what is allowed, and how punctual was the client itself?

import type { Histogram } from '../../../histogram.js';
import type { RunEvidence } from '../../../run-evidence.js';
import type { RunRecord } from '../../../run-record.js';
import { distributeTimes, type TimedSamples } from '../../../timed-samples.js';
import { cumulativeChart, type PercentileMark } from '../charts/distribution.js';
import { percentileChart } from '../charts/percentiles.js';
import { scatterChart } from '../charts/scatter.js';
import { type Content, html, type Markup } from '../markup.js';
import { formatNumber, formatQuantity } from '../number-text.js';
import { absent, chartGrid, section } from '../page.js';
import { numberColumn, table } from '../table.js';
import { showValue } from '../tagged-value.js';
import { listLimits, percentileName, type TimeLimit } from './limits.js';
import { recorded } from './recorded.js';

interface ShownTime {
  readonly field: 'latencyMs' | 'ttftMs' | 'tpotMs' | 'issueLagUs';
  readonly name: string;
  readonly unit: string;
  readonly about: string;
}

function listTimes(scenario: string): ShownTime[] {
  const isStreams = scenario === 'MultiStream';
  return [
    {
      field: 'latencyMs',
      name: isStreams ? 'Query latency' : 'Latency',
      unit: 'ms',
      about: `from the instant a ${isStreams ? 'query' : 'sample'} was due to its last token`,
    },
    {
      field: 'ttftMs',
      name: 'Time to first token',
      unit: 'ms',
      about: 'from the instant a sample was due',
    },
    {
      field: 'tpotMs',
      name: 'Time per output token',
      unit: 'ms',
      about: 'the mean of each answer, its first token left out',
    },
    {
      field: 'issueLagUs',
      name: 'Issue lag',
      unit: '\u00b5s',
      about: 'how much later than due LoadGen issued a query; part of the latency',
    },
  ];
}

const keys = ['mean', 'p50', 'p90', 'p95', 'p97', 'p99', 'p99_9', 'max'] as const;

export function showLatency(evidence: RunEvidence): Markup {
  const { record } = evidence;
  if (record.performance === null) return html``;
  const limits = listLimits(record);
  const lead =
    record.scenario === 'Offline'
      ? 'Offline asks for everything at once, so that a latency is mostly waiting in line; no limit is set to it.'
      : null;
  return section(
    'Times',
    [
      tabulate(record, limits),
      chartGrid([
        ...drawPercentiles(record, limits),
        ...drawDistributions(evidence, limits),
        ...drawCourse(evidence, limits),
      ]),
    ],
    lead,
  );
}

function tabulate(record: RunRecord, limits: readonly TimeLimit[]): Markup {
  const rows = listTimes(record.scenario).flatMap(({ field, name, unit }) => {
    const histogram = record.performance![field];
    if (!histogram) return [];
    const limit = limits.find(({ time }) => time === field);
    const cells = keys.map((key) => showValue(recorded(record, `performance.${field}.${key}`)));
    return [[`${name}, ${unit}`, ...cells, showLimit(limit)]];
  });
  if (rows.length === 0) return absent('No times were measured.');
  return table(
    [{ name: '' }, ...keys.map((key) => numberColumn(percentileName(key))), { name: 'limit' }],
    rows,
  );
}

function showLimit(limit: TimeLimit | undefined): Content {
  if (limit === undefined) return 'none';
  const text = `${percentileName(limit.percentile)} \u2264 ${formatQuantity(limit.value, 'ms')}`;
  const judged = limit.isKept === null ? '' : limit.isKept ? ' \u2713' : ' \u2717';
  return html`${text}<span class="${limit.isKept === false ? 'bad-text' : 'good-text'}">${judged}</span>`;
}

/** Only where there is a limit to draw. */
function drawPercentiles(record: RunRecord, limits: readonly TimeLimit[]): Markup[] {
  const rows = limits.flatMap(({ time, value, name, percentile }) => {
    const histogram = record.performance![time];
    if (!histogram) return [];
    const marked = (['p50', 'p90'] as const).filter((key) => key !== percentile);
    const marks = [...marked, percentile].map((key) => markOf(histogram, key));
    return [
      {
        name: { latencyMs: 'latency', ttftMs: 'first token', tpotMs: 'output token' }[time],
        marks,
        limit: { value, name },
      },
    ];
  });
  if (rows.length === 0) return [];
  const chart = percentileChart({
    title: 'Percentiles against their limits',
    about: 'median hollow, p90 half, the judged percentile full',
    description: limits
      .map(
        ({ what, percentile, measured, value }) =>
          `${what}: ${percentileName(percentile)} ${formatQuantity(measured, 'ms')}, limit ${formatQuantity(value, 'ms')}`,
      )
      .join('; '),
    unit: 'ms',
    rows,
  });
  return [chart];
}

function markOf(histogram: Histogram, key: keyof Histogram): PercentileMark {
  const share = key === 'max' ? 1 : Number(key.slice(1).replace('_', '.')) / 100;
  return { name: percentileName(key), share, value: histogram[key] };
}

function drawDistributions({ record, times }: RunEvidence, limits: readonly TimeLimit[]): Markup[] {
  if (times === null) return [];
  const distributions = distributeTimes(times, record.scenario === 'MultiStream');
  return listTimes(record.scenario).flatMap(({ field, name, unit, about }) => {
    const sorted = distributions[field];
    const histogram = record.performance![field];
    // One value, or all alike, is no distribution: the table has it.
    if (!histogram || sorted.length < 2 || sorted[0] === sorted.at(-1)) return [];
    const limit = limits.find(({ time }) => time === field);
    const chart = cumulativeChart({
      title: name,
      about,
      description: `Median ${formatQuantity(histogram.p50, unit)}, p99 ${formatQuantity(histogram.p99, unit)}, longest ${formatQuantity(histogram.max, unit)}.`,
      label: `${name.toLowerCase()}, ${unit}`,
      unit,
      series: [{ name, sorted }],
      marks: (['p50', 'p90', 'p99'] as const).map((key) => markOf(histogram, key)),
      limit: limit ?? null,
    });
    return [chart];
  });
}

const mostPoints = 500;
const slowest = 50;

/** Not of Offline, where everything is due at once. */
function drawCourse({ record, times }: RunEvidence, limits: readonly TimeLimit[]): Markup[] {
  if (times === null || record.scenario === 'Offline') return [];
  const shown = choosePoints(times);
  const latency = limits.find(({ time }) => time === 'latencyMs') ?? null;
  const latencyMs = (i: number) => (times.completedNs[i]! - times.scheduledNs[i]!) / 1e6;
  const about =
    shown.length === times.count
      ? `${formatNumber(times.count)} samples`
      : `${formatNumber(shown.length)} of ${formatNumber(times.count)} samples: the ${slowest} slowest, and others evenly`;
  const over = shown.map((i) => ({ x: times.scheduledNs[i]! / 1e9, y: latencyMs(i) }));
  const byLength = shown
    .filter((i) => times.outputTokens[i]! > 0)
    .map((i) => ({ x: times.outputTokens[i]!, y: latencyMs(i) }));
  return [
    {
      title: 'Latency in the course of the pass',
      xLabel: 'seconds since the start, when due',
      isTime: true,
      over,
    },
    {
      title: 'Latency by output length',
      xLabel: 'tokens of the answer',
      isTime: false,
      over: byLength,
    },
  ]
    .filter((chart) => chart.over.length > 1)
    .map(({ title, xLabel, isTime, over: points }) =>
      scatterChart({
        title,
        about,
        description: `Latencies from ${formatNumber(Math.min(...points.map(({ y }) => y)))} to ${formatNumber(Math.max(...points.map(({ y }) => y)))} ms.`,
        xLabel,
        isTime,
        yLabel: 'latency, ms',
        series: [{ name: 'samples', points }],
        yLimit: latency,
      }),
    );
}

/** Positions of completed samples, ascending. */
function choosePoints({ count, completedNs, scheduledNs }: TimedSamples): number[] {
  const completed = Array.from({ length: count }, (_, i) => i).filter(
    (i) => !Number.isNaN(completedNs[i]!),
  );
  if (completed.length <= mostPoints) return completed;
  const bySlowness = [...completed].sort(
    (a, b) => completedNs[b]! - scheduledNs[b]! - (completedNs[a]! - scheduledNs[a]!),
  );
  const chosen = new Set(bySlowness.slice(0, slowest));
  const stride = completed.length / (mostPoints - slowest);
  for (let at = 0; at < completed.length; at += stride) chosen.add(completed[Math.floor(at)]!);
  return [...chosen].sort((a, b) => a - b);
}
