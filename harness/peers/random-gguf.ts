// A GGUF file of random weights, for timing alone: every linear in Q4_0, embedding and head one table in Q8_0, as files
// of small models are shared. Its vocabulary is made up, since only token ids are asked, and llama.cpp's binding wants one.
// Source of the format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.

import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { toFloat16Bits } from '../float16-bits.js';

/** As config.json would say it: the shape of a Llama whose head is its embedding. */
export interface LlamaShape {
  readonly layers: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly positions: number;
  readonly ropeTheta: number;
}

const valueTypes = { u32: 4, i32: 5, f32: 6, string: 8, array: 9 } as const;
const tensorTypes = {
  F32: { id: 0, values: 1, bytes: 4 },
  Q4_0: { id: 2, values: 32, bytes: 18 },
  Q8_0: { id: 8, values: 32, bytes: 34 },
} as const;
const alignment = 32;
const chunkBlocks = 1 << 18;

interface Tensor {
  readonly name: string;
  readonly columns: number;
  /** null: a vector. */
  readonly rows: number | null;
  readonly type: keyof typeof tensorTypes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
}

function describeModel(shape: LlamaShape): Buffer[] {
  const count = (key: string, value: number) => [text(key), u32(valueTypes.u32), u32(value)];
  const real = (key: string, value: number) => [text(key), u32(valueTypes.f32), f32(value)];
  const word = (key: string, value: string) => [text(key), u32(valueTypes.string), text(value)];
  const entries = [
    word('general.architecture', 'llama'),
    ...describeVocabulary(shape.vocabSize),
    count('llama.block_count', shape.layers),
    count('llama.context_length', shape.positions),
    count('llama.embedding_length', shape.hidden),
    count('llama.feed_forward_length', shape.intermediate),
    count('llama.attention.head_count', shape.heads),
    count('llama.attention.head_count_kv', shape.kvHeads),
    count('llama.rope.dimension_count', shape.headDim),
    real('llama.rope.freq_base', shape.ropeTheta),
    real('llama.attention.layer_norm_rms_epsilon', 1e-5),
  ];
  return [u64(entries.length), ...entries.flat()];
}

/** SentencePiece's: three control tokens, 256 bytes, and words without a meaning. */
function describeVocabulary(size: number): Buffer[][] {
  const kinds = { normal: 1, unknown: 2, control: 3, byte: 6 };
  const control = ['<unk>', '<s>', '</s>'];
  const bytes = 256;
  const nameOf = (id: number): string => {
    const byte = id - control.length;
    if (byte < 0) return control[id]!;
    if (byte >= bytes) return `w${id}`;
    return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
  };
  const kindOf = (id: number) => {
    if (id === 0) return kinds.unknown;
    if (id < control.length) return kinds.control;
    return id < control.length + bytes ? kinds.byte : kinds.normal;
  };
  const list = (key: string, type: number, make: (id: number) => Buffer) => [
    text(`tokenizer.ggml.${key}`),
    ...[u32(valueTypes.array), u32(type), u64(size)],
    ...Array.from({ length: size }, (_, id) => make(id)),
  ];
  return [
    [text('tokenizer.ggml.model'), u32(valueTypes.string), text('llama')],
    list('tokens', valueTypes.string, (id) => text(nameOf(id))),
    list('scores', valueTypes.f32, (id) => f32(-id)),
    list('token_type', valueTypes.i32, (id) => u32(kindOf(id))),
  ];
}

function listTensors(shape: LlamaShape): Tensor[] {
  const { hidden, intermediate, heads, kvHeads, headDim } = shape;
  const vector = (name: string): Tensor => ({ name, columns: hidden, rows: null, type: 'F32' });
  const linears = [
    ['attn_q', heads * headDim, hidden],
    ['attn_k', kvHeads * headDim, hidden],
    ['attn_v', kvHeads * headDim, hidden],
    ['attn_output', hidden, heads * headDim],
    ['ffn_gate', intermediate, hidden],
    ['ffn_up', intermediate, hidden],
    ['ffn_down', hidden, intermediate],
  ] as const;
  const layers = Array.from({ length: shape.layers }, (_, layer) => `blk.${layer}`);
  return [
    { name: 'token_embd.weight', columns: hidden, rows: shape.vocabSize, type: 'Q8_0' },
    vector('output_norm.weight'),
    ...layers.flatMap((prefix) => [
      vector(`${prefix}.attn_norm.weight`),
      vector(`${prefix}.ffn_norm.weight`),
      ...linears.map(([name, rows, columns]): Tensor => {
        return { name: `${prefix}.${name}.weight`, columns, rows, type: 'Q4_0' };
      }),
    ]),
  ];
}

function blocksOf({ columns, rows, type }: Tensor): number {
  return ((rows ?? 1) * columns) / tensorTypes[type].values;
}

function paddingAfter(bytes: number): number {
  return (alignment - (bytes % alignment)) % alignment;
}

/** Writes the new file `path`. Outputs of every linear are as large as its inputs, so nothing overflows on the way. */
export function writeRandomGguf(path: string, shape: LlamaShape): void {
  const tensors = listTensors(shape);
  let offset = 0;
  const directory = tensors.flatMap((tensor) => {
    const sizes = tensor.rows === null ? [tensor.columns] : [tensor.columns, tensor.rows];
    const at = offset;
    const bytes = blocksOf(tensor) * tensorTypes[tensor.type].bytes;
    offset += bytes + paddingAfter(bytes);
    const { id } = tensorTypes[tensor.type];
    return [text(tensor.name), u32(sizes.length), ...sizes.map(u64), u32(id), u64(at)];
  });
  const head = [Buffer.from('GGUF'), u32(3), u64(tensors.length), ...describeModel(shape)];
  const header = Buffer.concat([...head, ...directory]);
  const file = openSync(path, 'wx');
  try {
    writeAll(file, header);
    writeAll(file, Buffer.alloc(paddingAfter(header.length)));
    for (const tensor of tensors) writeTensor(file, tensor);
  } finally {
    closeSync(file);
  }
}

function writeTensor(file: number, tensor: Tensor): void {
  const { bytes } = tensorTypes[tensor.type];
  const blocks = blocksOf(tensor);
  for (let done = 0; done < blocks; done += chunkBlocks) {
    writeAll(file, makeBlocks(tensor, Math.min(chunkBlocks, blocks - done)));
  }
  writeAll(file, Buffer.alloc(paddingAfter(blocks * bytes)));
}

/** Norms of 1; random integers under one scale. */
function makeBlocks({ type, columns }: Tensor, count: number): Buffer {
  const { bytes } = tensorTypes[type];
  const data = Buffer.alloc(count * bytes);
  if (type === 'F32') {
    for (let i = 0; i < count; i++) data.writeFloatLE(1, i * bytes);
    return data;
  }
  randomFillSync(data);
  const meanSquare = type === 'Q4_0' ? 21.5 : 127 ** 2 / 3; // of 0 to 15 around 8, of -128 to 127
  const scale = toFloat16Bits(1 / Math.sqrt(meanSquare * columns));
  for (let i = 0; i < count; i++) data.writeUInt16LE(scale, i * bytes);
  return data;
}

function writeAll(file: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) done += writeSync(file, data, done);
}
