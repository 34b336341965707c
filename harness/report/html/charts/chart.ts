// The frame that all charts share: caption, axes, grid, legend, a text for those who do not see it, and the data behind
// it as a table.

import { fold } from '../fold.js';
import { type Content, html, type Markup } from '../markup.js';
import type { Scale } from './scale.js';

/** Units of the drawing; pages scale it to the column it stands in. */
export const plotArea = { width: 560, left: 52, right: 546, top: 10, bottom: 208, height: 246 };

export interface ChartText {
  readonly title: string;
  /** A line below the title: what is drawn, from which source. */
  readonly about?: string;
  /** What there is to see, in words. */
  readonly description: string;
}

export interface LegendEntry {
  readonly name: string;
  /** 1 to 4. */
  readonly series: number;
}

export interface Chart extends ChartText {
  readonly x: Scale | null;
  readonly y: Scale | null;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly legend?: readonly LegendEntry[];
  readonly marks: Content;
  readonly table: Markup;
  /** Where the plot ends below, instead of plotArea.bottom. */
  readonly bottom?: number;
}

/** The figure with its drawing. */
export function drawChart(chart: Chart): Markup {
  const { title, about, description, legend = [], table } = chart;
  const bottom = chart.bottom ?? plotArea.bottom;
  const height = bottom + plotArea.height - plotArea.bottom;
  const keys = legend.map(
    ({ name, series }) => html`<span><i class="key s${series}"></i>${name}</span>`,
  );
  return html`<figure>
<figcaption>${title}${about === undefined ? null : html`<span class="about">${about}</span>`}</figcaption>
${keys.length === 0 ? null : html`<p class="legend">${keys}</p>\n`}<svg role="img" viewBox="0 0 ${plotArea.width} ${height}" xmlns="http://www.w3.org/2000/svg">
<title>${title}</title><desc>${description}</desc>
${drawX(chart, bottom)}${drawY(chart, bottom)}${chart.marks}
</svg>
${fold('Data', table, false)}</figure>
`;
}

function drawX({ x, xLabel }: Chart, bottom: number): Markup {
  const middle = (plotArea.left + plotArea.right) / 2;
  const ticks = (x?.ticks ?? []).map((tick) => {
    const place = round(x!.at(tick));
    return html`<path class="grid" d="M${place} ${plotArea.top}V${bottom}"/><text x="${place}" y="${bottom + 15}" text-anchor="middle">${x!.format(tick)}</text>\n`;
  });
  return html`${ticks}<path class="axis" d="M${plotArea.left} ${bottom}H${plotArea.right}"/>
<text x="${middle}" y="${bottom + 32}" text-anchor="middle">${xLabel}${x?.kind === 'log' ? ' (log)' : ''}</text>
`;
}

function drawY({ y, yLabel }: Chart, bottom: number): Markup {
  if (y === null) return html``;
  const middle = (plotArea.top + bottom) / 2;
  const ticks = y.ticks.map((tick) => {
    const place = round(y.at(tick));
    return html`<path class="grid" d="M${plotArea.left} ${place}H${plotArea.right}"/><text x="${plotArea.left - 6}" y="${place + 3.5}" text-anchor="end">${y.format(tick)}</text>\n`;
  });
  return html`${ticks}<text transform="translate(11 ${middle}) rotate(-90)" text-anchor="middle">${yLabel}${y.kind === 'log' ? ' (log)' : ''}</text>
`;
}

/** A limit with its name, `row` lines above the foot so that several names do not meet. */
export function verticalLine(x: Scale, value: number, name: string, row = 0): Markup {
  const place = round(x.at(value));
  const isRight = place > (plotArea.left + plotArea.right) / 2;
  return html`<path class="line limit" d="M${place} ${plotArea.top}V${plotArea.bottom}"/>
<text class="limit halo" x="${isRight ? place - 5 : place + 5}" y="${plotArea.bottom - 8 - 14 * row}" text-anchor="${isRight ? 'end' : 'start'}">${name}</text>
`;
}

export function horizontalLine(y: Scale, value: number, name: string, kind = 'limit'): Markup {
  const place = round(y.at(value));
  const isHigh = place < plotArea.top + 16;
  return html`<path class="line ${kind}" d="M${plotArea.left} ${place}H${plotArea.right}"/>
<text class="${kind} halo" x="${plotArea.right - 4}" y="${isHigh ? place + 14 : place - 5}" text-anchor="end">${name}</text>
`;
}

/** A tenth of a drawing's unit is finer than a screen. */
export function round(place: number): number {
  return Math.round(place * 10) / 10;
}
