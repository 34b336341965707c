import { describe, expect, it } from 'vitest';
import {
  binomialCdf,
  binomialQuantile,
  binomialUpperTail,
  incompleteBeta,
  logBinomialCdf,
  logIncompleteBeta,
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
} from '../../../harness/statistics/index.js';
import { golden, relativeError } from './golden.js';

const functions: Record<string, (...args: number[]) => number> = {
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
  incompleteBeta,
  binomialCdf,
  binomialUpperTail,
};

describe('distributions', () => {
  for (const [name, f] of Object.entries(functions)) {
    it(`${name} is scipy's to 1e-10 of its value`, () => {
      const rows = golden.distributions[name]!;
      expect(rows.length).toBeGreaterThan(15);
      const wrong = rows.filter((row) => {
        const expected = row.at(-1)!;
        // Below 1e-290 a double, scipy's or ours, no longer has all its digits.
        if (Math.abs(expected) < 1e-290) return f(...row.slice(0, -1)) > 1e-289;
        return relativeError(f(...row.slice(0, -1)), expected) > 1e-10;
      });
      expect(wrong.map((row) => [...row, f(...row.slice(0, -1))])).toEqual([]);
    });
  }

  it('keeps logarithms where the value is below the smallest double', () => {
    expect(logBinomialCdf(0, 100_000, 0.5)).toBeCloseTo(100_000 * Math.log(0.5), 6);
    // One success or none: (1 + n) / 2^n.
    const expected = Math.log(100_001) - 100_000 * Math.log(2);
    expect(relativeError(logBinomialCdf(1, 100_000, 0.5), expected)).toBeLessThan(1e-13);
    expect(relativeError(logIncompleteBeta(5000, 1, 1e-3), 5000 * Math.log(1e-3))).toBeLessThan(
      1e-13,
    );
  });

  it('finds the binomial quantile as the least count with enough below it', () => {
    for (const share of [0.025, 0.5, 0.975]) {
      const k = binomialQuantile(share, 1000, 0.9);
      expect(binomialCdf(k, 1000, 0.9)).toBeGreaterThanOrEqual(share);
      expect(binomialCdf(k - 1, 1000, 0.9)).toBeLessThan(share);
    }
  });

  it('refuses what has no distribution', () => {
    expect(() => studentQuantile(0.5, 0)).toThrow('degrees of freedom are 0');
    expect(() => studentQuantile(1, 5)).toThrow('probability is 1; it must be in (0, 1)');
    expect(() => normalQuantile(1.2)).toThrow('probability is 1.2');
    expect(() => binomialCdf(1, 2.5, 0.5)).toThrow('trials is 2.5');
    expect(() => incompleteBeta(0, 1, 0.5)).toThrow('a and b must be above 0');
  });
});
