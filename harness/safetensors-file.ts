// Writes a safetensors file tensor by tensor, so that no more than one of them need be in memory.
// Source of the format: https://github.com/huggingface/safetensors.

import { closeSync, openSync, writeSync } from 'node:fs';

export interface TensorSource {
  readonly name: string;
  readonly dtype: 'I32' | 'F16' | 'BF16' | 'F32';
  readonly shape: readonly number[];
  readonly bytes: number;
  /** Asked for once, in the order of the list. */
  readonly read: () => Uint8Array;
}

/** Header length (u64), header JSON padded to 8 bytes, data in the header's order. The file must not exist yet. */
export function writeSafetensors(
  path: string,
  tensors: readonly TensorSource[],
  metadata: Readonly<Record<string, string>> = {},
): void {
  let offset = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    const start = offset;
    offset += bytes;
    return [name, { dtype, shape, data_offsets: [start, offset] }] as const;
  });
  const described = Object.keys(metadata).length === 0 ? {} : { __metadata__: metadata };
  const text = JSON.stringify({ ...described, ...Object.fromEntries(entries) });
  const header = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(path, 'wx');
  try {
    writeAll(file, length);
    writeAll(file, header);
    for (const { name, bytes, read } of tensors) {
      const data = read();
      if (data.length !== bytes) throw new Error(`${name} has ${data.length} bytes, not ${bytes}`);
      writeAll(file, data);
    }
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) done += writeSync(file, data, done);
}
