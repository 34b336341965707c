// The figures that a reader looks for first.

import type { RunRecord } from '../../../run-record.js';
import { type FigureCard, figureCards } from '../figure-cards.js';
import type { Markup } from '../markup.js';
import { formatNumber, formatQuantity, formatShare } from '../number-text.js';
import { listLimits, percentileName } from './limits.js';
import { recorded } from './recorded.js';

export function showHeadline(record: RunRecord): Markup {
  const cards = [
    ...rateCards(record),
    ...timeCards(record),
    ...qualityCards(record),
    ...engineCards(record),
  ];
  return figureCards(cards.filter(({ figure }) => figure.value !== null));
}

function rateCards(record: RunRecord): FigureCard[] {
  const { performance } = record;
  if (performance === null) return [];
  const figure = (field: string) => recorded(record, `performance.${field}`);
  const { durationSeconds, scheduledSamplesPerSecond } = performance;
  const during = `in ${formatQuantity(durationSeconds, 's')}`;
  const demanded =
    record.scenario === 'Server' && scheduledSamplesPerSecond !== null
      ? `${formatNumber(scheduledSamplesPerSecond)}/s demanded`
      : during;
  return [
    {
      name: 'Peak',
      figure: figure('peakSearch.peakQps'),
      unit: 'queries/s',
      context: 'the limits are kept',
    },
    {
      name: 'Generated tokens',
      figure: figure('tokensPerSecond'),
      unit: 'tokens/s',
      context: `${formatNumber(performance.generatedTokens)} ${during}`,
    },
    {
      name: 'Samples',
      figure: figure('samplesPerSecond'),
      unit: 'samples/s',
      context: demanded,
    },
    {
      name: 'Prompt tokens',
      figure: figure('promptTokensPerSecond'),
      unit: 'tokens/s',
      context: `${formatNumber(performance.promptTokens)} read`,
    },
  ];
}

function timeCards(record: RunRecord): FigureCard[] {
  const { performance } = record;
  if (performance === null) return [];
  const limits = listLimits(record);
  const names = [
    ['ttftMs', 'First token'],
    ['tpotMs', 'Per output token'],
    ['latencyMs', record.scenario === 'MultiStream' ? 'Query latency' : 'Latency'],
  ] as const;
  const cards = names.map(([time, name]): FigureCard => {
    const limit = limits.find((one) => one.time === time);
    const percentile = limit?.percentile ?? 'p99';
    return {
      name: `${name}, ${percentileName(percentile)}`,
      figure: recorded(record, `performance.${time}.${percentile}`),
      unit: 'ms',
      context:
        limit === undefined
          ? `median ${formatQuantity(performance[time]?.p50 ?? null, 'ms')}`
          : `limit ${formatQuantity(limit.value, 'ms')}`,
      tone: limit?.isKept === false ? 'bad' : 'plain',
    };
  });
  const lag: FigureCard = {
    name: 'Issue lag, p99',
    figure: recorded(record, 'performance.issueLagUs.p99'),
    unit: '\u00b5s',
    context: 'how late the client was',
  };
  // Streams ask when the last answer is there: they cannot be late.
  return performance.issueLagUs?.max === 0 ? cards : [...cards, lag];
}

/** One of them: the first that is judged, or that there is. */
function qualityCards(record: RunRecord): FigureCard[] {
  const { accuracy } = record;
  if (accuracy === null) return [];
  const { targets, metrics } = accuracy;
  const metric = ['rougeL', 'mmlu'].find((name) => metrics[name] !== undefined);
  if (metric === undefined) return [];
  const target = targets.find((one) => one.metric === metric);
  return [
    {
      name: metric === 'mmlu' ? 'Right answers' : 'ROUGE-L',
      figure: recorded(record, `accuracy.metrics.${metric}`),
      unit: metric === 'mmlu' ? '%' : '',
      context:
        target === undefined ? 'no target is set' : `target ${formatNumber(target.threshold)}`,
      tone: target?.pass === false ? 'bad' : 'plain',
    },
  ];
}

function engineCards(record: RunRecord): FigureCard[] {
  const { sut, performance } = record;
  const share = (name: string, field: string, context: string): FigureCard => {
    const figure = recorded(record, field);
    return { name, figure, unit: '', text: formatShare(figure.value), context };
  };
  const batch = (sut?.maxBatch ?? null) === null ? '' : `of ${formatNumber(sut!.maxBatch)} at most`;
  const engine: FigureCard[] = [
    {
      name: 'Sequences a step',
      figure: recorded(record, 'sut.occupancy'),
      unit: '',
      context: batch,
    },
    share('KV cache, fullest', 'sut.kvPeakShare', 'since it was loaded'),
    share('GPU busy', 'sut.deviceBusyShare', 'of the time with work'),
  ];
  if (performance === null) return engine;
  return [
    ...engine,
    share('MBU', 'performance.mbu', "of the datasheet's bandwidth"),
    share('MFU', 'performance.mfu', "of the datasheet's arithmetic"),
  ];
}
