// What a person reads after `bench sweep`: a line a point, which of them no other is better than, and between which loads
// the highest inside the limits lies.

import { describeRemark } from '../experiment/experiment-remarks.js';
import type { ParetoClass } from '../sweep/pareto.js';
import type { SloState } from '../sweep/slo-verdict.js';
import type { Goodput, Sweep } from '../sweep/sweep.js';
import { describeSettings, type Percentiles, type SweepPoint } from '../sweep/sweep-point.js';
import { alignColumns } from './columns.js';
import { formatFigure, formatPercent } from './figure-text.js';

/** The whole text, last newline included. */
export function formatSweep(sweep: Sweep, folder: string): string {
  const { points, goodput, interrupted, remarks } = sweep;
  const rows = sortByLoad(points);
  const names = Object.keys(points[0]?.settings ?? {});
  const hasScores = points.some(({ scores }) => scores !== null);
  const table = alignColumns([
    [
      ...names,
      ...['tokens/s', 'interval', 'samples/s'],
      ...['ttft p50', 'p99', 'tpot p50', 'p99', 'latency p50', 'p99'],
      ...(hasScores ? ['score'] : []),
      ...(goodput === null ? [] : ['attainment', 'limits']),
      'Pareto set',
    ],
    ...rows.map((point) => [
      ...names.map((name) => point.settings[name]!),
      formatFigure(point.tokensPerSecond),
      formatInterval(point),
      formatFigure(point.samplesPerSecond),
      ...[point.ttftMs, point.tpotMs, point.latencyMs].flatMap(formatTimes),
      ...(hasScores ? [formatScore(point)] : []),
      ...(goodput === null ? [] : [formatAttainment(point), nameState(point)]),
      describePlace(point),
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
    ['times in ms', describeRepeats(sweep), describePareto(sweep)].join('\n'),
    ...(goodput === null ? [] : formatDoubts(rows)),
    ...(invalid.length === 0 ? [] : [invalid.join('\n')]),
    ...(remarks.length === 0
      ? []
      : [`Remarks\n${remarks.map((one) => `  ${describeRemark(one)}`).join('\n')}`]),
    `Files  ${folder}`,
  ];
  return `${blocks.join('\n\n')}\n`;
}

function formatGoodput(goodput: Goodput): string {
  const { rate, measuredRate, validRate, load } = goodput;
  const figure = load === 'rate' ? rate : formatFigure(rate);
  const shown = `${rate === null ? '' : `${figure} queries/s`}${describeReach(goodput)}`;
  const measured = `measured: ${describeMeasured(goodput)}`;
  const valid =
    validRate === measuredRate
      ? ''
      : `; the highest that LoadGen calls VALID: ${formatFigure(validRate)} queries/s`;
  return `Goodput ${shown}\n(${describeLimits(goodput)}; ${measured}${valid})`;
}

/** Behind the goodput's figure: " with 32 in flight, shown inside the limits; 64 in flight shown outside". */
export function describeReach({ load, highestInside, lowestOutside }: Goodput): string {
  const unit = load === 'rate' ? ' queries/s' : ' in flight';
  if (highestInside === null) {
    return lowestOutside === null
      ? `cannot be told: no ${load} that was tried is shown inside the limits, and none outside`
      : `below ${lowestOutside}${unit}, shown outside the limits; no ${load} that was tried is shown inside`;
  }
  const at = load === 'rate' ? '' : ` with ${highestInside}${unit}`;
  return lowestOutside === null
    ? `${at} or more, shown inside the limits; no ${load} that was tried is shown outside`
    : `${at}, shown inside the limits; ${lowestOutside}${unit} shown outside`;
}

/** What the search goes by: "37.2 inside, 38.9 outside". */
export function describeMeasured({ load, highestMet, lowestFailed }: Goodput): string {
  const unit = load === 'rate' ? '' : ' in flight';
  const inside = highestMet === null ? 'none inside' : `${highestMet}${unit} inside`;
  return `${inside}, ${lowestFailed === null ? 'none outside' : `${lowestFailed}${unit} outside`}`;
}

export function describeLimits({ slo, confidence }: Goodput): string {
  const limits = Object.entries(slo.limitsMs).map(
    ([name, ms]) => `${name} p${slo.percentile} up to ${ms} ms`,
  );
  return `${limits.join(', ')}, at ${formatFigure(100 * confidence)} % confidence a load`;
}

const stateTexts: Readonly<Record<SloState, string>> = {
  inside: 'shown inside',
  outside: 'shown outside',
  'cannot tell': 'cannot tell',
};

/** In two words. */
export function nameState({ runs, sloVerdict }: SweepPoint): string {
  return runs === 0 || sloVerdict === null ? '-' : stateTexts[sloVerdict.state];
}

/** "cannot tell by 700 samples (measured inside; it takes about 1300 a run)" */
export function describeState(point: SweepPoint): string {
  const { runs, slo, sloVerdict } = point;
  if (runs === 0 || sloVerdict?.state !== 'cannot tell') return nameState(point);
  const { samples, samplesToTell, runsDiffer } = sloVerdict;
  if (samples === 0) return 'cannot tell by no sample';
  const measured = slo?.every(({ met }) => met) ? 'measured inside' : 'measured outside';
  const more = [
    ...(samplesToTell === null ? [] : [`about ${roundUp(samplesToTell)} a run`]),
    ...(runsDiffer ? ['more repeats, since these differ'] : []),
  ];
  const advice = more.length === 0 ? 'on the limit' : `it takes ${more.join(' and ')}`;
  return `cannot tell by ${samples} samples (${measured}; ${advice})`;
}

/** To two digits: it is no more exact than the share that it goes by. */
function roundUp(count: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(count)) - 1);
  return Math.ceil(count / unit) * unit;
}

const classTexts: Readonly<Record<ParetoClass, string>> = {
  frontier: 'on the frontier',
  'cannot tell': 'cannot be told from it',
  dominated: 'dominated',
};

export function describePlace({ runs, valid, pareto }: SweepPoint): string {
  if (runs === 0) return 'not run yet';
  if (!valid) return 'INVALID';
  return pareto === null ? '-' : classTexts[pareto.class];
}

/** How many runs a point has, and what intervals are of, or why there are none. */
export function describeRepeats({ repeats, points }: Sweep): string {
  const absent = points.find(({ runs, intervals }) => runs > 0 && intervals.absentBecause !== null);
  const why = absent?.intervals.absentBecause ?? null;
  if (repeats === 1) {
    return "1 repeat a point: rates have no interval, intervals of times are over the run's samples, and what differs from run to run is left out (--repeats 3)";
  }
  const interval = why === null ? '' : `; ${describeSettings(absent!.settings)} has none (${why})`;
  return `${repeats} repeats a point: intervals at 95 %, each of its own, over the repeats${interval}`;
}

export function describePareto({ axes, repeats, paretoAlpha }: Sweep): string {
  const frontier = `frontier: no other VALID point measured as better in ${axes.throughput} and ${axes.latency}`;
  return repeats === 1
    ? `${frontier}; one repeat has no scatter, so no point is shown to be dominated`
    : `${frontier}; dominated: another is shown to be better in both (at most ${100 * paretoAlpha} % of points that none beats)`;
}

/** Which loads are open, and what would tell. */
function formatDoubts(rows: readonly SweepPoint[]): string[] {
  const open = rows.filter(
    ({ runs, sloVerdict }) => runs > 0 && sloVerdict?.state === 'cannot tell',
  );
  if (open.length === 0) return [];
  const lines = open.map(
    (point) => `  ${describeSettings(point.settings)}: ${describeState(point)}`,
  );
  return [`Open (a longer --min-duration has more samples)\n${lines.join('\n')}`];
}

function formatInterval({ intervals }: SweepPoint): string {
  const interval = intervals.tokensPerSecond ?? intervals.samplesPerSecond;
  if (interval === null) return 'none';
  return `${formatFigure(interval.lower)} to ${formatFigure(interval.upper)}`;
}

function formatTimes({ p50, p99 }: Percentiles): string[] {
  return [formatFigure(p50), formatFigure(p99)];
}

function formatScore({ scores }: SweepPoint): string {
  const [main] = Object.entries(scores ?? {});
  return main === undefined ? '-' : `${main[0]} ${formatFigure(main[1])}`;
}

function formatAttainment({ slo }: SweepPoint): string {
  if (slo === null || slo.length === 0) return '-';
  return formatPercent(Math.min(...slo.map(({ attainment }) => attainment)));
}

/** Points of a grid stay as they are. */
export function sortByLoad(points: readonly SweepPoint[]): SweepPoint[] {
  const loadOf = ({ settings }: SweepPoint) => Number(settings.rate ?? settings.concurrency ?? 0);
  return [...points].sort((a, b) => loadOf(a) - loadOf(b));
}
