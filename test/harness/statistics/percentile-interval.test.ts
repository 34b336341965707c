import { describe, expect, it } from 'vitest';
import {
  bootstrapPercentileRatio,
  fewestForPercentile,
  percentileInterval,
} from '../../../harness/statistics/index.js';
import { tabulateRanks } from '../../../harness/statistics/percentile-interval.js';
import { golden } from './golden.js';
import { Simulation, shareOf } from './simulation.js';

describe('percentileInterval', () => {
  it("is scipy's quantile_test's, and null where that has a bound missing", () => {
    const { values, cases } = golden.percentiles;
    for (const { count, percentile, alpha, lower, upper } of cases) {
      const { interval, reason } = percentileInterval(values.slice(0, count), percentile, alpha);
      if (lower === null || upper === null) {
        expect(reason).toMatch(`${count} values; an interval of percentile ${percentile}`);
      } else {
        expect([interval!.lower, interval!.upper]).toEqual([lower, upper]);
      }
    }
  });

  it('knows how many values there must be', () => {
    expect(fewestForPercentile(0.99, 0.05)).toBe(368);
    expect(fewestForPercentile(0.5, 0.05)).toBe(6);
    const values = Array.from({ length: 368 }, (_, i) => i);
    expect(percentileInterval(values, 0.99).interval!.upper).toBe(367);
    expect(percentileInterval(values.slice(1), 0.99).interval).toBeNull();
  });

  it("takes LoadGen's element for the estimate", () => {
    const values = Array.from({ length: 1000 }, (_, i) => 999 - i);
    expect(percentileInterval(values, 0.99).interval!.estimate).toBe(990);
    expect(() => percentileInterval([1, 2], 1)).toThrow('percentile is 1; it must be in (0, 1)');
    expect(() => percentileInterval([1, Number.NaN], 0.5)).toThrow('values[1] is NaN');
  });

  it('covers the true percentile of a long-tailed distribution', () => {
    const simulation = new Simulation(61);
    const truth = -Math.log(0.1);
    const covered = shareOf(4000, () => {
      const values = Array.from({ length: 200 }, () => -Math.log(1 - simulation.uniform()));
      const interval = percentileInterval(values, 0.9).interval!;
      return interval.lower <= truth && truth <= interval.upper;
    });
    expect(covered).toBeGreaterThan(0.945);
  });
});

describe('bootstrapPercentileRatio', () => {
  it('draws ranks as often as drawing the values would', () => {
    // All 5^5 resamples of 5 values, counted.
    const [count, index] = [5, 3];
    const ranks = new Array<number>(count).fill(0);
    for (let code = 0; code < count ** count; code++) {
      const drawn = Array.from({ length: count }, (_, i) => Math.floor(code / count ** i) % count);
      ranks[drawn.sort()[index]!]!++;
    }
    const { first, cumulative } = tabulateRanks(count, index);
    expect(first).toBe(0);
    let below = 0;
    ranks.forEach((times, rank) => {
      below += times / count ** count;
      expect(cumulative[rank]).toBeCloseTo(below, 12);
    });
  });

  it('covers the true ratio', () => {
    const simulation = new Simulation(62);
    const latencies = (scale: number) =>
      Array.from({ length: 500 }, () => scale * (1 - Math.log(1 - simulation.uniform())));
    const covered = shareOf(2000, (seed) => {
      const sides = [latencies(1), latencies(1.2)] as const;
      const { interval } = bootstrapPercentileRatio(...sides, 0.9, { resamples: 400, seed });
      return interval!.lower <= 1.2 && 1.2 <= interval!.upper;
    });
    expect(covered).toBeGreaterThan(0.93);
    expect(covered).toBeLessThan(0.97);
  });

  it('refuses what has no tail to speak of', () => {
    const values = Array.from({ length: 100 }, (_, i) => i + 1);
    expect(bootstrapPercentileRatio(values, values, 0.99).reason).toBe(
      '100 values on a side; an interval of percentile 0.99 at 0.95 needs 368',
    );
    expect(() => bootstrapPercentileRatio([0, 1], values, 0.5)).toThrow('baseline[0] is 0');
  });
});
