// Values of configuration files as C reads them. The expected numbers are what glibc's strtoull and strtod return.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { confDouble, confUint64, isConfNumber } from '../../loadgen/conf-number.js';

const largest = 2n ** 64n - 1n;

test.each<[string, bigint, number]>([
  ['0', 0n, 0],
  ['+12', 12n, 12],
  ['0x1F', 31n, 31],
  ['-0x10', largest - 15n, -16],
  ['017', 15n, 17],
  ['09', 0n, 9],
  ['12.9', 12n, 12.9],
  ['.5', 0n, 0.5],
  ['5.', 5n, 5],
  ['1e3', 1n, 1000],
  ['-1', largest, -1],
  ['18446744073709551616', largest, 18446744073709552000],
  ['-99999999999999999999', largest, -1e20],
  ['0x1.8p3', 1n, 12],
  ['-0x.8', 0n, -0.5],
  ['1e999', 1n, Number.POSITIVE_INFINITY],
  ['-inf', 0n, Number.NEGATIVE_INFINITY],
  ['Infinity', 0n, Number.POSITIVE_INFINITY],
  ['nan(7)', 0n, Number.NaN],
])('%s', (token, integer, real) => {
  expect(isConfNumber(token)).toBe(true);
  expect(confUint64(token)).toBe(integer);
  expect(confDouble(token)).toBe(real);
});

test.each([
  '',
  '=',
  '#',
  'five',
  '0x',
  '0b1',
  '1e',
  '1_000',
  '1,5',
  '--1',
  '5#',
  '0x1p',
  'infinit',
  '١',
])('%j is no number', (token) => expect(isConfNumber(token)).toBe(false));

test('every 64-bit number and every double comes back as it was written', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: largest }), (value) => {
      expect(confUint64(value.toString())).toBe(value);
      expect(confUint64(`0x${value.toString(16)}`)).toBe(value);
      expect(confUint64(`-${value}`)).toBe(BigInt.asUintN(64, -value));
    }),
  );
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = Object.is(value, -0) ? '-0' : String(value);
      expect(isConfNumber(text)).toBe(true);
      expect(confDouble(text)).toBe(value);
    }),
  );
});
