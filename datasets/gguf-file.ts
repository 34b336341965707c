// The head of a GGUF file: its metadata, and where its tensors lie. Every length is checked against the file before
// anything is read or kept. Source: docs/gguf.md of ggml-org/ggml. What the values mean is others' business.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export type GgufScalar = number | bigint | boolean | string;
export type GgufValue = GgufScalar | readonly GgufScalar[];

export interface GgufTensor {
  readonly name: string;
  /** The fastest one first: a linear of n outputs and k inputs has [k, n]. */
  readonly dimensions: readonly number[];
  /** ggml_type. */
  readonly type: number;
  /** Bytes from `dataStart`. */
  readonly offset: number;
}

export interface GgufHead {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Where the first tensor may begin. */
  readonly dataStart: number;
  readonly fileBytes: number;
}

const maxKeys = 65_536;
const maxTensors = 1_000_000;
const maxKeyBytes = 65_535;
const maxStringBytes = 16 << 20;
const maxArrayLength = 8_000_000;
/** What is kept of a file's head in all. */
const maxHeadBytes = 512 << 20;
const windowBytes = 1 << 20;

/** @throws Error that names the byte and the key which are wrong, or the system's when the file cannot be read. */
export function readGgufHead(path: string): GgufHead {
  const file = openSync(path, 'r');
  try {
    return new HeadReader(file, fstatSync(file).size).read();
  } finally {
    closeSync(file);
  }
}

/** Bytes of a value of each type but strings (8) and arrays (9). */
const scalarBytes: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

class HeadReader {
  #at = 0;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  /** What is being read, for the errors. */
  #place = 'the header';

  constructor(
    readonly file: number,
    readonly fileBytes: number,
  ) {}

  read(): GgufHead {
    const magic = this.#take(4).toString('latin1');
    if (magic !== 'GGUF')
      this.#fail(0, `the file begins with ${JSON.stringify(magic)}; allowed: "GGUF"`);
    const version = this.#u32();
    if (version !== 2 && version !== 3) this.#fail(4, `version is ${version}; allowed: 2 and 3`);
    const tensorCount = this.#count('tensors', maxTensors, 24);
    const keyCount = this.#count('keys', maxKeys, 13);
    const metadata = new Map<string, GgufValue>();
    for (let i = 0; i < keyCount; i++) {
      this.#place = `key ${i} of ${keyCount}`;
      const at = this.#at;
      const key = this.#text(maxKeyBytes);
      if (metadata.has(key)) this.#fail(at, `${JSON.stringify(key)} comes twice`);
      this.#place = key;
      metadata.set(key, this.#value(this.#u32()));
    }
    const tensors = Array.from({ length: tensorCount }, (_, i) => this.#tensor(i, tensorCount));
    const alignment = metadata.get('general.alignment') ?? 32;
    if (typeof alignment !== 'number' || alignment < 1 || alignment % 8 !== 0) {
      this.#fail(this.#at, `general.alignment is ${String(alignment)}; allowed: a multiple of 8`);
    }
    const dataStart = Math.ceil(this.#at / Number(alignment)) * Number(alignment);
    return { metadata, tensors, dataStart, fileBytes: this.fileBytes };
  }

  #tensor(index: number, count: number): GgufTensor {
    this.#place = `tensor ${index} of ${count}`;
    const name = this.#text(maxKeyBytes);
    this.#place = name;
    const at = this.#at;
    const rank = this.#u32();
    if (rank < 1 || rank > 4) this.#fail(at, `it has ${rank} dimensions; allowed: 1 to 4`);
    const dimensions = Array.from({ length: rank }, () => this.#size());
    return { name, dimensions, type: this.#u32(), offset: this.#size() };
  }

  #value(type: number): GgufValue {
    if (type === 8) return this.#text(maxStringBytes);
    if (type !== 9) return this.#scalar(type);
    const at = this.#at;
    const element = this.#u32();
    if (element === 9)
      this.#fail(at, 'it is an array of arrays; allowed: numbers, truths or texts');
    const least = element === 8 ? 8 : this.#scalarSize(element);
    const length = this.#count('elements', maxArrayLength, least);
    return Array.from({ length }, () =>
      element === 8 ? this.#text(maxStringBytes) : this.#scalar(element),
    );
  }

  #scalarSize(type: number): number {
    const size = scalarBytes[type];
    return size ?? this.#fail(this.#at - 4, `its type is ${type}; allowed: 0 to 12`);
  }

  #scalar(type: number): GgufScalar {
    const at = this.#at;
    const bytes = this.#take(this.#scalarSize(type));
    switch (type) {
      case 0:
        return bytes.readUInt8();
      case 1:
        return bytes.readInt8();
      case 2:
        return bytes.readUInt16LE();
      case 3:
        return bytes.readInt16LE();
      case 4:
        return bytes.readUInt32LE();
      case 5:
        return bytes.readInt32LE();
      case 6:
        return bytes.readFloatLE();
      case 7: {
        const truth = bytes.readUInt8();
        if (truth > 1) this.#fail(at, `a truth is ${truth}; allowed: 0 and 1`);
        return truth === 1;
      }
      case 10:
        return asNumber(bytes.readBigUInt64LE());
      case 11:
        return asNumber(bytes.readBigInt64LE());
      default:
        return bytes.readDoubleLE();
    }
  }

  #u32(): number {
    return this.#take(4).readUInt32LE();
  }

  /** A u64 that is a whole number of JavaScript's. */
  #size(): number {
    const at = this.#at;
    const size = asNumber(this.#take(8).readBigUInt64LE());
    return typeof size === 'number' ? size : this.#fail(at, `a size is ${size}`);
  }

  /** How many things follow, each of at least so many bytes. */
  #count(what: string, most: number, leastBytes: number): number {
    const at = this.#at;
    const count = this.#size();
    const left = this.fileBytes - this.#at;
    if (count > most) this.#fail(at, `it has ${count} ${what}; allowed: up to ${most}`);
    if (count * leastBytes > left) {
      this.#fail(at, `it has ${count} ${what}, but ${left} bytes are left of the file`);
    }
    return count;
  }

  #text(mostBytes: number): string {
    const at = this.#at;
    const length = this.#size();
    if (length > mostBytes) {
      this.#fail(at, `a text has ${length} bytes; allowed: up to ${mostBytes}`);
    }
    return this.#take(length).toString('utf8');
  }

  #take(length: number): Buffer {
    const at = this.#at;
    const left = this.fileBytes - at;
    if (length > left)
      this.#fail(at, `${length} bytes are wanted, but ${left} are left of the file`);
    if (at + length > maxHeadBytes) this.#fail(at, `the head exceeds ${maxHeadBytes} bytes`);
    if (at + length > this.#windowStart + this.#window.length) this.#moveWindow(length);
    this.#at += length;
    const start = at - this.#windowStart;
    return this.#window.subarray(start, start + length);
  }

  #moveWindow(length: number): void {
    const size = Math.min(Math.max(length, windowBytes), this.fileBytes - this.#at);
    const window = Buffer.alloc(size);
    for (let done = 0; done < size; ) {
      const count = readSync(this.file, window, done, size - done, this.#at + done);
      if (count === 0) this.#fail(this.#at + done, 'the file has become shorter');
      done += count;
    }
    this.#window = window;
    this.#windowStart = this.#at;
  }

  #fail(at: number, what: string): never {
    throw new Error(`at byte ${at}, ${this.#place}: ${what}`);
  }
}

function asNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
