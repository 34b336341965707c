// Do the times keep their limits, and by how much? One row a time: median, tail, and the limit, on one axis.

import { html, type Markup } from '../markup.js';
import { formatNumber, formatQuantity } from '../number-text.js';
import { numberColumn, table } from '../table.js';
import { type ChartText, drawChart, plotArea, round } from './chart.js';
import type { Limit, PercentileMark } from './distribution.js';
import { chooseScale, type Scale } from './scale.js';

export interface PercentileRow {
  readonly name: string;
  /** Ascending: the first is drawn hollow, the last full. */
  readonly marks: readonly PercentileMark[];
  readonly limit: Limit | null;
}

const rowHeight = 46;

export function percentileChart(
  chart: ChartText & { readonly unit: string; readonly rows: readonly PercentileRow[] },
): Markup {
  const { rows, unit } = chart;
  const values = rows.flatMap(({ marks, limit }) => [
    ...marks.map(({ value }) => value),
    ...(limit === null ? [] : [limit.value]),
  ]);
  const x = chooseScale(values, [plotArea.left + 66, plotArea.right - 30], 4);
  const columns = [...new Set(rows.flatMap(({ marks }) => marks.map(({ name }) => name)))];
  return drawChart({
    ...chart,
    x,
    y: null,
    xLabel: unit,
    yLabel: '',
    bottom: plotArea.top + rows.length * rowHeight + 6,
    marks: rows.map((row, i) => drawRow(row, plotArea.top + (i + 0.5) * rowHeight, x, unit)),
    table: table(
      [{ name: unit }, ...columns.map(numberColumn), numberColumn('limit')],
      rows.map(({ name, marks, limit }) => [
        name,
        ...columns.map((column) =>
          formatNumber(marks.find((mark) => mark.name === column)?.value ?? null),
        ),
        limit === null ? 'none' : formatNumber(limit.value),
      ]),
    ),
  });
}

/** The last percentile is named above the row, the limit below it, so that they cannot meet. */
function drawRow({ name, marks, limit }: PercentileRow, middle: number, x: Scale, unit: string) {
  const places = marks.map(({ value }) => round(x.at(value)));
  const last = marks.at(-1);
  const dots = places.map((place, i) => {
    const kind = i === places.length - 1 ? 's1' : i === 0 ? 'hollow' : 'half';
    return html`<circle class="dot ${kind}" cx="${place}" cy="${middle}" r="4"/>`;
  });
  const end =
    last === undefined
      ? null
      : html`<text class="strong halo" x="${places.at(-1)!}" y="${middle - 9}" text-anchor="middle">${last.name} ${formatQuantity(last.value, unit)}</text>`;
  const bound =
    limit === null
      ? null
      : html`<path class="line limit" d="M${round(x.at(limit.value))} ${middle - 12}V${middle + 11}"/><text class="limit halo" x="${round(x.at(limit.value))}" y="${middle + 22}" text-anchor="middle">${limit.name}</text>`;
  return html`<text class="strong" x="4" y="${middle + 4}">${name}</text><path class="line range" d="M${places[0] ?? 0} ${middle}H${places.at(-1) ?? 0}"/>${bound}${dots}${end}
`;
}
