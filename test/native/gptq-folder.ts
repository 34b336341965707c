// Reads safetensors files and dequantizes GPTQ linears from the format's definition, sharing no code with the engine;
// held to the Python reading in golden/gptq by the tests.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface StoredTensor {
  readonly type: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export type Tensors = ReadonlyMap<string, StoredTensor>;

export function readSafetensors(file: string): Tensors {
  const bytes = readFileSync(file);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> =
    JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [start, end] = entry.data_offsets.map((offset) => offset + 8 + headerLength);
    tensors.set(name, {
      type: entry.dtype,
      shape: entry.shape,
      bytes: Uint8Array.from(bytes.subarray(start, end)),
    });
  }
  return tensors;
}

function int32s(tensor: StoredTensor): Int32Array {
  if (tensor.type !== 'I32') throw new Error(`a tensor of ${tensor.type} where I32 was due`);
  return new Int32Array(tensor.bytes.buffer);
}

function float16(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits >> 15 === 1 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export interface Linear {
  readonly outputs: number;
  readonly inputs: number;
  /** (outputs, inputs) */
  readonly weights: Float32Array;
  /** (outputs, inputs): the distance of two levels at each weight. */
  readonly steps: Float32Array;
}

/** Paths of the GPTQ linears: "model.layers.0.self_attn.q_proj". */
export function listLinears(tensors: Tensors): string[] {
  return [...tensors.keys()]
    .filter((name) => name.endsWith('.qweight'))
    .map((name) => name.slice(0, -'.qweight'.length))
    .sort();
}

export function dequantize(tensors: Tensors, path: string, format: 'gptq' | 'gptq_v2'): Linear {
  const get = (suffix: string) => tensors.get(`${path}.${suffix}`)!;
  const qweight = int32s(get('qweight'));
  const qzeros = int32s(get('qzeros'));
  const groupOf = int32s(get('g_idx'));
  const scales = new Uint16Array(get('scales').bytes.buffer);
  const inputs = get('qweight').shape[0]! * 8;
  const outputs = get('qweight').shape[1]!;
  const weights = new Float32Array(outputs * inputs);
  const steps = new Float32Array(outputs * inputs);
  for (let k = 0; k < inputs; k++) {
    const group = groupOf[k]!;
    for (let n = 0; n < outputs; n++) {
      const level = (qweight[(k >> 3) * outputs + n]! >>> (4 * (k & 7))) & 15;
      const stored = (qzeros[group * (outputs / 8) + (n >> 3)]! >>> (4 * (n & 7))) & 15;
      const zero = format === 'gptq' ? stored + 1 : stored;
      const scale = float16(scales[group * outputs + n]!);
      weights[n * inputs + k] = scale * (level - zero);
      steps[n * inputs + k] = scale;
    }
  }
  return { outputs, inputs, weights, steps };
}

/** An F32 or BF16 tensor as numbers. */
export function floatsOf(tensor: StoredTensor): Float32Array {
  if (tensor.type === 'F32') return new Float32Array(tensor.bytes.buffer);
  if (tensor.type !== 'BF16') throw new Error(`a tensor of ${tensor.type} where floats were due`);
  const words = Uint32Array.from(new Uint16Array(tensor.bytes.buffer), (bits) => bits << 16);
  return new Float32Array(words.buffer);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function sha256OfFloats(values: Float32Array): string {
  return sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
