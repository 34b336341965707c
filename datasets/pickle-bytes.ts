// What stands next in the bytes of a pickle? Opcodes and their arguments, one after another, each held against what is
// left of the file; every fault has the byte of its opcode.

/** Why a pickle is not read, with the byte of the opcode. */
export class PickleError extends Error {
  constructor(
    readonly offset: number,
    message: string,
  ) {
    super(`at byte ${offset}: ${message}`);
  }
}

/** Of a whole number; 2,048 decimal digits. */
const maxIntegerBytes = 850;

/** All but `opcode`, `left` and `fail` move on past what they return. @throws PickleError where that is cut short. */
export class PickleBytes {
  readonly #bytes: Buffer;
  #at = 0;
  /** Of the opcode that is being carried out. */
  #start = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  fail(message: string): never {
    throw new PickleError(this.#start, message);
  }

  opcode(): number {
    this.#start = this.#at;
    const opcode = this.#bytes[this.#at++];
    if (opcode === undefined) this.fail('the pickle is cut short: it has no end (STOP)');
    return opcode;
  }

  /** Moves on by `count` bytes and returns where they begin. */
  take(count: number): number {
    const from = this.#at;
    if (count > this.#bytes.length - from) {
      const left = this.#bytes.length - from;
      this.fail(`the pickle is cut short: ${count} bytes are announced and ${left} follow`);
    }
    this.#at = from + count;
    return from;
  }

  byte(): number {
    return this.#bytes[this.take(1)]!;
  }

  uint16(): number {
    return this.#bytes.readUInt16LE(this.take(2));
  }

  int32(): number {
    return this.#bytes.readInt32LE(this.take(4));
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.take(8));
  }

  /** Of what follows, or the number of a memo. */
  length(width: 4 | 8): number {
    const from = this.take(width);
    if (width === 4) return this.#bytes.readUInt32LE(from);
    const length = this.#bytes.readBigUInt64LE(from);
    if (length > BigInt(this.#bytes.length)) {
      this.fail(`the pickle is cut short: ${length} bytes are announced`);
    }
    return Number(length);
  }

  line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end < 0) this.fail('the pickle is cut short: a name does not end');
    const from = this.take(end + 1 - this.#at);
    return this.#bytes.toString('utf8', from, end);
  }

  text(length: number): string {
    const from = this.take(length);
    return this.#bytes.toString('utf8', from, from + length);
  }

  /** Not a copy. */
  view(length: number): Buffer {
    const from = this.take(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** Little-endian, two's complement; a bigint beyond 53 bits. */
  integer(length: number): number | bigint {
    if (length > maxIntegerBytes) {
      this.fail(`a whole number has ${length} bytes; allowed: up to ${maxIntegerBytes}`);
    }
    const from = this.take(length);
    let value = 0n;
    for (let i = from + length - 1; i >= from; i--) value = (value << 8n) | BigInt(this.#bytes[i]!);
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
}
