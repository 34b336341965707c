// How much energy went by in a span, and how wrong can that be? By a counter where there is one, else by the area under
// samples of power. Pure arithmetic over a trace's columns.

import type { Series, Span } from './telemetry-trace.js';

export interface Energy {
  readonly joules: number;
  /** The most that `joules` can be off by, as far as sampling decides it. */
  readonly boundJoules: number;
  readonly from: 'energy counter' | 'power samples';
}

/** What a counter's readings are behind by at most. */
export interface CounterTerms {
  /** How often the counter itself is renewed; null: no oftener than its steps show. */
  readonly renewedNs: number | null;
  /** How long a reading can have taken. */
  readonly readingNs: number;
}

/**
 * Energy between two instants by a counter of joules, its readings interpolated at both. Off by at most: at either end,
 * what the counter counted between the readings around it on the longer side; once, what it counts between two renewals,
 * since readings are stale by up to that; twice, what went by while it was read; both at the highest power that two
 * readings tell.
 * null where no readings lie on both sides.
 */
export function energyByCounter(series: Series, span: Span, terms: CounterTerms): Energy | null {
  const known = withoutGaps(series);
  const start = interpolate(known, span.fromNs);
  const end = interpolate(known, span.toNs);
  if (start === null || end === null) return null;
  const joules = end.value - start.value;
  const watts = powerOfCounter(known).values.reduce((most, value) => Math.max(most, value), 0);
  const stale =
    terms.renewedNs === null ? medianStep(known.values) : (watts * terms.renewedNs) / 1e9;
  const reading = (2 * watts * terms.readingNs) / 1e9;
  const boundJoules = start.bound + end.bound + stale + reading;
  return { joules, boundJoules, from: 'energy counter' };
}

/**
 * Energy between two instants by the trapezoids under samples of power in watts. Off by at most half of each interval's
 * change, provided that power goes one way between two samples. null where samples do not cover the span without a gap.
 */
export function energyByPower({ timesNs, values }: Series, { fromNs, toNs }: Span): Energy | null {
  const last = timesNs.length - 1;
  if (last < 1 || timesNs[0]! > fromNs || timesNs[last]! < toNs) return null;
  let joules = 0;
  let boundJoules = 0;
  for (let row = 0; row < last; row++) {
    const [from, to] = [timesNs[row]!, timesNs[row + 1]!];
    const [a, b] = [values[row]!, values[row + 1]!];
    const start = Math.max(from, fromNs);
    const end = Math.min(to, toNs);
    if (end <= start) continue;
    if (Number.isNaN(a) || Number.isNaN(b)) return null;
    const at = (time: number) => a + ((b - a) * (time - from)) / (to - from);
    const seconds = (end - start) / 1e9;
    joules += (seconds * (at(start) + at(end))) / 2;
    // A piece of an interval may hold all of its change.
    boundJoules += seconds * Math.abs(b - a) * (end - start === to - from ? 0.5 : 1);
  }
  return { joules, boundJoules, from: 'power samples' };
}

/** Watts between successive readings of a counter. */
export function powerOfCounter(series: Series): Series {
  const { timesNs, values } = withoutGaps(series);
  const count = Math.max(0, timesNs.length - 1);
  const watts = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    watts[row] = ((values[row + 1]! - values[row]!) * 1e9) / (timesNs[row + 1]! - timesNs[row]!);
  }
  return { timesNs: timesNs.subarray(0, count), values: watts };
}

function withoutGaps({ timesNs, values }: Series): Series {
  const isKnown = (_: number, row: number) => !Number.isNaN(values[row]!);
  return {
    timesNs: timesNs.filter(isKnown),
    values: values.filter((value) => !Number.isNaN(value)),
  };
}

/** The value at an instant, and how far the true one may be from it. */
function interpolate(
  { timesNs, values }: Series,
  atNs: number,
): { readonly value: number; readonly bound: number } | null {
  const before = timesNs.findLastIndex((time) => time <= atNs);
  if (before < 0) return null;
  if (timesNs[before] === atNs) return { value: values[before]!, bound: 0 };
  if (before + 1 >= timesNs.length) return null;
  const share = (atNs - timesNs[before]!) / (timesNs[before + 1]! - timesNs[before]!);
  const step = values[before + 1]! - values[before]!;
  return { value: values[before]! + share * step, bound: Math.max(share, 1 - share) * step };
}

/** Median of the steps of a counter, those of nothing left out. */
function medianStep(values: Float64Array): number {
  const steps = values.slice(1).map((value, row) => value - values[row]!);
  const sorted = steps.filter((step) => step > 0).sort();
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
