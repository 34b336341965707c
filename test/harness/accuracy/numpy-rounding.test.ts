// Rounding as numpy 2.4 and Python 3.11 print it; the expected values were printed by them.
import { expect, test } from 'vitest';
import { mean, roundToDecimals, roundToTenth } from '../../../harness/accuracy/numpy-rounding.js';

test.each([
  [0.00005, 0],
  [0.00015, 0.0001],
  [0.00025, 0.0002],
  [12.34565, 12.3456],
  [12.34575, 12.3458],
  [44.43125, 44.4312],
  [44.43115, 44.4312],
  [100, 100],
])('numpy.round(%d, 4) = %d', (value, expected) =>
  expect(roundToDecimals(value, 4)).toBe(expected),
);

test.each([
  [0.25, 0.2],
  [0.75, 0.8],
  [1.25, 1.2],
  [2.75, 2.8],
  [0.05, 0.1],
  [0.15, 0.1],
  [0.35, 0.3],
  [294.45, 294.4],
  [41, 41],
])('round(%d, 1) = %d', (value, expected) => expect(roundToTenth(value)).toBe(expected));

test.each([
  [5, 0.4967294350842419],
  [8, 0.4692765113974232],
  [100, 0.5040535183349851],
  [128, 0.503972063924678],
  [129, 0.5046442482771337],
  [300, 0.5005252725470762],
  [1000, 0.5001764122893955],
  [1023, 0.4987303903189961],
  [24576, 0.4995250670398703],
])('numpy.mean of %d values, to the last bit', (count, expected) => {
  const values = Float64Array.from({ length: count }, (_, at) => ((at * 7919) % 1009) / 1009);
  expect(mean(values)).toBe(expected);
});
