// From a GGUF file of the Llama architecture to the folder that Hugging Face's libraries read: config.json,
// model.safetensors in bf16, the tokenizer. Source of names and of the order of q and k: convert_hf_to_gguf.py of
// ggml-org/llama.cpp, which it undoes.

import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  describeGgufTokenizer,
  type GgufHead,
  type GgufTensor,
  readGgufHead,
} from '../datasets/index.js';
import { countBytes, decodeBlocks, toBfloat16 } from './gguf-blocks.js';
import { type TensorSource, writeSafetensors } from './safetensors-file.js';

/**
 * Writes into a folder that is there and empty.
 * @throws Error that names the key or the tensor which cannot be converted.
 */
export function convertGguf(file: string, folder: string, source: string): void {
  const head = readGgufHead(file);
  const facts = readFacts(head);
  const tokenizer = describeGgufTokenizer(file);
  const ids = {
    bos_token_id: head.metadata.get('tokenizer.ggml.bos_token_id'),
    eos_token_id: head.metadata.get('tokenizer.ggml.eos_token_id'),
    pad_token_id: head.metadata.get('tokenizer.ggml.padding_token_id'),
  };
  const write = (name: string, value: object) =>
    writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
  write('config.json', { ...describeModel(facts, head), ...ids });
  write('generation_config.json', { ...ids, do_sample: false });
  write('tokenizer.json', tokenizer['tokenizer.json']);
  const { vocab_size, ...config } = tokenizer['tokenizer_config.json'];
  if (vocab_size !== facts.vocabSize) {
    throw new Error(`there are ${String(vocab_size)} tokens, but ${facts.vocabSize} embeddings`);
  }
  write('tokenizer_config.json', { ...config, model_max_length: facts.positions });
  const input = openSync(file, 'r');
  try {
    const tensors = head.tensors.map((tensor) => planTensor(tensor, head, facts, input));
    writeSafetensors(join(folder, 'model.safetensors'), tensors, { format: 'pt', source });
  } finally {
    closeSync(input);
  }
}

interface Facts {
  readonly layers: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly positions: number;
  readonly vocabSize: number;
  readonly ropeTheta: number;
  readonly epsilon: number;
}

function readFacts({ metadata, tensors }: GgufHead): Facts {
  const architecture = metadata.get('general.architecture');
  if (architecture !== 'llama') {
    throw new Error(`general.architecture is ${JSON.stringify(architecture)}; allowed: "llama"`);
  }
  const number = (key: string, absent?: number): number => {
    const value = metadata.get(`llama.${key}`) ?? absent;
    if (typeof value === 'number' && value > 0) return value;
    throw new Error(`llama.${key} is ${String(value)}; allowed: a number above 0`);
  };
  for (const key of metadata.keys()) {
    if (!/^llama\.(rope\.scaling|expert|attention\.sliding)/.test(key)) continue;
    throw new Error(`${key} is ${String(metadata.get(key))}; allowed: no such key`);
  }
  const heads = number('attention.head_count');
  const hidden = number('embedding_length');
  const embedding = tensors.find(({ name }) => name === 'token_embd.weight');
  return {
    layers: number('block_count'),
    hidden,
    intermediate: number('feed_forward_length'),
    heads,
    kvHeads: number('attention.head_count_kv', heads),
    headDim: number('rope.dimension_count', hidden / heads),
    positions: number('context_length'),
    vocabSize: embedding?.dimensions[1] ?? 0,
    ropeTheta: number('rope.freq_base', 10_000),
    epsilon: number('attention.layer_norm_rms_epsilon'),
  };
}

function describeModel(facts: Facts, { tensors }: GgufHead): object {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: facts.vocabSize,
    hidden_size: facts.hidden,
    intermediate_size: facts.intermediate,
    num_hidden_layers: facts.layers,
    num_attention_heads: facts.heads,
    num_key_value_heads: facts.kvHeads,
    head_dim: facts.headDim,
    hidden_act: 'silu',
    max_position_embeddings: facts.positions,
    rms_norm_eps: shortest(facts.epsilon),
    rope_theta: shortest(facts.ropeTheta),
    rope_scaling: null,
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: !tensors.some(({ name }) => name === 'output.weight'),
    torch_dtype: 'bfloat16',
  };
}

/** An fp32 number with no more digits than it has. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

const outerNames: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

const layerNames: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

function nameOf({ name }: GgufTensor): string {
  const [, layer, part] = /^blk\.(\d+)\.(\w+)\.weight$/.exec(name) ?? [];
  const known = part === undefined ? outerNames[name] : layerNames[part];
  if (known === undefined) throw new Error(`${name} is no tensor of a Llama without biases`);
  return part === undefined ? known : `model.layers.${layer}.${known}.weight`;
}

function planTensor(tensor: GgufTensor, head: GgufHead, facts: Facts, file: number): TensorSource {
  const { dimensions, type, offset, name } = tensor;
  const count = dimensions.reduce((product, size) => product * size, 1);
  const start = head.dataStart + offset;
  let bytes: number;
  try {
    bytes = countBytes(type, count);
  } catch (cause) {
    throw new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (start + bytes > head.fileBytes) {
    throw new Error(`${name} ends at byte ${start + bytes} of a file of ${head.fileBytes}`);
  }
  const heads = /attn_q\.weight$/.test(name)
    ? facts.heads
    : /attn_k\.weight$/.test(name)
      ? facts.kvHeads
      : 0;
  return {
    name: nameOf(tensor),
    dtype: 'BF16',
    shape: dimensions.toReversed(),
    bytes: 2 * count,
    read: () => {
      const values = decodeBlocks(type, readBytes(file, start, bytes));
      return toBfloat16(heads === 0 ? values : separateHalves(values, dimensions[0]!, heads));
    },
  };
}

function readBytes(file: number, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const count = readSync(file, bytes, done, length - done, start + done);
    if (count === 0) throw new Error(`the file ends at byte ${start + done}`);
    done += count;
  }
  return bytes;
}

/** llama.cpp turns neighbouring rows of a head, transformers rows half a head apart: (pair, 2) becomes (2, pair). */
function separateHalves(values: Float32Array, columns: number, heads: number): Float32Array {
  const rows = values.length / columns;
  const half = rows / heads / 2;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const head = Math.floor(row / (2 * half));
    const within = row % (2 * half);
    const target = head * 2 * half + (within % 2) * half + Math.floor(within / 2);
    out.set(values.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return out;
}
