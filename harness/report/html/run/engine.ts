// What did the engine do: how full were its batches and its KV cache, and how fast did it read and generate?

import { type EngineInterval, mergeIntervals } from '../../../engine-course.js';
import type { RunEvidence } from '../../../run-evidence.js';
import type { RunRecord } from '../../../run-record.js';
import { countWorkers } from '../../../sut-record.js';
import { type TimePoint, timeSeriesChart } from '../charts/time-series.js';
import { html, type Markup } from '../markup.js';
import { formatBytes, formatNumber, formatQuantity, formatShare } from '../number-text.js';
import { absent, chartGrid, section } from '../page.js';
import { numberColumn, pairs, table } from '../table.js';
import { showValue } from '../tagged-value.js';
import { recorded } from './recorded.js';

const mostPoints = 100;
/** As many as there are colours of lines. */
const mostLines = 4;

export function showEngine(evidence: RunEvidence): Markup {
  const { record, engine } = evidence;
  const { sut } = record;
  if (sut === null) return html``;
  if ((sut.steps ?? null) === null) return showSearch(evidence);
  const course =
    engine === null || engine.length < 2
      ? [absent('How full it was in the course of the pass was not recorded.'), tabulate(record)]
      : chartGrid([...drawCourse(mergeIntervals(engine, mostPoints), record), tabulate(record)]);
  return section('Engine', [course, tabulateWorkers(record)]);
}

/** find-peak has steps of all rates together, so their course alone is shown; nothing where no engine computed. */
function showSearch({ record, engine }: RunEvidence): Markup {
  if (engine === null || engine.length < 2) return html``;
  return section('Engine', [
    absent(
      'Steps and tokens of the reported rate alone were not counted: this is the course of all rates tried.',
    ),
    chartGrid(drawCourse(mergeIntervals(engine, mostPoints), record)),
  ]);
}

/** Nothing where there is one only. */
function tabulateWorkers(record: RunRecord): Markup | null {
  const workers = record.sut?.workers ?? [];
  if (workers.length < 2) return null;
  const columns = [
    { name: 'worker' },
    numberColumn('samples'),
    numberColumn('prompt tokens'),
    numberColumn('generated tokens'),
    numberColumn('steps'),
    numberColumn('sequences a step'),
    numberColumn('KV cache, fullest since loaded'),
    numberColumn('busy'),
    { name: 'state' },
  ];
  const rows = workers.map(({ devices, failure }, index) => {
    const figure = (name: string) => recorded(record, `sut.workers.${index}.${name}`);
    const share = (name: string) => {
      const value = figure(name);
      return showValue(value, '', formatShare(value.value));
    };
    const counts = ['samples', 'promptTokens', 'generatedTokens', 'steps', 'occupancy'];
    return [
      `${index} (${devices.join(' + ')})`,
      ...counts.map((name) => showValue(figure(name))),
      share('kvPeakShare'),
      share('busyShare'),
      failure ?? 'ok',
    ];
  });
  return table(columns, rows, 'Workers: tokens are those they computed, again for others too.');
}

function tabulate(record: RunRecord): Markup {
  const { sut } = record;
  const figure = (name: string) => recorded(record, `sut.${name}`);
  const share = (name: string) => {
    const value = figure(name);
    return showValue(value, '', formatShare(value.value));
  };
  const cache = sut!.kvCache;
  return pairs([
    ['steps', showValue(figure('steps'))],
    [
      'sequences a step',
      html`${showValue(figure('occupancy'))}, of ${showValue(figure('maxBatch'))} at most`,
    ],
    [
      'KV cache, fullest',
      html`${share('kvPeakShare')}${cache === null ? null : html` of ${formatBytes(cache.bytes)} (${cache.dtype})`}, since the engine was loaded`,
    ],
    ['preemptions', showValue(figure('preemptions'))],
    ...(sut!.deviceBusyShare === null
      ? []
      : [['GPU busy', html`${share('deviceBusyShare')} of the time with work`] as const]),
  ]);
}

/** How evenly the work was spread: prompts and answers together, since either may be what a worker is busy with. */
function drawWorkers(intervals: readonly EngineInterval[], count: number): Markup {
  return timeSeriesChart({
    title: 'Tokens of each worker',
    about: 'generated and of prompts, a second, between readings',
    description: 'How the work was spread over the workers in the course of the pass.',
    label: 'tokens/s',
    series: Array.from({ length: count }, (_, worker) => ({
      name: `worker ${worker}`,
      points: intervals.map(({ endNs, durationNs, workers }) => {
        const { promptTokens = 0, generatedTokens = 0 } = workers?.[worker] ?? {};
        return {
          seconds: endNs / 1e9,
          value: ((promptTokens + generatedTokens) * 1e9) / durationNs,
        };
      }),
    })),
    step: 'before',
  });
}

function drawCourse(intervals: readonly EngineInterval[], { sut }: RunRecord): Markup[] {
  const series = (pick: (interval: EngineInterval) => number | null): TimePoint[] => {
    const points = intervals.flatMap((interval) => {
      const value = pick(interval);
      return value === null ? [] : [{ seconds: interval.endNs / 1e9, value }];
    });
    return [{ seconds: 0, value: points[0]?.value ?? 0 }, ...points];
  };
  const seconds = ({ durationNs }: EngineInterval) => durationNs / 1e9;
  const about = `${formatNumber(intervals.length)} intervals between readings of the engine's counters`;
  const maxBatch = sut!.maxBatch;
  const several = countWorkers(sut!);
  const fullest = intervals.reduce((most, { kvShare }) => Math.max(most, kvShare), 0);
  const speeds = ['generated', 'read in prompts'] as const;
  const tokens = (interval: EngineInterval, kind: (typeof speeds)[number]) =>
    kind === 'generated' ? interval.generatedTokens : interval.promptTokens;
  // Multiple choice generates nothing.
  const computed = speeds.filter((kind) => intervals.some((one) => tokens(one, kind) > 0));
  return [
    timeSeriesChart({
      title: 'Tokens the engine computed',
      about,
      description: 'Tokens generated and tokens of prompts read, a second, between readings.',
      label: 'tokens/s',
      series: computed.map((name) => ({
        name,
        points: series((interval) => tokens(interval, name) / seconds(interval)),
      })),
      step: 'before',
    }),
    ...(several > 1 && several <= mostLines ? [drawWorkers(intervals, several)] : []),
    timeSeriesChart({
      title: 'Sequences a step',
      about: `mean of the steps in each interval; a batch holds ${formatQuantity(maxBatch, 'sequences')} at most`,
      description: 'How full the batches were in the course of the pass.',
      label: 'sequences',
      series: [
        {
          name: 'sequences a step',
          points: series(({ steps, sequenceSteps }) => (steps === 0 ? 0 : sequenceSteps / steps)),
        },
      ],
      step: 'before',
    }),
    timeSeriesChart({
      title: 'KV cache in use',
      about: 'share of its pages, the most in each interval',
      description: `At most ${formatShare(fullest)} of the pages were in use at a reading.`,
      label: 'share of pages',
      series: [{ name: 'share', points: series(({ kvShare }) => kvShare) }],
      step: 'before',
      format: (share) => formatShare(share).replace('\u00a0', ''),
    }),
  ];
}
