// LoadGen's random numbers, bit for bit those of g++ 11 and later: std::mt19937 and libstdc++'s distributions on it.
// Who draws what, and in which order, is schedule.ts's business.

const stateWords = 624;
const shiftWords = 397;
const two32 = 4294967296;
const largestBelowOne = 1 - Number.EPSILON / 2;

/** The seed of an engine nobody seeded. */
export const defaultEngineSeed = 5489n;

/** The 32-bit Mersenne Twister; of a 64-bit seed only the low 32 bits count. */
export class MersenneTwister {
  readonly #state = new Uint32Array(stateWords);
  #position = stateWords;

  constructor(seed: bigint = defaultEngineSeed) {
    const state = this.#state;
    state[0] = Number(BigInt.asUintN(32, seed));
    for (let i = 1; i < stateWords; i++) {
      const previous = state[i - 1]!;
      state[i] = Math.imul(previous ^ (previous >>> 30), 1812433253) + i;
    }
  }

  /** A whole number in 0..2^32-1. */
  next(): number {
    if (this.#position === stateWords) this.#regenerate();
    let y = this.#state[this.#position++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  #regenerate(): void {
    const state = this.#state;
    for (let i = 0; i < stateWords; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % stateWords]! & 0x7fffffff);
      const twist = (y & 1) === 0 ? 0 : 0x9908b0df;
      state[i] = state[(i + shiftWords) % stateWords]! ^ (y >>> 1) ^ twist;
    }
    this.#position = 0;
  }
}

/** High word of the 64-bit product of two 32-bit numbers. */
function highWord(a: number, b: number): number {
  const low = (a & 0xffff) * b;
  const high = (a >>> 16) * b + Math.floor(low / 65536);
  return Math.floor(high / 65536);
}

/** A whole number in 0..n-1 by Lemire's multiply-and-reject; 1 <= n < 2^32. */
export function uniformInt(engine: MersenneTwister, n: number): number {
  let draw = engine.next();
  let low = Math.imul(draw, n) >>> 0;
  if (low < n) {
    const threshold = (two32 - n) % n;
    while (low < threshold) {
      draw = engine.next();
      low = Math.imul(draw, n) >>> 0;
    }
  }
  return highWord(draw, n);
}

/** A double in [0, 1) from two draws, the first being the less significant. */
export function uniformReal(engine: MersenneTwister): number {
  const low = engine.next();
  const high = engine.next();
  const value = (low + high * two32) / (two32 * two32);
  return value < 1 ? value : largestBelowOne;
}

/** An exponentially distributed double of the given rate. */
export function exponential(engine: MersenneTwister, rate: number): number {
  return -Math.log(1 - uniformReal(engine)) / rate;
}

interface Swappable {
  readonly length: number;
  [index: number]: number;
}

function swap(items: Swappable, i: number, j: number): void {
  const held = items[i]!;
  items[i] = items[j]!;
  items[j] = held;
}

/** std::shuffle: up to 65,535 items one draw places two of them. */
export function shuffle(engine: MersenneTwister, items: Swappable): void {
  const n = items.length;
  if (n < 2) return;
  if (Math.floor((two32 - 1) / n) < n) {
    for (let i = 1; i < n; i++) swap(items, i, uniformInt(engine, i + 1));
    return;
  }
  let i = 1;
  if (n % 2 === 0) swap(items, i++, uniformInt(engine, 2));
  for (; i < n; i += 2) {
    const range = i + 1;
    const pair = uniformInt(engine, range * (range + 1));
    swap(items, i, Math.floor(pair / (range + 1)));
    swap(items, i + 1, pair % (range + 1));
  }
}
