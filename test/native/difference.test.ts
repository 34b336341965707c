// Does the measure of every comparison of logits let nothing through?
import { expect, test } from 'vitest';
import { largestDifference } from './difference.js';

test('the largest, wherever it is', () => {
  expect(largestDifference([1, -5, 2], [1, 5, 2.5])).toBe(10);
  expect(largestDifference(Float32Array.of(0, 1), [0, 1])).toBe(0);
  expect(largestDifference([], [])).toBe(0);
});

test.each([
  ['first', [Number.NaN, 5, 1e-6]],
  ['between', [5, Number.NaN, 1e-6]],
  ['last', [1e-6, 5, Number.NaN]],
  ['infinite in both', [0, Number.POSITIVE_INFINITY, 0]],
])('a value that is none, %s, passes no bound', (_, values) => {
  const zeros = values.map((value) => (value === Number.POSITIVE_INFINITY ? value : 0));
  for (const largest of [largestDifference(values, zeros), largestDifference(zeros, values)]) {
    expect(largest <= Number.MAX_VALUE).toBe(false);
  }
});

test('neither does another length', () => {
  expect(largestDifference([1, 2], [1]) <= Number.MAX_VALUE).toBe(false);
});
