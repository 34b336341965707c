// Random numbers for the built-in data: xoshiro128** (Blackman and Vigna), seeded by hashing a list of parts, so that
// any row can be made alone from (dataset, split, index). Not for LoadGen, which has its own generator.

/** FNV-1a over the UTF-16 code units of a text, with a final mix (murmur3's) because FNV's high bits are weak. */
export function hashText(text: string, seed = 0): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export class Random {
  private readonly state: Uint32Array;

  constructor(...parts: readonly (string | number)[]) {
    const key = parts.join('\u0000');
    this.state = Uint32Array.from([1, 2, 3, 4], (word) =>
      hashText(key, Math.imul(word, 0x9e3779b9)),
    );
    if (this.state.every((word) => word === 0)) this.state[0] = 1;
  }

  /** Uniform over [0, 2^32). */
  next(): number {
    const s = this.state;
    const [s0, s1, s2, s3] = [s[0]!, s[1]!, s[2]!, s[3]!];
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t2 = s2 ^ s0;
    const t3 = s3 ^ s1;
    s[1] = s1 ^ t2;
    s[0] = s0 ^ t3;
    s[2] = t2 ^ (s1 << 9);
    s[3] = (t3 << 11) | (t3 >>> 21);
    return result;
  }

  /** Uniform integer in [0, limit); the bias of the multiply is below limit / 2^32. */
  below(limit: number): number {
    return Math.floor((this.next() / 4294967296) * limit);
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('pick from an empty list');
    return list[this.below(list.length)] as T;
  }

  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(list: readonly T[]): T[] {
    return this.draw(list, list.length);
  }

  /** `count` different elements, in random order. */
  draw<T>(list: readonly T[], count: number): T[] {
    if (count > list.length) throw new RangeError(`draw ${count} from ${list.length}`);
    const copy = [...list];
    for (let i = 0; i < count; i++) {
      const j = i + this.below(copy.length - i);
      const swapped = copy[i] as T;
      copy[i] = copy[j] as T;
      copy[j] = swapped;
    }
    return copy.slice(0, count);
  }
}
