// How long must blocks of a series be, for what hangs together to be drawn together?

import { checkFinite } from './argument-checks.js';
import { meanOf } from './interval.js';

export interface BlockLength {
  /** Mean length of the stationary bootstrap's blocks, in elements of the series; at least 1. */
  readonly stationary: number;
  /** Length of the circular (moving) bootstrap's blocks. */
  readonly circular: number;
}

/**
 * The lengths that make the bootstrap's variance of the mean most accurate, from the series' own autocovariances under a
 * flat-top window: Politis and White 2004 ("Automatic Block-Length Selection for the Dependent Bootstrap"), with the
 * constant for the stationary bootstrap as corrected by Patton, Politis and White 2009, and the choice of the window's
 * width as in those authors' own program. Both are limited to min(3 sqrt(n), n / 3), rounded up.
 * @param series consecutive values, at equal steps
 * @returns 1 and 1 for a constant series; null for fewer than 9 values, which have no autocovariances to go by
 */
export function automaticBlockLength(series: ArrayLike<number>): BlockLength | null {
  checkFinite('series', series);
  const n = series.length;
  if (n < 9) return null;
  const mean = meanOf(series);
  const centred = Float64Array.from(series, (value) => value - mean);
  const run = Math.max(5, Math.floor(Math.log10(n)));
  const widest = Math.min(Math.ceil(Math.sqrt(n)) + run, n - 1);
  const covariances = Float64Array.from({ length: widest + 1 }, (_, lag) => {
    let sum = 0;
    for (let i = lag; i < n; i++) sum += centred[i]! * centred[i - lag]!;
    return sum / n;
  });
  // Equal values leave what rounding makes of their mean.
  if (covariances[0]! <= (1e-12 * mean) ** 2) return { stationary: 1, circular: 1 };
  const width = windowWidth(covariances, run, 2 * Math.sqrt(Math.log10(n) / n));
  let slope = 0;
  let spectrum = covariances[0]!;
  for (let lag = 1; lag <= width; lag++) {
    const weight = Math.min(1, 2 * (1 - lag / width));
    slope += 2 * weight * lag * covariances[lag]!;
    spectrum += 2 * weight * covariances[lag]!;
  }
  const limit = Math.ceil(Math.min(3 * Math.sqrt(n), n / 3));
  const length = (factor: number): number => {
    const best = Math.cbrt(((2 * slope ** 2) / (factor * spectrum ** 2)) * n);
    return Math.max(1, Math.min(best, limit));
  };
  return { stationary: length(2), circular: length(4 / 3) };
}

/** Twice the first lag from which `run` autocorrelations in a row are within noise. */
function windowWidth(covariances: Float64Array, run: number, noise: number): number {
  const widest = covariances.length - 1;
  for (let lag = 1; lag + run <= widest; lag++) {
    const following = covariances.subarray(lag, lag + run);
    if (following.every((value) => Math.abs(value / covariances[0]!) < noise)) {
      return Math.min(2 * lag, widest);
    }
  }
  return widest;
}
