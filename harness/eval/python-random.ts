// Which rows would Python's random.Random(seed).sample() draw? lm-evaluation-harness picks few-shot examples with it.
// Mersenne Twister (Matsumoto and Nishimura 1998) seeded by an array, as CPython does with an int.

const size = 624;
const shift = 397;

export class PythonRandom {
  readonly #state = new Uint32Array(size);
  #at = size;

  /** @param seed an integer of 0 to 2^32 - 1. */
  constructor(seed: number) {
    const state = this.#state;
    state[0] = 19_650_218;
    for (let i = 1; i < size; i++) {
      const before = state[i - 1]! ^ (state[i - 1]! >>> 30);
      state[i] = Math.imul(1_812_433_253, before) + i;
    }
    let at = 1;
    const mix = (factor: number, addend: number) => {
      const before = state[at - 1]! ^ (state[at - 1]! >>> 30);
      state[at] = (state[at]! ^ Math.imul(before, factor)) + addend;
      at++;
      if (at < size) return;
      state[0] = state[size - 1]!;
      at = 1;
    };
    for (let i = 0; i < size; i++) mix(1_664_525, seed);
    for (let i = 1; i < size; i++) mix(1_566_083_941, -at);
    state[0] = 0x8000_0000;
  }

  /** `count` of the numbers 0 to `length` - 1, each at most once, in the order drawn. */
  sample(length: number, count: number): number[] {
    if (count > length) throw new RangeError(`${count} of ${length} cannot be drawn`);
    // CPython keeps a pool where a set of what was drawn would take more room.
    const setSize = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0);
    if (length <= setSize) {
      const pool = Array.from({ length }, (_, i) => i);
      return Array.from({ length: count }, (_, i) => {
        const at = this.below(length - i);
        const drawn = pool[at]!;
        pool[at] = pool[length - i - 1]!;
        return drawn;
      });
    }
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(this.below(length));
    return [...drawn];
  }

  /** randrange(limit), and randint(0, limit - 1): uniform, as many bits as the limit has, drawn again while too large. */
  below(limit: number): number {
    const bits = 32 - Math.clz32(limit);
    for (;;) {
      const value = this.#next() >>> (32 - bits);
      if (value < limit) return value;
    }
  }

  #next(): number {
    if (this.#at === size) this.#twist();
    let y = this.#state[this.#at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c_5680;
    y ^= (y << 15) & 0xefc6_0000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < size; i++) {
      const y = (state[i]! & 0x8000_0000) | (state[(i + 1) % size]! & 0x7fff_ffff);
      state[i] = state[(i + shift) % size]! ^ (y >>> 1) ^ (y & 1 ? 0x9908_b0df : 0);
    }
    this.#at = 0;
  }
}
