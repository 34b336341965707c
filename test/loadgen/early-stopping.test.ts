// Certified counts and estimates against LoadGen's tables.

import { expect, test } from 'vitest';
import {
  binomialAtMost,
  earlyEstimate,
  leastUnderLatencyCount,
} from '../../loadgen/early-stopping.js';
import { countCases, readGolden } from './golden.js';

interface Tables {
  tables: {
    p: number;
    d: number;
    c: number;
    rows: { t: number; h: number; odds_h: number; odds_h_minus_1: number | null }[];
  }[];
}

test('least numbers of queries under the limit', () => {
  let rows = 0;
  for (const table of readGolden<Tables>('early_stopping.json').tables) {
    const certainty = { percentile: table.p, tolerance: table.d, confidence: table.c };
    const q = 1 - table.p + table.d;
    for (const row of table.rows) {
      const what = `p=${table.p} d=${table.d} c=${table.c} t=${row.t}`;
      expect(leastUnderLatencyCount(row.t, certainty), what).toBe(row.h);
      const odds = binomialAtMost(row.t, row.h + row.t, q);
      expect(Math.abs(odds / row.odds_h - 1), what).toBeLessThan(1e-8);
      rows++;
    }
  }
  countCases('early-stopping rows', rows);
});

type Estimate =
  | { p: number; n: number; min_needed: number; met: false }
  | { p: number; n: number; min_needed: number; met: true; discarded: number; index: number };

test('estimates', () => {
  const rows = readGolden<Estimate[]>('early_stopping_estimates.json');
  for (const row of rows) {
    const got = earlyEstimate(row.n, { percentile: row.p });
    expect(got.queriesNeeded).toBe(row.min_needed);
    expect(got.met, `p=${row.p} n=${row.n}`).toBe(row.met);
    if (got.met && row.met) {
      expect([got.discarded, got.index]).toEqual([row.discarded, row.index]);
    }
  }
  countCases('early-stopping estimates', rows.length);
});
