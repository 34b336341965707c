// A checkpoint for timing alone: two layers in the shape of Llama-3-8B with random INT4 weights, 230 MB, far beyond any
// CPU cache, where the built-in model lies inside one. Its answers mean nothing.

import { randomFillSync } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toFloat16Bits } from './float16-bits.js';
import { writeSafetensors } from './safetensors-file.js';

const shape = {
  layers: 2,
  hidden: 4096,
  intermediate: 14_336,
  heads: 32,
  kvHeads: 8,
  headDim: 128,
};
const vocabSize = 1024;
const groupSize = 128;

interface Tensor {
  readonly name: string;
  readonly dtype: 'I32' | 'F16' | 'BF16';
  readonly shape: readonly number[];
  readonly data: Buffer;
}

/** Writes config.json and model.safetensors into a new `folder`, with the tokenizer of `tokenizerFolder`. */
export function writeWideCheckpoint(folder: string, tokenizerFolder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(join(tokenizerFolder, name), join(folder, name));
  }
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify(describeModel(), null, 2)}\n`);
  const tensors = listTensors().map(({ data, ...entry }) => {
    return { ...entry, bytes: data.length, read: () => data };
  });
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
}

function describeModel(): object {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: vocabSize,
    hidden_size: shape.hidden,
    intermediate_size: shape.intermediate,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    head_dim: shape.headDim,
    hidden_act: 'silu',
    max_position_embeddings: 1024,
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: false,
    bos_token_id: 0,
    eos_token_id: 1,
    quantization_config: {
      quant_method: 'gptq',
      bits: 4,
      group_size: groupSize,
      sym: true,
      desc_act: false,
      checkpoint_format: 'gptq',
    },
  };
}

function listTensors(): Tensor[] {
  const { hidden, intermediate, heads, kvHeads, headDim } = shape;
  const linears: readonly (readonly [string, number, number])[] = [
    ['self_attn.q_proj', heads * headDim, hidden],
    ['self_attn.k_proj', kvHeads * headDim, hidden],
    ['self_attn.v_proj', kvHeads * headDim, hidden],
    ['self_attn.o_proj', hidden, heads * headDim],
    ['mlp.gate_proj', intermediate, hidden],
    ['mlp.up_proj', intermediate, hidden],
    ['mlp.down_proj', hidden, intermediate],
  ];
  const layers = Array.from({ length: shape.layers }, (_, layer) => `model.layers.${layer}`);
  return [
    randomMatrix('model.embed_tokens.weight', vocabSize, hidden),
    ...layers.flatMap((prefix) => [
      ...linears.flatMap(([name, n, k]) => randomInt4Linear(`${prefix}.${name}`, n, k)),
      onesVector(`${prefix}.input_layernorm.weight`, hidden),
      onesVector(`${prefix}.post_attention_layernorm.weight`, hidden),
    ]),
    onesVector('model.norm.weight', hidden),
    randomMatrix('lm_head.weight', vocabSize, hidden),
  ];
}

/** qweight, qzeros (8 everywhere, stored less one) and scales, which make the output as large as the input. */
function randomInt4Linear(name: string, n: number, k: number): Tensor[] {
  const groups = k / groupSize;
  const levels = Math.sqrt(21.5); // mean square of 0..15 around 8
  const scale = toFloat16Bits(1 / (levels * Math.sqrt(k)));
  const scales = Buffer.alloc(groups * n * 2);
  new Uint16Array(scales.buffer, scales.byteOffset, groups * n).fill(scale);
  return [
    {
      name: `${name}.qweight`,
      dtype: 'I32',
      shape: [k / 8, n],
      data: randomFillSync(Buffer.alloc((k / 8) * n * 4)),
    },
    {
      name: `${name}.qzeros`,
      dtype: 'I32',
      shape: [groups, n / 8],
      data: Buffer.alloc(groups * (n / 8) * 4, 0x77),
    },
    { name: `${name}.scales`, dtype: 'F16', shape: [groups, n], data: scales },
  ];
}

/** bf16 of either sign between 1/64 and 1/32. */
function randomMatrix(name: string, rows: number, columns: number): Tensor {
  const data = randomFillSync(Buffer.alloc(rows * columns * 2));
  const bits = new Uint16Array(data.buffer, data.byteOffset, rows * columns);
  for (let i = 0; i < bits.length; i++) bits[i] = (bits[i]! & 0x807f) | 0x3c80;
  return { name, dtype: 'BF16', shape: [rows, columns], data };
}

function onesVector(name: string, size: number): Tensor {
  const data = Buffer.alloc(size * 2);
  new Uint16Array(data.buffer, data.byteOffset, size).fill(0x3f80);
  return { name, dtype: 'BF16', shape: [size], data };
}
