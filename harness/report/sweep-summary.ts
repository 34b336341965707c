// What a person reads after `bench sweep`: a line a point, which of them no other is better than, and the highest rate
// inside the limits.

import { describeRemark } from '../experiment/experiment-remarks.js';
import type { Goodput, Sweep } from '../sweep/sweep.js';
import { describeSettings, type Percentiles, type SweepPoint } from '../sweep/sweep-point.js';
import { alignColumns } from './columns.js';
import { formatFigure } from './comparison-summary.js';

/** The whole text, last newline included. */
export function formatSweep(sweep: Sweep, folder: string): string {
  const { points, goodput, interrupted, axes, remarks } = sweep;
  const rows = sortByLoad(points);
  const names = Object.keys(points[0]?.settings ?? {});
  const hasScores = points.some(({ scores }) => scores !== null);
  const table = alignColumns([
    [
      ...names,
      ...['tokens/s', 'samples/s', 'ttft p50', 'p99', 'tpot p50', 'p99', 'latency p50', 'p99'],
      ...(hasScores ? ['score'] : []),
      ...(goodput === null ? [] : ['in limits']),
      '',
    ],
    ...rows.map((point) => [
      ...names.map((name) => point.settings[name]!),
      formatFigure(point.tokensPerSecond),
      formatFigure(point.samplesPerSecond),
      ...[point.ttftMs, point.tpotMs, point.latencyMs].flatMap(formatTimes),
      ...(hasScores ? [formatScore(point)] : []),
      ...(goodput === null ? [] : [formatAttainment(point)]),
      judgePoint(point, goodput !== null),
    ]),
  ]);
  const invalid = rows.flatMap(({ settings, invalidReasons }) =>
    invalidReasons.length === 0
      ? []
      : [`INVALID at ${describeSettings(settings)}: ${invalidReasons.join('; ')}`],
  );
  const blocks = [
    ...(goodput === null ? [] : [formatGoodput(goodput)]),
    ...(interrupted ? ['NOT ALL RUNS WERE MADE: the same call with this --output goes on'] : []),
    table,
    `times in ms; Pareto: no other VALID point is better in ${axes.throughput} and ${axes.latency}`,
    ...(invalid.length === 0 ? [] : [invalid.join('\n')]),
    ...(remarks.length === 0
      ? []
      : [`Remarks\n${remarks.map((one) => `  ${describeRemark(one)}`).join('\n')}`]),
    `Files  ${folder}`,
  ];
  return `${blocks.join('\n\n')}\n`;
}

function formatGoodput(goodput: Goodput): string {
  return `${describeGoodput(goodput)}\n(${describeLimits(goodput)})`;
}

function describeGoodput(goodput: Goodput): string {
  const { load, rate, validRate, highestMet } = goodput;
  if (highestMet === null) return describeReach(goodput);
  const figure = load === 'rate' ? rate : formatFigure(rate);
  const sure =
    validRate === rate ? '' : `; the highest that LoadGen calls VALID: ${formatFigure(validRate)}`;
  return `Goodput ${figure} queries/s${describeReach(goodput)}${sure}`;
}

/** Behind the goodput's figure: " with 32 in flight; 64 in flight fails". */
export function describeReach({ load, highestMet, lowestFailed }: Goodput): string {
  if (highestMet === null) return `no ${load} that was tried keeps the limits`;
  const unit = load === 'rate' ? '' : ' in flight';
  const at = load === 'rate' ? '' : ` with ${highestMet}${unit}`;
  return lowestFailed === null
    ? `${at} or more: no ${load} that was tried fails`
    : `${at}; ${lowestFailed}${unit} fails`;
}

export function describeLimits({ slo }: Goodput): string {
  return Object.entries(slo.limitsMs)
    .map(([name, ms]) => `${name} p${slo.percentile} up to ${ms} ms`)
    .join(', ');
}

export function judgePoint({ runs, valid, isPareto, slo }: SweepPoint, hasLimits: boolean): string {
  if (runs === 0) return 'not run yet';
  return [
    ...(hasLimits ? [slo?.every(({ met }) => met) ? 'keeps the limits' : 'beyond the limits'] : []),
    ...(valid ? [] : ['INVALID']),
    ...(isPareto ? ['Pareto'] : []),
  ].join(', ');
}

function formatTimes({ p50, p99 }: Percentiles): string[] {
  return [formatFigure(p50), formatFigure(p99)];
}

function formatScore({ scores }: SweepPoint): string {
  const [main] = Object.entries(scores ?? {});
  return main === undefined ? '-' : `${main[0]} ${main[1]}`;
}

function formatAttainment({ slo }: SweepPoint): string {
  if (slo === null || slo.length === 0) return '-';
  return `${(100 * Math.min(...slo.map(({ attainment }) => attainment))).toFixed(1)} %`;
}

/** Points of a grid stay as they are. */
export function sortByLoad(points: readonly SweepPoint[]): SweepPoint[] {
  const loadOf = ({ settings }: SweepPoint) => Number(settings.rate ?? settings.concurrency ?? 0);
  return [...points].sort((a, b) => loadOf(a) - loadOf(b));
}
