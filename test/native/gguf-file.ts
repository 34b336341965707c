// Writes GGUF files from their definition, right or damaged as a test asks, sharing no code with the engine.

type Value = number | bigint | string | boolean | Buffer;

/** Value types as the format numbers them. */
export const valueTypes = { u32: 4, f32: 6, bool: 7, string: 8, array: 9, u64: 10 } as const;

export interface GgufTensor {
  readonly name: string | Buffer;
  /** A row's length first, as the file has it. */
  readonly sizes: readonly (number | bigint)[];
  readonly type: number;
  readonly data: Buffer;
  /** Instead of where the data really lie. */
  readonly offset?: bigint;
}

export interface GgufParts {
  magic?: string;
  version?: number;
  tensorCount?: bigint;
  valueCount?: bigint;
  values: (readonly [key: string, type: number, value: Value])[];
  tensors: GgufTensor[];
  /** Of the writer; `general.alignment` says it to the reader. */
  alignment?: number;
}

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

export const u64 = (value: number | bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

export const text = (value: string | Buffer) =>
  Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

function encode(type: number, value: Value): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (type === valueTypes.string) return text(String(value));
  if (type === valueTypes.u64) return u64(value as number | bigint);
  if (type === valueTypes.bool) return Buffer.from([Number(value)]);
  if (type === valueTypes.f32) {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value as number);
    return bytes;
  }
  return u32(value as number);
}

const pad = (bytes: Buffer, to: number) =>
  Buffer.concat([bytes, Buffer.alloc((to - (bytes.length % to)) % to)]);

export function writeGguf(parts: GgufParts): Buffer {
  const alignment = parts.alignment ?? 32;
  const header: Buffer[] = [
    Buffer.from(parts.magic ?? 'GGUF'),
    u32(parts.version ?? 3),
    u64(parts.tensorCount ?? parts.tensors.length),
    u64(parts.valueCount ?? parts.values.length),
  ];
  for (const [key, type, value] of parts.values) {
    header.push(text(key), u32(type), encode(type, value));
  }
  let data = Buffer.alloc(0);
  for (const tensor of parts.tensors) {
    header.push(text(tensor.name), u32(tensor.sizes.length), ...tensor.sizes.map(u64));
    header.push(u32(tensor.type), u64(tensor.offset ?? BigInt(data.length)));
    data = pad(Buffer.concat([data, tensor.data]), alignment);
  }
  return Buffer.concat([pad(Buffer.concat(header), alignment), data]);
}

/** A llama of one layer with fp32 zeros: 8 tokens, hidden 8, two heads of 4. */
export function smallLlama(): GgufParts {
  const hidden = 8;
  const zeros = (name: string, ...sizes: number[]): GgufTensor => ({
    name,
    sizes,
    type: 0,
    data: Buffer.alloc(4 * sizes.reduce((product, size) => product * size, 1)),
  });
  const square = (name: string) => zeros(`blk.0.${name}.weight`, hidden, hidden);
  return {
    values: [
      ['general.architecture', valueTypes.string, 'llama'],
      ['llama.block_count', valueTypes.u32, 1],
      ['llama.context_length', valueTypes.u32, 128],
      ['llama.embedding_length', valueTypes.u32, hidden],
      ['llama.feed_forward_length', valueTypes.u32, hidden],
      ['llama.attention.head_count', valueTypes.u32, 2],
      ['llama.attention.layer_norm_rms_epsilon', valueTypes.f32, 1e-5],
    ],
    tensors: [
      zeros('token_embd.weight', hidden, 8),
      zeros('output_norm.weight', hidden),
      zeros('blk.0.attn_norm.weight', hidden),
      zeros('blk.0.ffn_norm.weight', hidden),
      ...['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'].map(
        square,
      ),
    ],
  };
}
