// Is the built-in data's generator the published xoshiro128**, and are its derived draws fair?

import { describe, expect, it } from 'vitest';
import { hashText, Random } from '../../../datasets/tiny/random.js';

/** The reference algorithm in 64-bit-safe arithmetic, as an independent reading of Blackman and Vigna's C. */
function* referenceStream(seed: readonly number[]): Generator<number> {
  const mask = 0xffffffffn;
  const rotate = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask;
  const s = seed.map(BigInt);
  for (;;) {
    yield Number((rotate((s[1]! * 5n) & mask, 7n) * 9n) & mask);
    const t = (s[1]! << 9n) & mask;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotate(s[3]!, 11n);
  }
}

describe('Random', () => {
  it('follows xoshiro128**', () => {
    const key = ['a', 7].join('\u0000');
    const seed = [1, 2, 3, 4].map((word) => hashText(key, Math.imul(word, 0x9e3779b9)));
    const reference = referenceStream(seed);
    const random = new Random('a', 7);
    for (let i = 0; i < 1000; i++) expect(random.next()).toBe(reference.next().value);
  });

  it('gives other numbers for other parts', () => {
    const firsts = new Set<number>();
    for (let i = 0; i < 10_000; i++) firsts.add(new Random('x', i).next());
    expect(firsts.size).toBeGreaterThan(9_990);
    expect(new Random('ab', 'c').next()).not.toBe(new Random('a', 'bc').next());
  });

  it('draws evenly and without repetition', () => {
    const random = new Random('even');
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[random.below(7)]! += 1;
    // Six degrees of freedom: 99.9 % of fair generators stay below 22.5.
    expect(counts.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0)).toBeLessThan(22.5);
    const drawn = random.draw([1, 2, 3, 4, 5], 5);
    expect(drawn.toSorted()).toEqual([1, 2, 3, 4, 5]);
    expect(() => random.draw([1], 2)).toThrow(RangeError);
    expect(() => random.pick([])).toThrow(RangeError);
  });
});
