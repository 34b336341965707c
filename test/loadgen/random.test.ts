// Draws against libstdc++'s, value by value.

import { expect, test } from 'vitest';
import {
  exponential,
  MersenneTwister,
  shuffle,
  uniformInt,
  uniformReal,
} from '../../loadgen/random.js';
import { bitsOf, countCases, fromBits, readGolden, sha256OfList } from './golden.js';

interface RngGolden {
  mt19937: { seed: string; first10: number[]; output_10000: number }[];
  shuffle: {
    seed: string;
    n: number;
    next_raw_after: number;
    result: number[];
    result_sha256: string;
  }[];
  uniform_int: {
    seed: string;
    lo: number;
    hi: number;
    next_raw_after_1000: number;
    draws: number[];
    draws_sha256: string;
  }[];
  uniform_real_0_1: { seed: string; draws_bits: string[]; draws_bits_sha256: string }[];
  exponential: {
    seed: string;
    lambda: number;
    ns: number[];
    ns_sha256: string;
    draws_bits: string[];
  }[];
  fixed_period_ns: { qps_bits: string; period_ns: number }[];
}

const golden = readGolden<RngGolden>('rng.json');
const drawCount = 1000;

function draws(count: number, draw: () => number): number[] {
  return Array.from({ length: count }, draw);
}

test('the engine', () => {
  for (const row of golden.mt19937) {
    const engine = new MersenneTwister(BigInt(row.seed));
    const outputs = draws(10_000, () => engine.next());
    expect(outputs.slice(0, 10), row.seed).toEqual(row.first10);
    expect(outputs[9999], row.seed).toBe(row.output_10000);
  }
  countCases('engine seeds', golden.mt19937.length);
});

test('shuffles', () => {
  for (const row of golden.shuffle) {
    const engine = new MersenneTwister(BigInt(row.seed));
    const items = draws(row.n, () => 0).map((_, i) => i);
    shuffle(engine, items);
    expect(items.slice(0, row.result.length)).toEqual(row.result);
    expect(sha256OfList(items), `n=${row.n}`).toBe(row.result_sha256);
    expect(engine.next()).toBe(row.next_raw_after);
  }
  countCases('shuffles', golden.shuffle.length);
});

test('uniform integers', () => {
  for (const row of golden.uniform_int) {
    const engine = new MersenneTwister(BigInt(row.seed));
    const values = draws(drawCount, () => row.lo + uniformInt(engine, row.hi - row.lo + 1));
    expect(values.slice(0, row.draws.length)).toEqual(row.draws);
    expect(sha256OfList(values)).toBe(row.draws_sha256);
    expect(engine.next()).toBe(row.next_raw_after_1000);
  }
  countCases('integer ranges', golden.uniform_int.length);
});

test('uniform reals', () => {
  for (const row of golden.uniform_real_0_1) {
    const engine = new MersenneTwister(BigInt(row.seed));
    const bits = draws(drawCount, () => uniformReal(engine)).map(bitsOf);
    expect(bits.slice(0, row.draws_bits.length)).toEqual(row.draws_bits);
    expect(sha256OfList(bits)).toBe(row.draws_bits_sha256);
  }
  countCases('real streams', golden.uniform_real_0_1.length);
});

test('exponential draws, to the nanosecond', () => {
  for (const row of golden.exponential) {
    const engine = new MersenneTwister(BigInt(row.seed));
    const values = draws(drawCount, () => exponential(engine, row.lambda));
    const ns = values.map((v) => Math.trunc(v * 1e9));
    expect(ns.slice(0, row.ns.length)).toEqual(row.ns);
    expect(sha256OfList(ns)).toBe(row.ns_sha256);
    // The C library's logarithm and JavaScript's differ in the last bit now and then.
    for (const [i, bits] of row.draws_bits.entries()) {
      const theirs = fromBits(bits);
      expect(Math.abs(values[i]! - theirs)).toBeLessThanOrEqual(theirs * 4e-16);
    }
  }
  countCases('exponential streams', golden.exponential.length);
});

test('fixed periods', () => {
  for (const row of golden.fixed_period_ns) {
    expect(Math.trunc((1 / fromBits(row.qps_bits)) * 1e9)).toBe(row.period_ns);
  }
  countCases('fixed periods', golden.fixed_period_ns.length);
});
