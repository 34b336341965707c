// A sweep drawn: throughput against latency with the Pareto set, and, where a load grows from point to point, each limited
// time over it with its limit, the highest load shown inside and the lowest shown outside.

import { isTooWide } from '../../../compare/change.js';
import type { Interval } from '../../../statistics/index.js';
import type { ParetoClass } from '../../../sweep/pareto.js';
import type { LimitedTime } from '../../../sweep/slo.js';
import type { Goodput, Sweep } from '../../../sweep/sweep.js';
import type { SweepPoint } from '../../../sweep/sweep-point.js';
import { type ScatterPoint, scatterChart } from '../charts/scatter.js';
import type { Markup } from '../markup.js';
import { formatNumber, formatQuantity } from '../number-text.js';
import { absent, chartGrid } from '../page.js';
import { nameOf, type ShownPoint } from './points.js';

/** A figure of a point, and where the point has it. */
interface PointFigure {
  readonly field: string;
  readonly of: (point: SweepPoint) => number | null;
  readonly intervalOf: (point: SweepPoint) => Interval | null;
}

export function throughputOf({ axes }: Sweep): PointFigure {
  const field = axes.throughput === 'tokens/s' ? 'tokensPerSecond' : 'samplesPerSecond';
  return {
    field,
    of: (point) => point[field],
    intervalOf: ({ intervals }) => intervals[field],
  };
}

export function latencyOf({ axes }: Sweep): PointFigure {
  const field = axes.latency === 'tpot p99' ? 'tpotMs' : 'latencyMs';
  return {
    field: `${field}.p99`,
    of: (point) => point[field].p99,
    intervalOf: ({ intervals }) => intervals[field].p99,
  };
}

export function drawSweep(sweep: Sweep, shown: readonly ShownPoint[]): Markup {
  const drawn = shown.filter(({ point }) => isDrawn(sweep, point));
  if (drawn.length === 0) return absent('No point has both a throughput and a latency.');
  const { goodput } = sweep;
  const limits = goodput === null ? [] : (Object.keys(goodput.slo.limitsMs) as LimitedTime[]);
  return chartGrid([
    drawTradeOff(sweep, drawn),
    ...limits.map((name) => drawLimited(name, goodput!, shown)),
    ...(goodput === null ? [] : [drawAttainment(goodput, shown)]),
  ]);
}

function isDrawn(sweep: Sweep, point: SweepPoint): boolean {
  return throughputOf(sweep).of(point) !== null && latencyOf(sweep).of(point) !== null;
}

function drawTradeOff(sweep: Sweep, drawn: readonly ShownPoint[]): Markup {
  const { axes } = sweep;
  const [throughput, latency] = [throughputOf(sweep), latencyOf(sweep)];
  const whisker = (interval: Interval | null) =>
    interval === null || isTooWide(interval) ? null : interval;
  const placesOf = (isWanted: (point: SweepPoint) => boolean): ScatterPoint[] =>
    drawn
      .filter(({ point }) => isWanted(point))
      .map(({ point }) => ({
        x: latency.of(point)!,
        y: throughput.of(point)!,
        name: nameOf(point),
        xRange: whisker(latency.intervalOf(point)),
        yRange: whisker(throughput.intervalOf(point)),
      }));
  const ofClass = (wanted: ParetoClass) => placesOf(({ pareto }) => pareto?.class === wanted);
  const front = ofClass('frontier').sort((a, b) => a.x - b.x);
  return scatterChart({
    title: `${axes.throughput} against ${axes.latency}`,
    about: `one point a setting: up and to the left is better${sweep.repeats > 1 ? '; whiskers: 95 % over the repeats' : ''}`,
    description: front
      .map(
        ({ name, x, y }) =>
          `${name}: ${formatNumber(y)} ${axes.throughput} at ${formatQuantity(x, 'ms')}`,
      )
      .join('; '),
    xLabel: `${axes.latency}, ms`,
    yLabel: axes.throughput,
    series: [
      { name: 'Pareto set', points: front, isJoined: true },
      { name: 'cannot be told from it', points: ofClass('cannot tell') },
      { name: 'dominated', points: ofClass('dominated') },
      { name: 'INVALID', points: placesOf(({ pareto }) => pareto === null) },
    ],
  });
}

const loadLabels = { rate: 'queries/s asked for', concurrency: 'queries in flight' } as const;

/** What a limited time came to at each load, by the repeat that is furthest out. */
function drawLimited(name: LimitedTime, goodput: Goodput, shown: readonly ShownPoint[]): Markup {
  const { slo, load } = goodput;
  const points = shown.flatMap(({ point }): ScatterPoint[] => {
    const reached = (point.slo ?? []).map(({ reachedMs }) => reachedMs[name] ?? null);
    // A sample that was never answered has no time to draw.
    if (reached.length === 0 || reached.some((time) => time === null)) return [];
    return [{ x: Number(point.settings[load]), y: Math.max(...reached.map(Number)) }];
  });
  const title = `${name} p${slo.percentile} over the ${load}`;
  const about =
    'of the repeat that is furthest out; the limit across, loads shown inside and outside upright';
  const label = `${name} p${slo.percentile}, ms`;
  return drawOverLoad({ title, about, label, goodput, points, limitMs: slo.limitsMs[name]! });
}

function drawAttainment(goodput: Goodput, shown: readonly ShownPoint[]): Markup {
  const { slo, load } = goodput;
  const points = shown.flatMap(({ point }): ScatterPoint[] => {
    const shares = (point.slo ?? []).map(({ attainment }) => attainment);
    if (shares.length === 0) return [];
    return [{ x: Number(point.settings[load]), y: 100 * Math.min(...shares) }];
  });
  const title = `SLO attainment over the ${load}`;
  const about = `samples inside all limits at once, of the repeat with the fewest; each limit is to be kept by ${slo.percentile} %`;
  return drawOverLoad({ title, about, label: '%', goodput, points, limitMs: null });
}

interface LoadCurve {
  readonly title: string;
  readonly about: string;
  readonly label: string;
  readonly goodput: Goodput;
  readonly points: readonly ScatterPoint[];
  readonly limitMs: number | null;
}

function drawOverLoad({ title, about, label, goodput, points, limitMs }: LoadCurve): Markup {
  const { load, highestInside, lowestOutside } = goodput;
  const named = (value: number | null, name: string) =>
    value === null ? [] : [{ value, name: `${name} ${formatNumber(value)}` }];
  if (points.length === 0) return absent(`${title}: no run was answered in full.`);
  return scatterChart({
    title,
    about,
    description: points.map(({ x, y }) => `${formatNumber(y)} at ${formatNumber(x)}`).join(', '),
    xLabel: loadLabels[load],
    yLabel: label,
    series: [{ name: label, points, isJoined: true }],
    yLimit:
      limitMs === null ? null : { value: limitMs, name: `limit ${formatQuantity(limitMs, 'ms')}` },
    xLimits: [...named(highestInside, 'shown inside:'), ...named(lowestOutside, 'shown outside:')],
  });
}
