import { describe, expect, it } from 'vitest';
import {
  binomialCdf,
  binomialUpperTail,
  proportionBound,
  proportionTail,
  weighProportion,
} from '../../../harness/statistics/index.js';
import { golden, relativeError } from './golden.js';
import { Simulation, shareOf } from './simulation.js';

const digitsOf = (run: string) => Uint8Array.from(run, Number);

describe('weighProportion', () => {
  it("has statsmodels' mean squares of batches and runs, and scipy's bounds over as many samples", () => {
    for (const { runs, alpha, lower, upper, ...expected } of golden.clustered) {
      const samples = runs.map(digitsOf);
      const found = weighProportion(samples, samples, alpha);
      expect(relativeError(found.share, expected.share)).toBeLessThan(1e-12);
      expect(relativeError(found.effectiveSamples, expected.effectiveSamples)).toBeLessThan(1e-9);
      expect(relativeError(proportionBound(found, 'lower', alpha), lower)).toBeLessThan(1e-8);
      expect(relativeError(proportionBound(found, 'upper', alpha), upper)).toBeLessThan(1e-8);
    }
  });

  it('counts a run that is repeated to the digit once', () => {
    const run = digitsOf(golden.clustered[0]!.runs[0]!);
    expect(weighProportion([run, run, run], [run, run, run], 0.01)).toEqual(
      weighProportion([run], [run], 0.01),
    );
  });

  it('never has more samples than a run, and fewer where they come in clumps', () => {
    const simulation = new Simulation(5);
    for (const clump of [1, 5, 50]) {
      const few = shareOf(200, () => {
        const run = Uint8Array.from(
          Array.from({ length: 2000 / clump }, () => {
            return new Array<number>(clump).fill(Number(simulation.uniform() < 0.1));
          }).flat(),
        );
        const { effectiveSamples } = weighProportion([run], [run], 0.01);
        expect(effectiveSamples).toBeLessThanOrEqual(2000);
        return effectiveSamples < 1.6 * (2000 / clump);
      });
      expect(few).toBeGreaterThan(0.9);
    }
  });

  it('takes samples without any variation for what they are', () => {
    for (const value of [0, 1]) {
      const run = new Uint8Array(459).fill(value);
      const found = weighProportion([run], [run], 0.01);
      expect(found).toEqual({
        ...{ share: value, samples: 459, effectiveSamples: 459 },
      });
      expect(proportionBound(found, value === 0 ? 'lower' : 'upper', 0.01)).toBe(value);
      const other = proportionBound(found, value === 0 ? 'upper' : 'lower', 0.01);
      expect(relativeError(value === 0 ? 1 - other : other, 0.01 ** (1 / 459))).toBeLessThan(1e-9);
    }
  });

  it('refuses runs without samples', () => {
    expect(() => weighProportion([new Uint8Array()], [new Uint8Array()], 0.01)).toThrow(
      '1 runs, the shortest of 0 samples',
    );
    expect(() => weighProportion([], [], 0.01)).toThrow('0 runs, the shortest of Infinity samples');
    expect(() => weighProportion([new Uint8Array(1)], [new Uint8Array(1)], 1)).toThrow(
      'alpha is 1; it must be in (0, 1)',
    );
  });
});

describe('proportionTail', () => {
  it('is the binomial tail where every sample counts', () => {
    for (const [over, count] of [
      [0, 459],
      [3, 1000],
      [40, 60],
    ] as const) {
      const tail = proportionTail({ share: over / count, effectiveSamples: count });
      for (const value of [0.001, 0.01, 0.5, 0.9]) {
        expect(
          relativeError(tail('at least', value), binomialCdf(over, count, value)),
        ).toBeLessThan(1e-9);
        expect(
          relativeError(tail('at most', value), binomialUpperTail(over, count, value)),
        ).toBeLessThan(1e-9);
      }
    }
  });

  // Queries under and over the limit that LoadGen's early stopping asks for at 99 %.
  it.each([
    [0, 459, 0.01],
    [1, 662, 0.01],
    [1, 64, 0.1],
    [1, 6636, 0.001],
  ])("asks for LoadGen's number: %i over of %i for %d", (over, count, allowed) => {
    const doubt = (samples: number) =>
      proportionTail({ share: over / samples, effectiveSamples: samples })('at least', allowed);
    expect(doubt(count)).toBeLessThan(0.01);
    expect(doubt(count - 1)).toBeGreaterThanOrEqual(0.01);
  });
});
