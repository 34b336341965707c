// The points of a sweep as tables: what an engineer chooses by, and every time behind it.

import type { TimeField } from '../../../compare/sample-times.js';
import type { Sweep } from '../../../sweep/sweep.js';
import { type Percentile, percentiles, type SweepPoint } from '../../../sweep/sweep-point.js';
import { judgePoint } from '../../sweep-summary.js';
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
    ...(goodput === null ? [] : [numberColumn('in limits')]),
    { name: 'verdict' },
  ];
  const rows = shown.map((one) => [
    ...names.map((name) => one.point.settings[name] ?? ''),
    ...rates.map((rate) => showRate(one, rate)),
    ...timeFields.map((field) => showTime(one, field, 'p99')),
    ...scores.map((name) =>
      showValue({ field: `${one.path}.scores.${name}`, value: one.point.scores?.[name] ?? null }),
    ),
    ...(goodput === null ? [] : [showAttainment(one)]),
    showVerdict(one, goodput !== null),
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
): Content {
  if (interval === null) return value;
  return html`${value}<br><small>${showRange(field, interval, formatNumber)}</small>`;
}

/** Of the repeat that keeps the limits least. */
function showAttainment({ point: { slo }, path }: ShownPoint): Content {
  const shares = (slo ?? []).map(({ attainment }) => attainment);
  const value = shares.length === 0 ? null : Math.min(...shares);
  const field = `${path}.slo.${value === null ? 0 : shares.indexOf(value)}.attainment`;
  return showValue({ field, value }, '', formatShare(value));
}

function showVerdict({ point }: ShownPoint, hasLimits: boolean): Content {
  const { runs, valid, slo } = point;
  const isKept = slo === null || slo.every(({ met }) => met);
  const tone = runs === 0 ? 'plain' : valid && isKept ? 'good' : 'bad';
  const text = judgePoint(point, hasLimits) || 'VALID';
  return html`<span class="${tone}-text">${mark(tone)}${text}</span>`;
}
