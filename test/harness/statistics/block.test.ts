import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  automaticBlockLength,
  bootstrapThroughputRatio,
} from '../../../harness/statistics/index.js';
import { golden, relativeError } from './golden.js';
import { Simulation, shareOf } from './simulation.js';

describe('automaticBlockLength', () => {
  it("is arch's", () => {
    for (const { series, stationary, circular } of golden.blocks) {
      const length = automaticBlockLength(series)!;
      expect(relativeError(length.stationary, Math.max(1, stationary))).toBeLessThan(1e-9);
      expect(relativeError(length.circular, Math.max(1, circular))).toBeLessThan(1e-9);
    }
  });

  it('is 1 where nothing varies, and unknown for a handful of values', () => {
    expect(automaticBlockLength(new Array(20).fill(0.1))).toEqual({ stationary: 1, circular: 1 });
    expect(automaticBlockLength([1, 2, 3])).toBeNull();
    expect(() => automaticBlockLength([1, Number.NaN])).toThrow('series[1] is NaN');
  });
});

describe('bootstrapThroughputRatio', () => {
  const series = (simulation: Simulation, bins: number, coefficient: number, binSeconds = 1) => ({
    binSeconds,
    perBin: simulation.autoregressive(bins, coefficient).map((x) => Math.max(0, 100 + 8 * x)),
  });

  // What 95 % intervals reach on bins that hang together: 93 to 95 %, short since blocks are few. The standard error is
  // 0.8 %.
  const trials = 1000;
  for (const [coefficient, bins] of [
    [0, 300],
    [0.5, 300],
    [0.8, 1000],
  ] as const) {
    it(`covers the true ratio of AR(1) series, coefficient ${coefficient}, ${bins} bins`, () => {
      const simulation = new Simulation(51);
      let refused = 0;
      const covered = shareOf(trials, (seed) => {
        const sides = [
          series(simulation, bins, coefficient),
          series(simulation, bins, coefficient),
        ] as const;
        const { interval } = bootstrapThroughputRatio(...sides, { resamples: 400, seed });
        if (interval === null) refused++;
        return interval !== null && interval.lower <= 1 && 1 <= interval.upper;
      });
      expect(refused).toBeLessThan(0.02 * trials);
      const coverage = (covered * trials) / (trials - refused);
      expect(coverage).toBeGreaterThan(0.915);
      expect(coverage).toBeLessThan(0.965);
    });
  }

  it('is wider for bins that hang together than for the same bins shuffled', () => {
    const simulation = new Simulation(52);
    const together = series(simulation, 400, 0.8);
    const shuffled = {
      ...together,
      perBin: [...together.perBin].sort(() => simulation.uniform() - 0.5),
    };
    const width = (side: typeof together) => {
      const { interval } = bootstrapThroughputRatio(side, side);
      return interval!.upper - interval!.lower;
    };
    expect(width(together)).toBeGreaterThan(1.8 * width(shuffled));
  });

  it('knows the length of bins, and not the unit of what is counted', () => {
    const simulation = new Simulation(53);
    const [a, b] = [series(simulation, 60, 0.2), series(simulation, 60, 0.2, 2)];
    const options = { resamples: 300 };
    const { interval } = bootstrapThroughputRatio(a, b, options);
    expect(interval!.estimate).toBeCloseTo(0.5, 1);
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1000, noNaN: true }), (scale) => {
        const scaled = { ...a, perBin: a.perBin.map((count) => count * scale) };
        const other = bootstrapThroughputRatio(scaled, b, options).interval!;
        expect(relativeError(other.lower * scale, interval!.lower)).toBeLessThan(1e-9);
        expect(relativeError(other.upper * scale, interval!.upper)).toBeLessThan(1e-9);
      }),
      { numRuns: 20 },
    );
  });

  it('says why there is no interval', () => {
    const side = { perBin: [1, 2, 3], binSeconds: 1 };
    expect(bootstrapThroughputRatio(side, side).reason).toBe(
      'the baseline has 3 bins; at least 9 are needed',
    );
    const ramp = { perBin: Array.from({ length: 40 }, (_, i) => i), binSeconds: 1 };
    expect(bootstrapThroughputRatio(ramp, ramp).reason).toMatch(
      /^the baseline has 40 bins in blocks of \d+\.\d; at least 6 blocks are needed$/,
    );
    const idle = { perBin: new Array(40).fill(0), binSeconds: 1 };
    expect(bootstrapThroughputRatio(idle, ramp).reason).toBe('the baseline completes nothing');
    expect(() => bootstrapThroughputRatio({ ...ramp, binSeconds: 0 }, ramp)).toThrow(
      'baseline.binSeconds is 0; it must be a finite number above 0',
    );
    expect(() => bootstrapThroughputRatio({ ...ramp, perBin: [1, -1] }, ramp)).toThrow(
      'baseline.perBin[1] is -1; it must be at least 0',
    );
  });
});
