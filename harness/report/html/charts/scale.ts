// From values to places on a chart, with ticks that fall on round numbers.

import { scaleLinear, scaleLog } from 'd3-scale';
import { formatShort } from '../number-text.js';

export interface Scale {
  /** Where a value lies; below what a logarithm knows: at the beginning. */
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
  readonly kind: 'linear' | 'log';
}

/** From `low` to `high`, widened to round numbers, drawn from `from` to `to`. */
export function linearScale(
  [low, high]: readonly [number, number],
  [from, to]: readonly [number, number],
  tickCount = 5,
): Scale {
  const top = high > low ? high : low + (Math.abs(low) || 1);
  const scale = scaleLinear([low, top], [from, to]).nice(tickCount);
  return {
    at: (value) => scale(value),
    ticks: scale.ticks(tickCount),
    format: formatShort,
    kind: 'linear',
  };
}

/** Needs 0 < low. Ticks at powers of ten, or at 1, 2 and 5 of each where there are few of them. */
export function logScale(
  [low, high]: readonly [number, number],
  [from, to]: readonly [number, number],
): Scale {
  if (!(low > 0)) throw new RangeError(`a logarithmic axis begins at ${low}; allowed: above 0`);
  const scale = scaleLog([low, Math.max(high, low * 1.1)], [from, to]);
  const decades = Math.log10(high / low);
  const steps = decades > 2.5 ? [1] : decades > 0.5 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9];
  const isTick = (value: number) => {
    const leading = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
    return steps.some((step) => Math.abs(leading - step) < 1e-6);
  };
  const every = Math.ceil(decades / 8);
  const ticks = scale
    .ticks()
    .filter(isTick)
    .filter((tick) => steps.length > 1 || Math.round(Math.log10(tick)) % every === 0);
  return {
    at: (value) => scale(Math.max(value, low)),
    ticks,
    format: formatShort,
    kind: 'log',
  };
}

/** Logarithmic where the values span more than `span` times, linear from 0 else. */
export function chooseScale(
  values: Iterable<number>,
  range: readonly [number, number],
  span = 100,
): Scale {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const value of values) {
    if (value > 0 && value < least) least = value;
    if (value > most) most = value;
  }
  if (most / least > span) return logScale([least / 1.15, most * 1.15], range);
  return linearScale([0, most], range);
}
