// How near is what was done to what the hardware could do? Operations a second over operations a byte, below the roofs
// of memory and arithmetic (Williams, Waterman, Patterson: Roofline, CACM 52(4), 2009).

import { html, type Markup } from '../markup.js';
import { formatNumber, formatQuantity } from '../number-text.js';
import { numberColumn, table } from '../table.js';
import { type ChartText, drawChart, plotArea, round } from './chart.js';
import { logScale } from './scale.js';

export interface Ceilings {
  /** 10^9 bytes a second. */
  readonly bandwidthGBs: number;
  /** 10^12 operations a second; null: not known, and the slope has no end. */
  readonly tflops: number | null;
  /** "datasheet", "measured in this run" */
  readonly source: string;
}

export interface RooflinePoint {
  readonly name: string;
  /** Operations a byte. */
  readonly intensity: number;
  /** 10^12 operations a second. */
  readonly tflops: number;
}

export interface RooflineChart extends ChartText {
  readonly ceilings: Ceilings;
  readonly points: readonly RooflinePoint[];
}

export function rooflineChart(chart: RooflineChart): Markup {
  const { ceilings, points } = chart;
  const { bandwidthGBs, tflops, source } = ceilings;
  const ridge = tflops === null ? null : (tflops * 1e3) / bandwidthGBs;
  const intensities = [
    ...(ridge === null ? [] : [ridge]),
    ...points.map(({ intensity }) => intensity),
  ];
  const [low, high] = [Math.min(...intensities) / 8, Math.max(...intensities) * 8];
  const slope = (intensity: number) => (bandwidthGBs * intensity) / 1e3;
  const roof = (intensity: number) =>
    Math.min(tflops ?? Number.POSITIVE_INFINITY, slope(intensity));
  const reached = points.map((point) => point.tflops);
  const floor = Math.min(roof(low), ...reached.map((value) => value / 2));
  const top = Math.max(roof(high), ...reached);
  const x = logScale([low, high], [plotArea.left, plotArea.right]);
  const y = logScale([floor, top * 2], [plotArea.bottom, plotArea.top]);
  const path = [low, ...(ridge === null ? [] : [ridge]), high]
    .map((at, i) => `${i === 0 ? 'M' : 'L'}${round(x.at(at))} ${round(y.at(roof(at)))}`)
    .join('');
  const slopeAt = Math.sqrt(low * (ridge ?? high));
  const dots = points.map(({ name, intensity, tflops: done }) => {
    const [px, py] = [round(x.at(intensity)), round(y.at(done))];
    return html`<path class="line reference" d="M${px} ${round(y.at(roof(intensity)))}V${plotArea.bottom}"/><circle class="dot s1" cx="${px}" cy="${py}" r="4.5"/><text class="strong halo" x="${px + 9}" y="${py + 4}">${name}</text>\n`;
  });
  return drawChart({
    ...chart,
    x,
    y,
    xLabel: 'operations a byte',
    yLabel: 'TFLOP/s',
    marks: html`<path class="line s2" d="${path}"/>
${
  tflops === null
    ? null
    : html`<text class="strong halo" x="${plotArea.right - 4}" y="${round(y.at(tflops)) - 6}" text-anchor="end">${formatQuantity(tflops, 'TFLOP/s')}, ${source}</text>\n`
}<text class="strong halo" x="${round(x.at(slopeAt)) - 8}" y="${round(y.at(roof(slopeAt))) - 4}" text-anchor="end">${formatQuantity(bandwidthGBs, 'GB/s')}${tflops === null ? `, ${source}` : null}</text>
${dots}`,
    table: table(
      [
        { name: 'point' },
        numberColumn('operations a byte'),
        numberColumn('TFLOP/s'),
        numberColumn('share of the roof'),
      ],
      points.map(({ name, intensity, tflops: done }) => [
        name,
        formatNumber(intensity),
        formatNumber(done),
        formatNumber(done / roof(intensity)),
      ]),
    ),
  });
}
