// Seeded random numbers for resampling: the same data and seed give the same interval, on every machine.
//
// LoadGen's Mersenne Twister would do, at six times the time: 250 million draws (10,000 resamples of 25,000 items) are what
// a comparison of two full runs needs.

const two32 = 4_294_967_296;

/** xoshiro128** 1.1 (Blackman and Vigna 2021, "Scrambled Linear Pseudorandom Number Generators"). */
export class Xoshiro128 {
  readonly #state: Int32Array;
  /** Drawn ahead for `next`, since one call of `fill` for many costs little more than for one. */
  readonly #ahead = new Uint32Array(256);
  #taken = 256;

  constructor(state: readonly [number, number, number, number]) {
    this.#state = Int32Array.from(state);
  }

  /**
   * A generator whose four words are a 32-bit counter from `seed` on, each mixed by MurmurHash3's finalizer.
   * @param seed an integer of 0 to 2^32 - 1
   */
  static seeded(seed: number): Xoshiro128 {
    if (!Number.isInteger(seed) || seed < 0 || seed >= two32) {
      throw new RangeError(`seed is ${seed}; it must be an integer of 0 to ${two32 - 1}`);
    }
    const word = (i: number): number => {
      let h = (seed + Math.imul(i, 0x9e37_79b9)) | 0;
      h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
      return h ^ (h >>> 16);
    };
    return new Xoshiro128([word(1), word(2), word(3), word(4)]);
  }

  /** A whole number of 0 to 2^32 - 1. */
  next(): number {
    if (this.#taken === this.#ahead.length) {
      this.fill(this.#ahead, two32);
      this.#taken = 0;
    }
    return this.#ahead[this.#taken++]!;
  }

  /** A double in [0, 1): 53 bits, the upper 26 drawn first. */
  uniform(): number {
    const high = this.next() >>> 6;
    return (high * 134_217_728 + (this.next() >>> 5)) / 9_007_199_254_740_992;
  }

  /**
   * Fills `out` with whole numbers of 0 to limit - 1: each draw scaled, not rejected, which moves a probability by less
   * than 2^-32.
   */
  fill(out: Uint32Array, limit: number): void {
    const state = this.#state;
    const scale = limit / two32;
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    for (let i = 0; i < out.length; i++) {
      const five = Math.imul(b, 5);
      const drawn = Math.imul((five << 7) | (five >>> 25), 9);
      const shifted = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= shifted;
      d = (d << 11) | (d >>> 21);
      out[i] = (drawn >>> 0) * scale;
    }
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = d;
  }
}
