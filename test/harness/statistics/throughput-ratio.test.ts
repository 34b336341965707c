import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  batchMeansRatio,
  leastShownRatio,
  planRatio,
  ratioOfRepeats,
} from '../../../harness/statistics/index.js';
import { relativeError } from './golden.js';
import { Simulation, shareOf } from './simulation.js';

/** `batches` sums of 20 bins of a run whose neighbouring bins correlate by `coefficient`. */
const series = (simulation: Simulation, coefficient: number, batches = 10, batchSeconds = 1) => {
  const bins = simulation.autoregressive(20 * batches, coefficient);
  const perBatch = new Array<number>(batches).fill(0);
  for (const [i, x] of bins.entries()) perBatch[Math.floor(i / 20)]! += Math.max(0, 100 + 8 * x);
  return { perBatch, batchSeconds };
};

describe('batchMeansRatio', () => {
  // 95 to 97 % up to 0.8, 90 % at 0.9, where a correlation lasts as long as half a batch. The standard error is 0.5 %.
  const trials = 2000;
  for (const [coefficient, least, mostRefused] of [
    [0, 0.94, 0.06],
    [0.5, 0.94, 0.06],
    [0.8, 0.93, 0.1],
    [0.9, 0.885, 0.2],
  ] as const) {
    it(`covers the true ratio of AR(1) series, coefficient ${coefficient}`, () => {
      const simulation = new Simulation(51);
      let refused = 0;
      const covered = shareOf(trials, () => {
        const { interval } = batchMeansRatio(
          series(simulation, coefficient),
          series(simulation, coefficient),
        );
        if (interval === null) refused++;
        return interval !== null && interval.lower <= 1 && 1 <= interval.upper;
      });
      expect(refused).toBeLessThan(mostRefused * trials);
      const coverage = (covered * trials) / (trials - refused);
      expect(coverage).toBeGreaterThan(least);
      expect(coverage).toBeLessThan(0.98);
    });
  }

  it('is wider where neighbours correlate', () => {
    const alternating = { perBatch: [8, 12, 8, 12, 8, 12, 8, 12], batchSeconds: 1 };
    const inPairs = { perBatch: [8, 8, 12, 12, 8, 8, 12, 12], batchSeconds: 1 };
    const errorOf = (side: typeof inPairs) => batchMeansRatio(side, side).interval!.standardError!;
    // Three neighbours are alike and three are not, and one more pair is: r is 1 / 8.
    expect(errorOf(inPairs) / errorOf(alternating)).toBeCloseTo(Math.sqrt(9 / 7), 9);
  });

  it('knows the length of batches, and not the unit of what is counted', () => {
    const simulation = new Simulation(53);
    const [a, b] = [series(simulation, 0), series(simulation, 0, 12, 2)];
    const { interval } = batchMeansRatio(a, b);
    expect(interval!.estimate).toBeCloseTo(0.5, 1);
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1000, noNaN: true }), (scale) => {
        const scaled = { ...a, perBatch: a.perBatch.map((count) => count * scale) };
        const other = batchMeansRatio(scaled, b).interval!;
        expect(relativeError(other.lower * scale, interval!.lower)).toBeLessThan(1e-9);
        expect(relativeError(other.upper * scale, interval!.upper)).toBeLessThan(1e-9);
      }),
      { numRuns: 20 },
    );
  });

  it('says why there is no interval', () => {
    const reasonOf = (perBatch: number[]) => {
      const side = { perBatch, batchSeconds: 1 };
      return batchMeansRatio(side, side).reason;
    };
    expect(reasonOf([1, 2, 3])).toBe('the baseline has 3 batches; at least 8 are needed');
    expect(reasonOf(Array.from({ length: 10 }, (_, i) => i))).toMatch(
      /^the baseline is too short: neighbours of its 10 batches correlate by 0\.70/,
    );
    expect(reasonOf(new Array(10).fill(0))).toBe('the baseline completes nothing');
    expect(reasonOf(new Array(10).fill(0.1))).toMatch(/^the batches do not scatter at all/);
    const side = { perBatch: [1, 3, 1, 3, 1, 3, 1, 3], batchSeconds: 1 };
    expect(() => batchMeansRatio({ ...side, batchSeconds: 0 }, side)).toThrow(
      'baseline.batchSeconds is 0; it must be a finite number above 0',
    );
    expect(() => batchMeansRatio({ ...side, perBatch: [1, -1] }, side)).toThrow(
      'baseline.perBatch[1] is -1; it must be at least 0',
    );
  });
});

it('leastShownRatio is the ratio whose paired interval begins at 1', () => {
  // exp(0.01 t / sqrt(n)) by scipy 1.17's stats.t.ppf(0.995, n - 1).
  expect(leastShownRatio(2, 0.01, 0.01)).toBeCloseTo(1.568502172054716, 9);
  expect(leastShownRatio(3, 0.01, 0.01)).toBeCloseTo(1.05897462911845, 9);
  expect(leastShownRatio(5, 0.01, 0.01)).toBeCloseTo(1.020803577508079, 9);
  // Logarithms of deviation 0.04 about the ratio.
  const ratio = leastShownRatio(3, 0.04, 0.1);
  const sides = [-0.04, 0, 0.04].map((shift) => [100, 100 * ratio * Math.exp(shift)] as const);
  const [from, to] = [sides.map(([a]) => a), sides.map(([, b]) => b)];
  expect(ratioOfRepeats(from, to, 'interleaved', 0.1).interval!.lower).toBeCloseTo(1, 12);
  expect(() => leastShownRatio(1, 0.01)).toThrow(
    'repeats is 1; it must be an integer of at least 2',
  );
});

it('planRatio asks for as many runs as the ratio needs', () => {
  expect(planRatio(4, 0.05)).toBe(2);
  expect(planRatio(1.05, 0.05)).toBe(planRatio(1 / 1.05, 0.05));
  const runs = planRatio(1.05, 0.05)!;
  expect(runs).toBeGreaterThan(8);
  expect(runs).toBeLessThan(14);
  expect(planRatio(1, 0.05)).toBeNull();
});
