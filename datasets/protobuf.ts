// The fields of one protobuf message, one after the other, each checked to lie inside it.
// Source: https://protobuf.dev/programming-guides/encoding/. Groups, which proto3 dropped, are refused.

/** `value` is the number of a varint, the bits of a fixed one, or the bytes of a field with a length. */
export type ProtobufField =
  | { readonly number: number; readonly kind: 'varint'; readonly value: bigint }
  | { readonly number: number; readonly kind: 'fixed32' | 'fixed64'; readonly value: Buffer }
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Buffer };

const maxVarintBytes = 10;

/**
 * Walks a message; `start` is where it lies in its file, for the errors.
 * @throws Error naming the byte where a field is cut short or unknown in kind.
 */
export function* readFields(message: Buffer, start = 0): Generator<ProtobufField & { at: number }> {
  let offset = 0;
  const fail = (at: number, what: string): never => {
    throw new Error(`at byte ${start + at}: ${what}`);
  };
  const readVarint = (): bigint => {
    const at = offset;
    let value = 0n;
    for (let i = 0; i < maxVarintBytes; i++) {
      const byte = message[offset++];
      if (byte === undefined) return fail(at, 'a number is cut short by the end');
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return fail(at, `a number has more than ${maxVarintBytes} bytes`);
  };
  const take = (at: number, length: bigint): Buffer => {
    const left = message.length - offset;
    if (length > BigInt(left)) fail(at, `a field has ${length} bytes, but ${left} are left`);
    const value = message.subarray(offset, offset + Number(length));
    offset += Number(length);
    return value;
  };
  while (offset < message.length) {
    const at = offset;
    const key = readVarint();
    const number = Number(key >> 3n);
    if (number === 0) fail(at, 'a field has the number 0');
    const wire = Number(key & 7n);
    if (wire === 0) yield { number, kind: 'varint', value: readVarint(), at: start + at };
    else if (wire === 1) yield { number, kind: 'fixed64', value: take(at, 8n), at: start + at };
    else if (wire === 5) yield { number, kind: 'fixed32', value: take(at, 4n), at: start + at };
    else if (wire === 2) {
      const length = readVarint();
      const content = offset;
      yield { number, kind: 'bytes', value: take(at, length), at: start + content };
    } else fail(at, `a field is of wire type ${wire}; allowed: 0, 1, 2 and 5`);
  }
}
