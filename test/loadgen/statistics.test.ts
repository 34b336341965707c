// Percentile positions and truncated means against LoadGen's.

import { expect, test } from 'vitest';
import { exactSum, percentileIndex, truncatedMean } from '../../loadgen/statistics.js';
import { countCases, readGolden } from './golden.js';

interface Row {
  n: number;
  target_percentile: number;
  target_index: number;
  mean_trunc: number;
  fixed: Record<string, number>;
}

test('percentile positions and means', () => {
  const rows = readGolden<Row[]>('percentiles.json');
  for (const row of rows) {
    expect(percentileIndex(row.n, row.target_percentile)).toBe(row.target_index);
    for (const [percentile, index] of Object.entries(row.fixed)) {
      expect(percentileIndex(row.n, Number(percentile)), `n=${row.n} p=${percentile}`).toBe(index);
    }
    const values = Float64Array.from({ length: row.n }, (_, i) => i);
    expect(truncatedMean(values)).toBe(row.mean_trunc);
  }
  countCases('percentile rows', rows.length);
});

test('sums beyond 2^53 are exact', () => {
  const large = new Float64Array(5000).fill(9_007_199_254_740_991 / 4096 - 0.25 + 0.25);
  const whole = large.map((v) => Math.trunc(v) + 1);
  expect(exactSum(whole)).toBe(BigInt(whole[0]!) * 5000n);
});
