// Ratios or differences with their intervals, one a row, against the line where nothing differs.

import { type Content, html, type Markup } from '../markup.js';
import { formatNumber } from '../number-text.js';
import { formatInterval, type Interval, numberColumn, table } from '../table.js';
import { type ChartText, drawChart, plotArea, round } from './chart.js';
import { linearScale, logScale, type Scale } from './scale.js';

export interface ForestRow {
  readonly name: string;
  readonly ratio: number;
  /** null: not known, and not drawn. */
  readonly interval: Interval | null;
  /** The least ratio that passes; null where nothing is demanded. */
  readonly threshold: number | null;
  /** Beside the row, in words. */
  readonly note?: string;
}

export interface ForestChart extends ChartText {
  readonly label: string;
  readonly rows: readonly ForestRow[];
  /** Where nothing differs: 1, of differences 0. */
  readonly reference?: number;
}

/** Longer ones would reach into the plot. */
const shownName = 20;

const rowHeight = 26;
const [plotLeft, plotRight] = [plotArea.left + 74, plotArea.right - 150];

/** Logarithmic where the rows lie more than twice apart. */
export function forestChart(chart: ForestChart): Markup {
  const { rows, label, reference = 1 } = chart;
  const ends = rows.flatMap(({ ratio, interval, threshold }) => [
    ratio,
    ...(interval === null ? [] : [interval.low, interval.high]),
    ...(threshold === null ? [] : [threshold]),
  ]);
  const [low, high] = [Math.min(reference, ...ends), Math.max(reference, ...ends)];
  const x =
    low > 0 && high / low > 2
      ? logScale([low / 1.05, high * 1.05], [plotLeft, plotRight])
      : linearScale([low, high], [plotLeft, plotRight], 4);
  const bottom = plotArea.top + rows.length * rowHeight + 6;
  const line = html`<path class="line reference" d="M${round(x.at(reference))} ${plotArea.top}V${bottom}"/>\n`;
  return drawChart({
    ...chart,
    x,
    y: null,
    xLabel: label,
    yLabel: '',
    bottom,
    marks: [line, rows.map((row, i) => drawRow(row, plotArea.top + (i + 0.5) * rowHeight, x))],
    table: table(
      [
        { name: 'row' },
        numberColumn(reference === 0 ? 'difference' : 'ratio'),
        numberColumn('interval'),
        numberColumn('passes from'),
      ],
      rows.map(({ name, ratio, interval, threshold }) => [
        name,
        formatNumber(ratio),
        formatInterval(interval),
        threshold === null ? 'any' : formatNumber(threshold),
      ]),
    ),
  });
}

function drawRow({ name, ratio, interval, threshold, note }: ForestRow, middle: number, x: Scale) {
  const place = round(x.at(ratio));
  const range: Content =
    interval === null
      ? null
      : html`<path class="line range" d="M${round(x.at(interval.low))} ${middle}H${round(x.at(interval.high))}"/>`;
  const least: Content =
    threshold === null
      ? null
      : html`<path class="line limit" d="M${round(x.at(threshold))} ${middle - 9}V${middle + 9}"/>`;
  const text = note ?? `${formatNumber(ratio)} (${formatInterval(interval)})`;
  const label = name.length > shownName ? `${name.slice(0, shownName - 1)}\u2026` : name;
  return html`<text class="strong" x="4" y="${middle + 4}">${label}</text>${range}${least}<circle class="dot s1" cx="${place}" cy="${middle}" r="4"/><text x="${plotRight + 12}" y="${middle + 4}">${text}</text>
`;
}
