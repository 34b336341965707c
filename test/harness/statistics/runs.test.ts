import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideRegression,
  type GateRule,
  geometricMean,
  geometricMeanInterval,
  ratioOfRepeats,
} from '../../../harness/statistics/index.js';
import { golden, relativeError } from './golden.js';
import { Simulation, shareOf } from './simulation.js';

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

describe('decideRegression', () => {
  const rule: GateRule = { design: 'independent', better: 'higher', margin: 0.03 };

  it('decides by the bound that reaches the limit', () => {
    const baseline = [100, 101, 99, 100];
    const slower = decideRegression(baseline, [90, 91, 89, 90], rule);
    expect(slower.verdict).toBe('regression');
    expect(slower.reason).toMatch(
      /^the upper bound 0\.9\d+ of the ratio \(95 % one-sided\) is below 0\.9700$/,
    );
    expect(slower.interval!.confidence).toBeCloseTo(0.9, 12);
    expect(decideRegression(baseline, [100, 99, 101, 100], rule).verdict).toBe('no regression');
    const unclear = decideRegression(baseline, [97, 98, 96, 97], rule);
    expect(unclear.verdict).toBe('cannot tell');
    expect(unclear.runsPerSide).toBeGreaterThan(2);
  });

  it('has a p-value that is alpha where the bound reaches the limit', () => {
    const [a, b] = [
      [100, 103, 98, 101],
      [95, 99, 96, 94],
    ] as const;
    for (const design of ['independent', 'interleaved'] as const) {
      const { upper } = ratioOfRepeats(a, b, design, 0.1).interval!;
      const margin = 1 - upper;
      expect(decideRegression(a, b, { ...rule, design, margin }).regressionP).toBeCloseTo(0.05, 9);
      const { lower } = ratioOfRepeats(b, a, design, 0.1).interval!;
      const latency: GateRule = { design, better: 'lower', margin: lower - 1 };
      expect(decideRegression(b, a, latency).regressionP).toBeCloseTo(0.05, 9);
    }
  });

  it('turns round for a metric that improves downwards', () => {
    const latency: GateRule = { ...rule, better: 'lower' };
    const baseline = [100, 101, 99, 100];
    const slower = decideRegression(baseline, [110, 111, 109, 110], latency);
    expect(slower.verdict).toBe('regression');
    expect(slower.limit).toBe(1.03);
    expect(decideRegression(baseline, [90, 91, 89, 90], latency).verdict).toBe('no regression');
  });

  it('cannot tell from single runs, and says so', () => {
    expect(decideRegression([100], [50], rule)).toEqual({
      verdict: 'cannot tell',
      limit: 0.97,
      interval: null,
      reason: '1 baseline and 1 candidate runs: scatter between runs needs at least 2 a side',
      regressionP: null,
      runsPerSide: null,
    });
    expect(decideRegression([100, 101], [99, 102], { ...rule, margin: 0 }).runsPerSide).toBeNull();
    expect(() => decideRegression([1, 2], [1, 2], { ...rule, margin: 1 })).toThrow('margin is 1');
    expect(() => decideRegression([1, 2], [1, 2], { ...rule, mustFind: 0.02 })).toThrow(
      'mustFind is 0.02; it must be in (0.03, 1)',
    );
  });

  for (const design of ['independent', 'interleaved'] as const) {
    it(`raises at most 5 % false alarms on identical ${design} runs`, () => {
      for (const seed of [31, 32, 33]) {
        const simulation = new Simulation(seed);
        const falseAlarms = (trials: number, margin: number) =>
          shareOf(trials, () => {
            const sides = [simulation.runs(4, 1000, 0.02), simulation.runs(4, 1000, 0.02)] as const;
            return decideRegression(...sides, { ...rule, design, margin }).verdict === 'regression';
          });
        expect(falseAlarms(2000, 0.03)).toBeLessThan(0.05);
        // Without a margin the level itself is reached, so that half of all series of trials lie above it. 20,000 have a
        // standard error of 0.15 %.
        expect(falseAlarms(20_000, 0)).toBeLessThan(0.055);
      }
    });

    it(`decides in the number of ${design} runs it asks for`, () => {
      // Pilot runs, then as many new ones as the pilot asks for. 1,000 trials: a standard error of 0.9 %.
      const simulation = new Simulation(41);
      const decided = (pilotRuns: number, mustFind: number, ratio: number) =>
        shareOf(1000, () => {
          const plan = { ...rule, design, mustFind };
          const pilot = () => simulation.runs(pilotRuns, 1000, 0.02);
          const runs = decideRegression(pilot(), pilot(), plan).runsPerSide!;
          const candidate = simulation.runs(runs, 1000 * ratio, 0.02);
          const { verdict } = decideRegression(simulation.runs(runs, 1000, 0.02), candidate, plan);
          return verdict === (ratio < 1 ? 'regression' : 'no regression');
        });
      for (const pilotRuns of [3, 6]) {
        expect(decided(pilotRuns, 0.1, 0.9)).toBeGreaterThanOrEqual(0.95);
        // No more than asked for: the margin's own distance, and a slowdown that is as far from it.
        expect(decided(pilotRuns, 0.1, 1)).toBeGreaterThan(0.88);
        expect(decided(pilotRuns, 0.059, 0.941)).toBeGreaterThan(0.88);
      }
    });
  }
});
