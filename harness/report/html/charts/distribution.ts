// How are values distributed? The share of them below each value, or their counts by bins.

import { curveStepAfter, line } from 'd3-shape';
import { html, type Markup } from '../markup.js';
import { formatNumber, formatQuantity, formatShare } from '../number-text.js';
import { numberColumn, table } from '../table.js';
import {
  type ChartText,
  drawChart,
  type LegendEntry,
  plotArea,
  round,
  verticalLine,
} from './chart.js';
import { chooseScale, linearScale, type Scale } from './scale.js';

export interface DistributionSeries {
  readonly name: string;
  /** Ascending, without NaN, at least one. */
  readonly sorted: Float64Array;
}

export interface PercentileMark {
  /** "p99" */
  readonly name: string;
  /** 0..1 */
  readonly share: number;
  readonly value: number;
}

export interface Limit {
  readonly value: number;
  readonly name: string;
}

export interface DistributionChart extends ChartText {
  /** "latency, ms" */
  readonly label: string;
  readonly unit: string;
  readonly series: readonly DistributionSeries[];
  /** Named on the curve; of a single series only. */
  readonly marks?: readonly PercentileMark[];
  readonly limit?: Limit | null;
}

/** Above 100 %, for the label of p99. */
const headroom = 16;

/** Points of a curve: more cannot be told apart. */
const mostPoints = 240;

const tableShares = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1];

/** The empirical distribution function of each series. */
export function cumulativeChart(chart: DistributionChart): Markup {
  const { series, unit, label, limit = null, marks = [] } = chart;
  const extremes = series.flatMap(({ sorted }) => [sorted[0]!, sorted.at(-1)!]);
  const range = [plotArea.left, plotArea.right] as const;
  const x = chooseScale(limit === null ? extremes : [...extremes, limit.value], range);
  const y = {
    ...linearScale([0, 1], [plotArea.bottom, plotArea.top + headroom]),
    format: (share: number) => `${Math.round(100 * share)}%`,
  };
  const curves = series.map(
    ({ sorted }, i) => html`<path class="line s${i + 1}" d="${drawCurve(sorted, x, y)}"/>\n`,
  );
  return drawChart({
    ...chart,
    x,
    y,
    xLabel: label,
    yLabel: 'share of samples',
    legend: legendOf(series.map(({ name }) => name)),
    marks: html`${limit === null ? null : verticalLine(x, limit.value, limit.name)}${curves}${
      series.length === 1 ? marks.map((mark) => drawMark(mark, x, y, unit)) : null
    }`,
    table: table(
      [numberColumn('share'), ...series.map(({ name }) => numberColumn(`${name}, ${unit}`))],
      tableShares.map((share) => [
        formatShare(share),
        ...series.map(({ sorted }) => formatNumber(atShare(sorted, share))),
      ]),
    ),
  });
}

function drawCurve(sorted: Float64Array, x: Scale, y: Scale): string {
  const count = sorted.length;
  const draw = line<number>(
    (rank) => round(x.at(sorted[rank]!)),
    (rank) => round(y.at((rank + 1) / count)),
  ).curve(curveStepAfter);
  const start = `M${round(x.at(sorted[0]!))} ${y.at(0)}V${round(y.at(1 / count))}`;
  return `${start}${draw(chooseRanks(count))!.replace('M', 'L')}`;
}

/** Evenly over the ranks, and all of the slowest. */
function chooseRanks(count: number): number[] {
  if (count <= mostPoints) return Array.from({ length: count }, (_, rank) => rank);
  const even = mostPoints - 60;
  const ranks = Array.from({ length: even }, (_, i) => Math.floor((i * (count - 60)) / even));
  return [...ranks, ...Array.from({ length: 60 }, (_, i) => count - 60 + i)];
}

/** Below the curve to its right, where it never comes back to; above it to the left where there is no room. */
function drawMark({ name, share, value }: PercentileMark, x: Scale, y: Scale, unit: string) {
  const [px, py] = [round(x.at(value)), round(y.at(share))];
  const isRight = px < plotArea.right - 110;
  const isTop = share >= 0.99;
  // p99 has the room above 100 %, or its label would lie on that of p90.
  const baseline = isTop ? y.at(1) - 5 : isRight ? py + 14 : py - 4;
  const [place, anchor] = isRight
    ? [px + (isTop ? -4 : 7), 'start']
    : [px - (isTop ? -4 : 7), 'end'];
  return html`<circle class="dot s1" cx="${px}" cy="${py}" r="3.2"/><text class="strong halo" x="${place}" y="${round(baseline)}" text-anchor="${anchor}">${name} ${formatQuantity(value, unit)}</text>
`;
}

/** Element trunc(n * share) of the sorted values, as LoadGen picks its percentiles. */
export function atShare(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.trunc(sorted.length * share))]!;
}

const mostBins = 32;

/** Counts by bins of equal, round width. */
export function histogramChart(
  chart: Omit<DistributionChart, 'series' | 'marks' | 'limit'> & { readonly sorted: Float64Array },
): Markup {
  const { sorted, label } = chart;
  const [low, high] = [sorted[0]!, sorted.at(-1)!];
  const width = chooseBinWidth(low, high);
  const first = Math.floor(low / width);
  const counts = new Array<number>(Math.floor(high / width) - first + 1).fill(0);
  for (const value of sorted) counts[Math.floor(value / width) - first]!++;
  const edge = (bin: number) => (first + bin) * width;
  const x = linearScale([edge(0), edge(counts.length)], [plotArea.left, plotArea.right]);
  const y = linearScale([0, Math.max(...counts)], [plotArea.bottom, plotArea.top]);
  const bars = counts.map((count, bin) => {
    const [from, to] = [round(x.at(edge(bin)) + 0.5), round(x.at(edge(bin + 1)) - 0.5)];
    return html`<path class="bar s1" d="M${from} ${plotArea.bottom}V${round(y.at(count))}H${to}V${plotArea.bottom}Z"/>\n`;
  });
  const isWhole = Number.isInteger(width) && sorted.every(Number.isInteger);
  const name = (bin: number) =>
    isWhole && width === 1
      ? formatNumber(edge(bin))
      : `${formatNumber(edge(bin))} to ${isWhole ? formatNumber(edge(bin + 1) - 1) : `< ${formatNumber(edge(bin + 1))}`}`;
  return drawChart({
    ...chart,
    x,
    y,
    xLabel: label,
    yLabel: 'samples',
    marks: bars,
    table: table(
      [{ name: label }, numberColumn('samples')],
      counts.map((count, bin) => [name(bin), formatNumber(count)]),
    ),
  });
}

function chooseBinWidth(low: number, high: number): number {
  const least = (high - low) / mostBins;
  if (least === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const width = [1, 2, 5, 10].map((step) => step * power).find((step) => step >= least)!;
  return Number.isInteger(low) && Number.isInteger(high) ? Math.max(1, width) : width;
}

function legendOf(names: readonly string[]): LegendEntry[] {
  return names.length < 2 ? [] : names.map((name, i) => ({ name, series: i + 1 }));
}
