// The points of a sweep as tables: what an engineer chooses by, and every time behind it.

import type { TimeField } from '../../../compare/sample-times.js';
import type { LimitedTime } from '../../../sweep/slo.js';
import type { OverShare } from '../../../sweep/slo-verdict.js';
import type { Goodput, Sweep } from '../../../sweep/sweep.js';
import { type Percentile, percentiles, type SweepPoint } from '../../../sweep/sweep-point.js';
import { describePlace, describeState, nameState } from '../../sweep-summary.js';
import { type Content, html, type Markup } from '../markup.js';
import { formatNumber, formatShare } from '../number-text.js';
import { numberColumn, table } from '../table.js';
import { showRange, showValue } from '../tagged-value.js';
import { mark } from '../verdict-box.js';

/** A point and where it stands in sweep.json. */
export interface ShownPoint {
  readonly point: SweepPoint;
  readonly path: string;
}

const rates = ['tokensPerSecond', 'samplesPerSecond'] as const;
const timeNames = { ttftMs: 'ttft', tpotMs: 'tpot', latencyMs: 'latency' } as const;
const timeFields = Object.keys(timeNames) as TimeField[];

export function tabulatePoints({ goodput }: Sweep, shown: readonly ShownPoint[]): Markup {
  const names = Object.keys(shown[0]?.point.settings ?? {});
  const scores = [
    ...new Set(shown.flatMap(({ point }) => Object.keys(point.scores ?? {}).slice(0, 1))),
  ];
  const columns = [
    ...names.map((name) => numberColumn(name)),
    numberColumn('tokens/s'),
    numberColumn('samples/s'),
    ...timeFields.map((field) => numberColumn(`${timeNames[field]} p99`)),
    ...scores.map(numberColumn),
    ...(goodput === null ? [] : [numberColumn('attainment'), { name: 'limits' }]),
    { name: 'Pareto set' },
  ];
  const rows = shown.map((one) => [
    ...names.map((name) => one.point.settings[name] ?? ''),
    ...rates.map((rate) => showRate(one, rate)),
    ...timeFields.map((field) => showTime(one, field, 'p99')),
    ...scores.map((name) =>
      showValue({ field: `${one.path}.scores.${name}`, value: one.point.scores?.[name] ?? null }),
    ),
    ...(goodput === null ? [] : [showAttainment(one), showState(one)]),
    showPlace(one, shown),
  ]);
  return table(columns, rows);
}

/** A table of percentiles for each time. */
export function tabulateTimes(shown: readonly ShownPoint[]): Markup[] {
  const names = Object.keys(shown[0]?.point.settings ?? {});
  return timeFields.map((field) => {
    const columns = [
      ...names.map((name) => numberColumn(name)),
      ...percentiles.map((percentile) => numberColumn(`${timeNames[field]} ${percentile}`)),
    ];
    const rows = shown.map((one) => [
      ...names.map((name) => one.point.settings[name] ?? ''),
      ...percentiles.map((percentile) => showTime(one, field, percentile)),
    ]);
    return table(columns, rows);
  });
}

function showRate({ point, path }: ShownPoint, rate: (typeof rates)[number]): Content {
  const value = showValue({ field: `${path}.${rate}`, value: point[rate] });
  const interval = point.intervals[rate];
  return withRange(value, `${path}.intervals.${rate}`, interval);
}

function showTime({ point, path }: ShownPoint, time: TimeField, percentile: Percentile): Content {
  const value = showValue({
    field: `${path}.${time}.${percentile}`,
    value: point[time][percentile],
  });
  const interval = point.intervals[time][percentile];
  return withRange(value, `${path}.intervals.${time}.${percentile}`, interval);
}

function withRange(
  value: Markup,
  field: string,
  interval: { readonly lower: number; readonly upper: number } | null,
  format: (value: number) => string = formatNumber,
): Content {
  if (interval === null) return value;
  return html`${value}<br><small>${showRange(field, interval, format)}</small>`;
}

/** Of the repeat that keeps the limits least. */
function showAttainment({ point: { slo }, path }: ShownPoint): Content {
  const shares = (slo ?? []).map(({ attainment }) => attainment);
  const value = shares.length === 0 ? null : Math.min(...shares);
  const field = `${path}.slo.${value === null ? 0 : shares.indexOf(value)}.attainment`;
  return showValue({ field, value }, '', formatShare(value));
}

/** What decides about each limit: the share of samples over it, between bounds that hold one by one. */
export function tabulateLimits(goodput: Goodput, shown: readonly ShownPoint[]): Markup {
  const names = Object.keys(goodput.slo.limitsMs) as LimitedTime[];
  const settings = Object.keys(shown[0]?.point.settings ?? {});
  const columns = [
    ...settings.map((name) => numberColumn(name)),
    numberColumn('samples'),
    ...names.flatMap((name) => [numberColumn(`over ${name}`), numberColumn('effective')]),
    numberColumn('would tell'),
    { name: 'limits' },
  ];
  const rows = shown.map(({ point, path }) => {
    const verdict = point.sloVerdict;
    const field = `${path}.sloVerdict`;
    return [
      ...settings.map((name) => point.settings[name] ?? ''),
      showValue({ field: `${field}.samples`, value: verdict?.samples ?? null }),
      ...names.flatMap((name) => {
        const over = verdict?.limits[name] ?? null;
        const place = `${field}.limits.${name}`;
        const value = over?.estimate ?? null;
        const estimate = showValue({ field: `${place}.estimate`, value }, '', formatShare(value));
        const effective = over?.effectiveSamples ?? null;
        return [
          html`${withRange(estimate, place, over, formatShare)}${showPercentile(`${place}.percentileMs`, over?.percentileMs ?? null)}`,
          showValue({ field: `${place}.effectiveSamples`, value: effective }),
        ];
      }),
      showValue({ field: `${field}.samplesToTell`, value: verdict?.samplesToTell ?? null }),
      describeState(point),
    ];
  });
  return table(columns, rows);
}

/** The values of what differs, in the order of the grid. */
export function nameOf({ settings }: SweepPoint): string {
  return Object.values(settings)
    .map((value) => (value.length > 14 ? `\u2026${value.slice(-13)}` : value))
    .join(', ');
}

/** Below the share: where the time at the percentile lies by the repeats. */
function showPercentile(field: string, bounds: OverShare['percentileMs']): Content {
  if (bounds === null) return null;
  return html`<br><small>${showRange(field, bounds, formatNumber)} ms</small>`;
}

function showState({ point }: ShownPoint): Content {
  const state = point.sloVerdict?.state;
  const tone = state === 'inside' ? 'good' : state === 'outside' ? 'bad' : 'plain';
  return html`<span class="${tone}-text">${mark(tone)}${nameState(point)}</span>`;
}

function showPlace({ point }: ShownPoint, shown: readonly ShownPoint[]): Content {
  const { runs, valid, pareto } = point;
  const isGood = pareto?.class === 'frontier';
  const tone = isGood ? 'good' : runs > 0 && !valid ? 'bad' : 'plain';
  const better = shown.find(({ path }) => path === `points.${pareto?.dominatedBy}`);
  const by = better === undefined ? '' : ` by ${nameOf(better.point)}`;
  return html`<span class="${tone}-text">${mark(tone)}${describePlace(point)}${by}</span>`;
}
