// Made-up data for what can only be shown by trying it many times.

import { expect } from 'vitest';
import { Xoshiro128 } from '../../../harness/statistics/index.js';

export class Simulation {
  readonly #random: Xoshiro128;

  constructor(seed: number) {
    this.#random = Xoshiro128.seeded(seed);
  }

  uniform(): number {
    return this.#random.uniform();
  }

  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Values with the given correlation between neighbours, mean 0 and variance 1. */
  autoregressive(count: number, coefficient: number): number[] {
    const step = Math.sqrt(1 - coefficient ** 2);
    let value = this.normal();
    return Array.from({ length: count }, () => {
      value = coefficient * value + step * this.normal();
      return value;
    });
  }

  /** Figures of repeated runs around `level`, scattered by `scatter` on the logarithm's scale. */
  runs(count: number, level: number, scatter: number): number[] {
    return Array.from({ length: count }, () => level * Math.exp(scatter * this.normal()));
  }
}

/** The share of `trials` in which `happens`. */
export function shareOf(trials: number, happens: (trial: number) => boolean): number {
  let count = 0;
  for (let trial = 0; trial < trials; trial++) if (happens(trial)) count++;
  return count / trials;
}

/**
 * Expects the share of `count` in `trials` from `least` to `most`, or as far from them as chance takes 999 of 1,000 such
 * series at most: 3.3 standard errors.
 */
export function expectRate(
  count: number,
  trials: number,
  least: number,
  most: number = least,
): void {
  const reach = (rate: number) => 3.3 * Math.sqrt((rate * (1 - rate)) / trials);
  expect(count / trials).toBeGreaterThanOrEqual(least - reach(least));
  expect(count / trials).toBeLessThanOrEqual(most + reach(most));
}
