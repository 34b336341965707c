// How do two quantities go together? A point each, with limits, and the front of the best where that is asked for.

import { html, type Markup } from '../markup.js';
import { formatNumber } from '../number-text.js';
import { numberColumn, table } from '../table.js';
import {
  type ChartText,
  drawChart,
  horizontalLine,
  plotArea,
  round,
  verticalLine,
} from './chart.js';
import type { Limit } from './distribution.js';
import { placeLabels } from './labels.js';
import { chooseScale, linearScale } from './scale.js';

export interface ScatterPoint {
  readonly x: number;
  readonly y: number;
  /** Written beside it where there is room. */
  readonly name?: string;
  /** Drawn as whiskers. */
  readonly xRange?: Range | null;
  readonly yRange?: Range | null;
}

interface Range {
  readonly lower: number;
  readonly upper: number;
}

export interface ScatterSeries {
  readonly name: string;
  readonly points: readonly ScatterPoint[];
  /** Joined in the order given, such as a Pareto front. */
  readonly isJoined?: boolean;
}

export interface ScatterChart extends ChartText {
  readonly xLabel: string;
  /** Linear from 0, as time is; chosen by the values where it is left out. */
  readonly isTime?: boolean;
  readonly yLabel: string;
  readonly series: readonly ScatterSeries[];
  readonly xLimits?: readonly Limit[];
  readonly yLimit?: Limit | null;
}

/** From so many points on, the cloud is what is seen. */
const cloudFrom = 60;

export function scatterChart(chart: ScatterChart): Markup {
  const { series, xLabel, yLabel, isTime = false, xLimits = [], yLimit = null } = chart;
  const points = series.flatMap((one) => one.points);
  const isCloud = points.length >= cloudFrom;
  const across = [plotArea.left, plotArea.right] as const;
  const upwards = [plotArea.bottom, plotArea.top] as const;
  const xs = [
    ...points.flatMap((point) => [point.x, ...endsOf(point.xRange)]),
    ...xLimits.map(({ value }) => value),
  ];
  const x = isTime ? linearScale([0, Math.max(...xs)], across, 8) : chooseScale(xs, across);
  const y = chooseScale(
    [
      ...points.flatMap((point) => [point.y, ...endsOf(point.yRange)]),
      ...(yLimit === null ? [] : [yLimit.value]),
    ],
    upwards,
  );
  const marks = series.map(({ points: own, isJoined = false }, i) => {
    const places = own.map((point) => [round(x.at(point.x)), round(y.at(point.y))] as const);
    const path = places.map(([px, py], j) => `${j === 0 ? 'M' : 'L'}${px} ${py}`).join('');
    const dots = places.map(
      ([px, py]) =>
        html`<circle class="dot s${i + 1}${isCloud ? ' cloud' : ''}" cx="${px}" cy="${py}" r="${isCloud ? 2 : 3.6}"/>`,
    );
    const whiskers = own.map((point) => {
      const [px, py] = [round(x.at(point.x)), round(y.at(point.y))];
      const [left, right] = endsOf(point.xRange).map((end) => round(x.at(end)));
      const [low, high] = endsOf(point.yRange).map((end) => round(y.at(end)));
      return html`${left === undefined ? null : html`<path class="line whisker s${i + 1}" d="M${left} ${py}H${right!}"/>`}${
        low === undefined
          ? null
          : html`<path class="line whisker s${i + 1}" d="M${px} ${low}V${high!}"/>`
      }`;
    });
    return html`${isJoined ? html`<path class="line s${i + 1}" d="${path}"/>` : null}${whiskers}${dots}\n`;
  });
  const labels = points.flatMap(({ name: text, ...point }) =>
    text === undefined ? [] : [{ x: round(x.at(point.x)), y: round(y.at(point.y)), text }],
  );
  const names = placeLabels(labels).map(
    ({ textX, textY, anchor, text }) =>
      html`<text class="strong halo" x="${round(textX)}" y="${round(textY)}" text-anchor="${anchor}">${text}</text>\n`,
  );
  // A series keeps its colour where another has no points.
  const keys = series.flatMap(({ name, points: own }, i) =>
    own.length === 0 ? [] : [{ name, series: i + 1 }],
  );
  return drawChart({
    ...chart,
    x,
    y,
    legend: keys.length < 2 ? [] : keys,
    marks: html`${marks}${names}${xLimits.map(({ value, name }, i) => verticalLine(x, value, name, i))}${
      yLimit === null ? null : horizontalLine(y, yLimit.value, yLimit.name)
    }`,
    table: table(
      [{ name: 'series' }, numberColumn(xLabel), numberColumn(yLabel)],
      series.flatMap(({ name, points: own }) =>
        own.map((point) => [point.name ?? name, formatNumber(point.x), formatNumber(point.y)]),
      ),
    ),
  });
}

function endsOf(range: Range | null | undefined): number[] {
  return range == null ? [] : [range.lower, range.upper];
}
