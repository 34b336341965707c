import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BootstrapOptions,
  bootstrapMeanDifference,
  bootstrapPerplexityRatio,
  bootstrapSums,
  Xoshiro128,
} from '../../../harness/statistics/index.js';
import { golden, relativeError } from './golden.js';
import { Simulation, shareOf } from './simulation.js';

const bootstrapRatioOfMeans = (a: number[], b: number[], options: BootstrapOptions = {}) =>
  bootstrapSums(
    [Float64Array.from(a), Float64Array.from(b)],
    (sums) => sums[1]! / sums[0]!,
    options,
  );
const statistics = { difference: bootstrapMeanDifference, ratio: bootstrapRatioOfMeans };

describe('Xoshiro128', () => {
  it('draws what its authors published C program draws from the state 1, 2, 3, 4', () => {
    const random = new Xoshiro128([1, 2, 3, 4]);
    expect(Array.from({ length: 6 }, () => random.next())).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492,
    ]);
  });

  it('fills with every number below the limit, about equally often', () => {
    const drawn = new Uint32Array(70_000);
    Xoshiro128.seeded(3).fill(drawn, 7);
    const counts = new Array<number>(7).fill(0);
    for (const value of drawn) counts[value]!++;
    // Chi-square with 6 degrees of freedom: above 22.5 once in a thousand seeds.
    expect(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)).toBeLessThan(
      22.5,
    );
    expect(() => Xoshiro128.seeded(-1)).toThrow('seed is -1; it must be an integer of 0 to');
  });
});

describe('bootstrapSums', () => {
  it("gives scipy's bounds on the same resamples", () => {
    for (const row of golden.bootstrap) {
      const { method, alpha } = row;
      const options = { method, alpha, resamples: 2000, seed: 7 };
      const { interval } = statistics[row.name](row.baseline, row.candidate, options);
      expect(interval!.method).toBe(`${method} bootstrap`);
      expect(relativeError(interval!.lower, row.lower)).toBeLessThan(1e-10);
      expect(relativeError(interval!.upper, row.upper)).toBeLessThan(1e-10);
      expect(relativeError(interval!.standardError!, row.standardError)).toBeLessThan(1e-10);
    }
  });

  it("tests with p-values that are half of alpha where scipy's interval ends", () => {
    for (const row of golden.bootstrap) {
      const { method, alpha } = row;
      const options = { method, alpha: 0.3, resamples: 2000, seed: 7 };
      const found = statistics[row.name](row.baseline, row.candidate, options);
      if (found.interval === null) throw new Error(found.reason);
      expect(found.tail('at least', row.upper)).toBeCloseTo(alpha / 2, 8);
      expect(found.tail('at most', row.lower)).toBeCloseTo(alpha / 2, 8);
      // No resample tells of less than one in all of them; what is certainly so is no evidence against it.
      expect(found.tail('at least', row.upper + 100)).toBe(1 / 2001);
      expect(found.tail('at most', row.lower - 100)).toBe(1 / 2001);
      expect(found.tail('at least', row.lower - 100)).toBe(1);
      expect(found.tail('at most', row.upper + 100)).toBe(1);
    }
  });

  it('is the same for the same data and seed, and another for another seed', () => {
    const { baseline, candidate } = golden.bootstrap[0]!;
    const withSeed = (seed: number) =>
      bootstrapMeanDifference(baseline, candidate, { seed }).interval;
    const once = withSeed(5);
    expect(withSeed(5)).toEqual(once);
    expect(withSeed(6)).not.toEqual(once);
  });

  it('takes a corpus-level score as a function of sums', () => {
    const simulation = new Simulation(4);
    const items = 60;
    const matched = Float64Array.from({ length: items }, () =>
      Math.floor(10 * simulation.uniform()),
    );
    const proposed = matched.map((count) => count + Math.floor(5 * simulation.uniform()));
    const wanted = matched.map((count) => count + 1 + Math.floor(9 * simulation.uniform()));
    const { interval } = bootstrapSums(
      [matched, proposed, wanted],
      ([match, propose, want]) => (2 * match!) / (propose! + want!),
    );
    const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
    expect(interval!.estimate).toBeCloseTo(
      (2 * total(matched)) / (total(proposed) + total(wanted)),
      14,
    );
    expect(interval!.lower).toBeLessThan(interval!.estimate);
    expect(interval!.upper).toBeGreaterThan(interval!.estimate);
  });

  it('falls back to percentiles where all items say the same', () => {
    const { interval } = bootstrapMeanDifference([1, 2, 3], [2, 3, 4]);
    expect(interval).toEqual({
      estimate: 1,
      lower: 1,
      upper: 1,
      confidence: 0.95,
      standardError: 0,
      method: 'percentile bootstrap',
    });
  });

  it('says why there is no interval', () => {
    expect(bootstrapMeanDifference([1], [2]).reason).toBe('1 items; an interval needs at least 2');
    expect(bootstrapRatioOfMeans([0, 0], [1, 2]).reason).toBe(
      'the statistic of these items is Infinity',
    );
    expect(bootstrapRatioOfMeans([0, 1], [1, 2]).reason).toMatch(/resamples is not finite$/);
    expect(() => bootstrapMeanDifference([1], [1, 2])).toThrow('must be of the same items');
    expect(() => bootstrapMeanDifference([1, Number.NaN], [1, 2])).toThrow('[1] is NaN');
    expect(() => bootstrapMeanDifference([1, 2], [1, 2], { alpha: 1 })).toThrow('alpha is 1');
  });

  it('mirrors a difference and inverts a ratio of percentiles when sides are swapped', () => {
    const score = fc.double({ min: 0.1, max: 1, noNaN: true });
    const pairs = fc.array(fc.tuple(score, score), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(pairs, (items) => {
        const a = items.map(([left]) => left);
        const b = items.map(([, right]) => right);
        const options = { resamples: 200, method: 'percentile' } as const;
        const difference = bootstrapMeanDifference(a, b, options).interval!;
        const mirrored = bootstrapMeanDifference(b, a, options).interval!;
        expect(mirrored.lower).toBeCloseTo(-difference.upper, 12);
        expect(mirrored.upper).toBeCloseTo(-difference.lower, 12);
        // Ratios are exact reciprocals at the resamples themselves, which lie apart from the interpolated quantile.
        const coarse = { ...options, resamples: 201, alpha: 0.1 } as const;
        const ratio = bootstrapRatioOfMeans(a, b, coarse).interval!;
        const inverse = bootstrapRatioOfMeans(b, a, coarse).interval!;
        expect(inverse.lower * ratio.upper).toBeCloseTo(1, 12);
        expect(inverse.upper * ratio.lower).toBeCloseTo(1, 12);
      }),
      { numRuns: 50 },
    );
  });

  // Coverage of 95 % intervals, with the resamples of a trial cut down. 2,000 trials: a standard error of 0.5 %.
  const trials = 2000;
  const options = { resamples: 600 };

  it('covers the true mean difference of normal scores', () => {
    const simulation = new Simulation(11);
    const coverage = shareOf(trials, (seed) => {
      const baseline = Array.from({ length: 60 }, () => 50 + 10 * simulation.normal());
      const candidate = baseline.map((score) => score + 1 + 4 * simulation.normal());
      const { interval } = bootstrapMeanDifference(baseline, candidate, { ...options, seed });
      return interval!.lower <= 1 && 1 <= interval!.upper;
    });
    expect(coverage).toBeGreaterThan(0.93);
    expect(coverage).toBeLessThan(0.97);
  });

  it('covers the true mean difference of skewed scores in [0, 1], as ROUGE-2 has them', () => {
    const simulation = new Simulation(12);
    const coverage = shareOf(trials, (seed) => {
      // Baseline u^4 (mean 1/5); half of the answers change, to v^5 (mean 1/6): a mean difference of -1/60.
      const baseline = Array.from({ length: 400 }, () => simulation.uniform() ** 4);
      const candidate = baseline.map((score) =>
        simulation.uniform() < 1 / 2 ? simulation.uniform() ** 5 : score,
      );
      const { interval } = bootstrapMeanDifference(baseline, candidate, { ...options, seed });
      return interval!.lower <= -1 / 60 && -1 / 60 <= interval!.upper;
    });
    expect(coverage).toBeGreaterThan(0.93);
    expect(coverage).toBeLessThan(0.97);
  });

  it('covers the true ratio of perplexities when windows differ in kind and length', () => {
    const simulation = new Simulation(13);
    const coverage = shareOf(trials, (seed) => {
      const windows = Array.from({ length: 150 }, () => {
        const weight = 50 + Math.floor(400 * simulation.uniform());
        // A whole window is harder or easier; within it, tokens scatter.
        const level = 2 + 0.5 * simulation.normal();
        const loss = 0.02 + 0.05 * simulation.normal();
        return { weight, logProb: -level * weight, loss };
      });
      const candidate = windows.map(({ weight, logProb, loss }) => ({
        weight,
        logProb: logProb - loss * weight,
      }));
      const { interval } = bootstrapPerplexityRatio(windows, candidate, { ...options, seed });
      return interval!.lower <= Math.exp(0.02) && Math.exp(0.02) <= interval!.upper;
    });
    expect(coverage).toBeGreaterThan(0.93);
    expect(coverage).toBeLessThan(0.97);
  });
});

describe('perplexities', () => {
  it('refuses windows that were cut into other tokens', () => {
    const window = { logProb: -10, weight: 5 };
    expect(() => bootstrapPerplexityRatio([window], [{ ...window, weight: 6 }])).toThrow(
      'window 0 has 5 tokens in the baseline and 6 in the candidate; they must be the same',
    );
  });
});
