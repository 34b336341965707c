// What went on in the course of a test? Lines over time.

import { area, curveLinear, curveStepAfter, curveStepBefore, line } from 'd3-shape';
import { html, type Markup } from '../markup.js';
import { formatNumber } from '../number-text.js';
import { numberColumn, table } from '../table.js';
import { type ChartText, drawChart, horizontalLine, plotArea, round } from './chart.js';
import type { Limit } from './distribution.js';
import { linearScale } from './scale.js';

export interface TimePoint {
  readonly seconds: number;
  readonly value: number;
}

export interface TimeSeries {
  readonly name: string;
  readonly points: readonly TimePoint[];
}

export interface TimeSeriesChart extends ChartText {
  readonly label: string;
  readonly series: readonly TimeSeries[];
  /** before: a value holds for the time up to its point; after: from it on. */
  readonly step: 'before' | 'after' | 'none';
  /** Drawn across, such as the greatest batch. */
  readonly limit?: Limit | null;
  readonly format?: (value: number) => string;
}

export function timeSeriesChart(chart: TimeSeriesChart): Markup {
  const { series, label, step, limit = null, format } = chart;
  const times = series.flatMap(({ points }) => points.map(({ seconds }) => seconds));
  const values = series.flatMap(({ points }) => points.map(({ value }) => value));
  const x = linearScale([0, largest(times)], [plotArea.left, plotArea.right], 8);
  const most = Math.max(largest(values), limit?.value ?? 0);
  const linear = linearScale([0, most], [plotArea.bottom, plotArea.top]);
  const y = format === undefined ? linear : { ...linear, format };
  const curve = { before: curveStepBefore, after: curveStepAfter, none: curveLinear }[step];
  const draw = line<TimePoint>(
    ({ seconds }) => round(x.at(seconds)),
    ({ value }) => round(y.at(value)),
  ).curve(curve);
  const fill = area<TimePoint>(
    ({ seconds }) => round(x.at(seconds)),
    plotArea.bottom,
    ({ value }) => round(y.at(value)),
  ).curve(curve);
  return drawChart({
    ...chart,
    x,
    y,
    xLabel: 'seconds since the start of the pass',
    yLabel: label,
    legend: series.length < 2 ? [] : series.map(({ name }, i) => ({ name, series: i + 1 })),
    marks: html`${series.map(
      ({ points }, i) =>
        html`${series.length === 1 ? html`<path class="area s1" d="${fill(points) ?? ''}"/>` : null}<path class="line s${i + 1}" d="${draw(points) ?? ''}"/>\n`,
    )}${limit === null ? null : horizontalLine(y, limit.value, limit.name)}`,
    table: tabulate(series, format ?? formatNumber),
  });
}

function tabulate(series: readonly TimeSeries[], format: (value: number) => string): Markup {
  const byTime = series.map(
    ({ points }) => new Map(points.map(({ seconds, value }) => [seconds, value])),
  );
  const times = [...new Set(byTime.flatMap((points) => [...points.keys()]))].sort((a, b) => a - b);
  return table(
    [numberColumn('s'), ...series.map(({ name }) => numberColumn(name))],
    times.map((seconds) => [
      seconds.toFixed(3),
      ...byTime.map((points) => {
        const value = points.get(seconds);
        return value === undefined ? '' : format(value);
      }),
    ]),
  );
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
