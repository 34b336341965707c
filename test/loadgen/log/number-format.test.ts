// Printed numbers against C++ streams and printf.

import { expect, test } from 'vitest';
import { formatFixed, formatGeneral } from '../../../loadgen/log/number-format.js';
import { countCases, fromBits, readGolden } from '../golden.js';

interface Row {
  bits: string;
  ostream: string;
  fixed2: string;
  fixed1: string;
  to_string: string;
}

test('doubles as C++ prints them', () => {
  const rows = readGolden<Row[]>('format.json');
  for (const row of rows) {
    const value = fromBits(row.bits);
    const nan = row.bits.startsWith('f') ? '-nan' : 'nan';
    expect(formatGeneral(value, nan), row.bits).toBe(row.ostream);
    expect(formatFixed(value, 2, nan), row.bits).toBe(row.fixed2);
    expect(formatFixed(value, 1, nan), row.bits).toBe(row.fixed1);
    expect(formatFixed(value, 6, nan), row.bits).toBe(row.to_string);
  }
  countCases('printed doubles', rows.length);
});
