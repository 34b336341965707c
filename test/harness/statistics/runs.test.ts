import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  geometricMean,
  geometricMeanInterval,
  ratioOfRepeats,
} from '../../../harness/statistics/index.js';
import { golden, relativeError } from './golden.js';

describe('geometricMeanInterval', () => {
  it('is the paired interval against runs that are all 1, whose t is held to scipy', () => {
    for (const { candidate, alpha } of golden.repeats) {
      const ones = candidate.map(() => 1);
      const paired = ratioOfRepeats(ones, candidate, 'interleaved', alpha).interval!;
      const own = geometricMeanInterval(candidate, alpha).interval!;
      expect(relativeError(own.lower, paired.lower)).toBeLessThan(1e-12);
      expect(relativeError(own.upper, paired.upper)).toBeLessThan(1e-12);
      expect(relativeError(own.estimate, paired.estimate)).toBeLessThan(1e-12);
    }
  });

  it('says why there is none', () => {
    expect(geometricMeanInterval([5]).reason).toBe('1 run: scatter needs at least 2');
    expect(geometricMeanInterval([]).reason).toBe('0 runs: scatter needs at least 2');
    expect(geometricMeanInterval([0.1, 0.1, 0.1]).reason).toMatch(/do not scatter at all/);
    expect(() => geometricMeanInterval([1, -1])).toThrow('figures[1] is -1');
  });
});

describe('ratioOfRepeats', () => {
  it("gives scipy's t intervals of the logarithms", () => {
    for (const { baseline, candidate, alpha, independent, interleaved } of golden.repeats) {
      const welch = ratioOfRepeats(baseline, candidate, 'independent', alpha).interval!;
      expect(relativeError(welch.lower, independent[0])).toBeLessThan(1e-10);
      expect(relativeError(welch.upper, independent[1])).toBeLessThan(1e-10);
      const ratio = geometricMean(candidate) / geometricMean(baseline);
      expect(relativeError(welch.estimate, ratio)).toBeLessThan(1e-13);
      if (interleaved === undefined) continue;
      const paired = ratioOfRepeats(baseline, candidate, 'interleaved', alpha).interval!;
      expect(relativeError(paired.lower, interleaved[0])).toBeLessThan(1e-10);
      expect(relativeError(paired.upper, interleaved[1])).toBeLessThan(1e-10);
    }
  });

  it('inverts when sides are swapped, and does not change with the unit', () => {
    const figures = fc.array(fc.double({ min: 0.5, max: 2, noNaN: true }), {
      minLength: 3,
      maxLength: 8,
    });
    fc.assert(
      fc.property(figures, figures, (a, b) => {
        const { interval } = ratioOfRepeats(a, b, 'independent');
        fc.pre(interval !== null && interval.standardError! > 1e-6 && interval.upper < 1e6);
        const inverse = ratioOfRepeats(b, a, 'independent').interval!;
        expect(relativeError(1 / inverse.upper, interval.lower)).toBeLessThan(1e-9);
        expect(relativeError(1 / inverse.lower, interval.upper)).toBeLessThan(1e-9);
        const scale = (values: number[]) => values.map((value) => 1000 * value);
        const other = ratioOfRepeats(scale(a), scale(b), 'independent').interval!;
        expect(relativeError(other.upper, interval.upper)).toBeLessThan(1e-9);
      }),
    );
  });

  it('says why single runs have no interval', () => {
    expect(ratioOfRepeats([100], [110, 111], 'independent')).toEqual({
      interval: null,
      reason: '1 baseline and 2 candidate runs: scatter between runs needs at least 2 a side',
    });
    for (const design of ['independent', 'interleaved'] as const) {
      const { reason } = ratioOfRepeats([0.1, 0.1, 0.1], [0.3, 0.3, 0.3], design);
      expect(reason).toMatch(/do not scatter at all/);
    }
    expect(() => ratioOfRepeats([1, 2], [1, 2, 3], 'interleaved')).toThrow('same items');
    expect(() => ratioOfRepeats([1, 0], [1, 2], 'independent')).toThrow('baseline[1] is 0');
  });
});
