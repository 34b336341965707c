// Is every checkpoint that contradicts its format, its configuration or what the engine can do refused, naming the
// tensor or field, its value and what is allowed? Each case is one change to a good small checkpoint.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Engine, eventStatus } from '../../native/index.js';
import { Bench, goldenFolder, makeOptions, makeRequest } from './golden-model.js';

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}
type Header = Record<string, Entry>;
type Config = Record<string, unknown>;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-checkpoint-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (model: string, file: string) => readFileSync(join(goldenFolder, model, file));

function splitFile(bytes: Buffer): { header: Header; data: Buffer } {
  const length = Number(bytes.readBigUInt64LE(0));
  return {
    header: JSON.parse(bytes.toString('utf8', 8, 8 + length)),
    data: Buffer.from(bytes.subarray(8 + length)),
  };
}

function joinFile(header: string, data: Buffer): Buffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

async function load(model: string, file: Buffer | undefined, config?: string): Promise<unknown> {
  writeFileSync(join(folder, 'config.json'), config ?? read(model, 'config.json'));
  if (file === undefined) rmSync(join(folder, 'model.safetensors'), { force: true });
  else writeFileSync(join(folder, 'model.safetensors'), file);
  const options = { ...makeOptions(model), modelPath: folder };
  const engine = await Engine.load(options, { onEvents: () => {} });
  await engine.close();
  return engine;
}

const refused = (message: RegExp, code = 'ERR_BAD_CHECKPOINT') =>
  expect.objectContaining({ name: 'NativeError', code, message: expect.stringMatching(message) });

const lmHead = 'lm_head.weight';
const scales = 'model.layers.1.mlp.up_proj.scales';

/** Changes the header and data of a model's file; lays nothing out anew. */
type Edit = (header: Header, data: Buffer) => void;

async function loadEdited(model: string, edit: Edit): Promise<unknown> {
  const { header, data } = splitFile(read(model, 'model.safetensors'));
  edit(header, data);
  return load(model, joinFile(JSON.stringify(header), data));
}

test('the unedited file loads, laid out anew', async () => {
  expect(await loadEdited('float32', () => {})).toBeInstanceOf(Engine);
  expect(await loadEdited('gptq-v1-g32-sym', () => {})).toBeInstanceOf(Engine);
});

describe('bytes', () => {
  const whole = () => read('float32', 'model.safetensors');
  const withLength = (length: bigint) => {
    const bytes = Buffer.from(whole());
    bytes.writeBigUInt64LE(length);
    return bytes;
  };
  test.each<[string, () => Buffer | undefined, RegExp]>([
    ['no file', () => undefined, /cannot open .*model\.safetensors/],
    ['an empty file', () => Buffer.alloc(0), /holds 0 bytes; allowed: at least 8/],
    ['5 bytes', () => whole().subarray(0, 5), /holds 5 bytes; allowed: at least 8/],
    [
      'cut inside the header',
      () => whole().subarray(0, 500),
      /header's length is \d+; allowed: at most 492/,
    ],
    ['cut inside the data', () => whole().subarray(0, -1), /data_offsets .*allowed: .* <= \d+/],
    [
      'a byte too many',
      () => Buffer.concat([whole(), Buffer.alloc(1)]),
      /the tensors end at byte \d+/,
    ],
    ['header length 2^64 - 1', () => withLength(2n ** 64n - 1n), /length is 18446744073709551615/],
    ['header length 2^63', () => withLength(2n ** 63n), /length is 9223372036854775808/],
    ['header length 0', () => withLength(0n), /header is not valid JSON at byte 0/],
    [
      'a header that is a list',
      () => joinFile('[1]', Buffer.alloc(0)),
      /header is \[1\]; allowed: an object/,
    ],
    [
      'an empty header',
      () => joinFile('{}', Buffer.alloc(0)),
      /lacks tensor "model\.embed_tokens\.weight"/,
    ],
    [
      'a name twice',
      () =>
        joinFile('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}}', Buffer.alloc(0)),
      /header is not valid JSON at byte 53: it names "a" twice/,
    ],
  ])('%s', async (_, file, message) => {
    await expect(load('float32', file())).rejects.toEqual(refused(message));
  });
});

describe('tensors', () => {
  const first = 'model.embed_tokens.weight';
  test.each<[string, Edit, RegExp]>([
    [
      'past the end',
      (h) => h[lmHead]!.data_offsets[1]++,
      /"lm_head\.weight" (has data_offsets|of shape)/,
    ],
    [
      'an end before its begin',
      (h) => h[lmHead]!.data_offsets.reverse(),
      /"lm_head\.weight" has data_offsets/,
    ],
    ['a negative begin', (h) => (h[first]!.data_offsets[0] = -4), /data_offsets \[-4/],
    [
      'an offset beyond int64',
      (h) => (h[first]!.data_offsets[1] = 1e30),
      /data_offsets \[\d+, 1e\+30\]/,
    ],
    [
      'overlapping another',
      (h) => (h[first]!.data_offsets = [...h[lmHead]!.data_offsets]),
      /begins at byte \d+/,
    ],
    [
      'a hole',
      (h) => delete h['model.norm.weight'],
      /begins at byte \d+ of the data|the tensors end/,
    ],
    [
      'a shape of other bytes',
      (h) => (h[lmHead]!.shape = [160, 65]),
      /shape \[160, 65\] F32 needs 41600 bytes/,
    ],
    [
      'a shape that overflows',
      (h) => (h[lmHead]!.shape = [2 ** 52, 2 ** 52]),
      /"lm_head\.weight" has shape/,
    ],
    [
      'a negative size',
      (h) => (h[lmHead]!.shape = [-160, -64]),
      /"lm_head\.weight" has shape \[-160, -64\]/,
    ],
    [
      'a size that is no integer',
      (h) => (h[lmHead]!.shape = [160.5, 64]),
      /"lm_head\.weight" has shape \[160\.5, 64\]; allowed: sizes/,
    ],
    ['nine sizes', (h) => (h[lmHead]!.shape = Array(9).fill(1)), /at most 8 sizes/],
    [
      'an unknown dtype',
      (h) => (h[lmHead]!.dtype = 'F8_E4M3'),
      /dtype "F8_E4M3"; allowed: F32, BF16/,
    ],
    [
      'a dtype of the same size',
      (h) => (h[lmHead]!.dtype = 'I32'),
      /lm_head\.weight has dtype I32; allowed/,
    ],
    [
      'a transposed shape',
      (h) => (h[lmHead]!.shape = [64, 160]),
      /shape \[64, 160\]; config\.json asks for \[160, 64\]/,
    ],
    ['an entry that is no object', (h) => (h[first] = 7 as never), /is 7; allowed: an object/],
    [
      'one missing',
      (h) => {
        h.elsewhere = h[lmHead]!;
        delete h[lmHead];
      },
      /lacks tensor "lm_head\.weight"/,
    ],
    [
      'a NaN',
      (h, data) =>
        data.writeFloatLE(
          Number.NaN,
          h['model.layers.0.mlp.down_proj.weight']!.data_offsets[0] + 40,
        ),
      /model\.layers\.0\.mlp\.down_proj\.weight holds an infinity or NaN at element 10/,
    ],
    [
      'an infinite norm',
      (h, data) =>
        data.writeFloatLE(Number.POSITIVE_INFINITY, h['model.norm.weight']!.data_offsets[0]),
      /"model\.norm\.weight" holds inf at element 0/,
    ],
  ])('%s', async (_, edit, message) => {
    await expect(loadEdited('float32', edit)).rejects.toEqual(refused(message));
  });
});

describe('GPTQ tensors', () => {
  const put16 =
    (bits: number): Edit =>
    (h, data) =>
      data.writeUInt16LE(bits, h[scales]!.data_offsets[0] + 2);
  test.each<[string, string, Edit, RegExp]>([
    ['an infinite scale', 'gptq-v1-g32-sym', put16(0x7c00), /up_proj: scale\[0\]\[1\] is inf/],
    ['a NaN scale', 'gptq-v1-g32-sym', put16(0x7e00), /up_proj: scale\[0\]\[1\] is nan/],
    ['a negative scale', 'gptq-v1-g32-sym', put16(0xbc00), /up_proj: scale\[0\]\[1\] is -1/],
    [
      'zero points of the other convention',
      'gptq-v1-g32-sym',
      (h, data) => data.fill(0x88, ...h['model.layers.0.self_attn.q_proj.qzeros']!.data_offsets),
      /layers\.0\.self_attn\.q_proj: a zero point is 9; with sym true every one must be 8/,
    ],
    [
      'a zero point of 16',
      'gptq-v1-row-asym',
      (h, data) => data.fill(0xff, ...h['model.layers.0.self_attn.q_proj.qzeros']!.data_offsets),
      /q_proj: zero point .* is 16/,
    ],
    [
      'a g_idx out of range',
      'gptq-v2-g64-asym-act-order',
      (h, data) =>
        data.writeInt32LE(2, h['model.layers.0.mlp.down_proj.g_idx']!.data_offsets[0] + 8),
      /down_proj: g_idx\[2\] is 2; allowed are 0 to 1/,
    ],
    [
      'scales of another type',
      'gptq-v1-g32-sym',
      (h) => (h[scales]!.dtype = 'BF16'),
      /up_proj\.scales has dtype BF16; allowed: F16/,
    ],
    [
      'scales of fewer groups',
      'gptq-v1-g32-sym',
      (h) => (h[scales]!.shape = [1, 256]),
      /up_proj\.scales" has shape \[1, 256\]; config\.json asks for \[2, 128\]/,
    ],
    [
      'no g_idx under desc_act',
      'gptq-v2-g64-asym-act-order',
      (h) => {
        h.elsewhere = h['model.layers.0.mlp.down_proj.g_idx']!;
        delete h['model.layers.0.mlp.down_proj.g_idx'];
      },
      /lacks tensor "model\.layers\.0\.mlp\.down_proj\.g_idx"/,
    ],
  ])('%s', async (_, model, edit, message) => {
    await expect(loadEdited(model, edit)).rejects.toEqual(refused(message));
  });

  test('quantized tensors without a quantization_config', async () => {
    const config: Config = JSON.parse(read('gptq-v1-g32-sym', 'config.json').toString());
    delete config.quantization_config;
    const loading = load(
      'gptq-v1-g32-sym',
      read('gptq-v1-g32-sym', 'model.safetensors'),
      JSON.stringify(config),
    );
    await expect(loading).rejects.toEqual(refused(/qweight needs a quantization_config/));
  });
});

test('a request whose logits are not finite fails alone', async () => {
  const model = 'float32';
  const { header, data } = splitFile(read(model, 'model.safetensors'));
  // Channel 5 is token 9's alone, and layer 0 scales it until K overflows an fp16 cache.
  const [begin] = header['model.embed_tokens.weight']!.data_offsets;
  for (let token = 0; token < 160; token++) {
    data.writeFloatLE(token === 9 ? 50 : 0, begin + (token * 64 + 5) * 4);
  }
  const [norm] = header['model.layers.0.input_layernorm.weight']!.data_offsets;
  data.writeFloatLE(1e6, norm + 5 * 4);
  const own = mkdtempSync(join(folder, 'finite-'));
  writeFileSync(join(own, 'model.safetensors'), joinFile(JSON.stringify(header), data));
  writeFileSync(join(own, 'config.json'), read(model, 'config.json'));
  const bench = await Bench.load({
    ...makeOptions(model, { kvCacheType: 'fp16' }),
    modelPath: own,
  });
  const [, answer] = await bench.run([
    makeRequest(1, { promptTokens: Int32Array.of(9, 9) }),
    makeRequest(2, { promptTokens: Int32Array.of(3), stopTokens: Int32Array.of(9) }),
  ]);
  expect(bench.answers.get(1)!.status).toBe(eventStatus.failed);
  expect(bench.answers.get(2)!.status).not.toBe(eventStatus.failed);
  expect(answer!.every((token) => token >= 0 && token < 160)).toBe(true);
  const scores = bench.engine.score([
    { promptTokens: Int32Array.of(9, 9), continuations: [Int32Array.of(1)] },
  ]);
  await expect(scores).rejects.toEqual(refused(/logits are not finite/, 'ERR_INTERNAL'));
  await bench.engine.close();
});

describe('config.json', () => {
  const unsupported = 'ERR_UNSUPPORTED_MODEL';
  const gptq = (changes: Config) => ({
    quantization_config: {
      quant_method: 'gptq',
      bits: 4,
      group_size: 64,
      sym: true,
      desc_act: false,
      ...changes,
    },
  });
  test.each<[Config, RegExp, string?]>([
    [
      { architectures: ['GemmaForCausalLM'] },
      /architectures is \["GemmaForCausalLM"\]; allowed: \["LlamaForCausalLM"\], .*\["GPTJForCausalLM"\]/,
      unsupported,
    ],
    [
      { architectures: ['MistralForCausalLM'] },
      /model_type is "llama"; allowed: "mistral"/,
      unsupported,
    ],
    [{ architectures: [] }, /architectures is \[\]/],
    [{ model_type: 'qwen2' }, /model_type is "qwen2"/, unsupported],
    [{ num_hidden_layers: 0 }, /num_hidden_layers is 0; allowed: an integer from 1/],
    [{ num_hidden_layers: 2.5 }, /num_hidden_layers is 2\.5/],
    [{ hidden_size: 2_000_000 }, /hidden_size is 2000000; allowed: .* to 1000000/],
    [{ hidden_size: -64 }, /hidden_size is -64/],
    [{ hidden_size: '64' }, /hidden_size is "64"/],
    [{ hidden_size: 63 }, /has shape \[160, 64\]; config\.json asks for \[160, 63\]/],
    [{ vocab_size: null }, /vocab_size is null; allowed/],
    [
      { num_key_value_heads: 3 },
      /num_key_value_heads is 3; allowed: a divisor of num_attention_heads, which is 4/,
    ],
    [
      { head_dim: null, num_attention_heads: 6, num_key_value_heads: 6 },
      /num_attention_heads is 6; .*divisor of hidden_size, which is 64/,
    ],
    [{ head_dim: 15 }, /head_dim is 15; allowed: an even number/],
    [{ num_attention_heads: 1_000_000, head_dim: 1_000_000 }, /make \d+ outputs of q, k and v/],
    [{ rms_norm_eps: 0 }, /rms_norm_eps is 0; allowed: a number above 0/],
    [{ rope_theta: -1 }, /rope_theta is -1/],
    [{ rms_norm_eps: undefined }, /rms_norm_eps is missing; allowed: a number above 0/],
    [
      { max_position_embeddings: undefined },
      /max_position_embeddings is missing; allowed: an integer/,
    ],
    [
      { rope_theta: 500_000, rope_parameters: { rope_theta: 77 } },
      /rope_parameters\.rope_theta is 77; allowed: what it is elsewhere in config\.json, 500000/,
    ],
    [{ rope_interleaved: true }, /rope_interleaved is true; allowed: false/, unsupported],
    [
      { rope_scaling: { rope_type: 'llama3', factor: 8 } },
      /rope_scaling\.low_freq_factor is missing; allowed: a number above 0/,
    ],
    [
      {
        rope_scaling: {
          rope_type: 'llama3',
          factor: 8,
          low_freq_factor: 4,
          high_freq_factor: 4,
          original_max_position_embeddings: 64,
        },
      },
      /high_freq_factor is 4; allowed: more than low_freq_factor/,
    ],
    [{ rope_scaling: { type: 'linear' } }, /rope_scaling\.factor is missing/],
    [{ rope_scaling: { type: 'linear', factor: 0 } }, /rope_scaling\.factor is 0/],
    [
      { rope_scaling: { type: 'dynamic', factor: 2 } },
      /type is "dynamic"; allowed: .*"llama3"/,
      unsupported,
    ],
    [
      { rope_scaling: { type: 'linear', rope_type: 'yarn' } },
      /type is "linear"; allowed: what rope_type is/,
    ],
    [
      { rope_parameters: { rope_type: 'yarn' } },
      /rope_parameters\.rope_type is "yarn"; allowed: "default", "linear" or "llama3"/,
      unsupported,
    ],
    [
      {
        rope_scaling: { type: 'linear', factor: 2 },
        rope_parameters: { rope_type: 'linear', factor: 2 },
      },
      /rope_parameters\.rope_type is "linear"; allowed: "default", since rope_scaling/,
    ],
    [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor is 0\.5; allowed: 1/, unsupported],
    [{ sliding_window: 4096 }, /sliding_window is 4096; allowed: null, or nothing/, unsupported],
    [
      { layer_types: ['full_attention', 'sliding_attention'] },
      /layer_types is .*; allowed: "full_attention"/,
      unsupported,
    ],
    [{ layer_types: ['full_attention'] }, /layer_types is .* for each of 2 layers/],
    [{ final_logit_softcapping: 30 }, /final_logit_softcapping is 30; allowed: null/, unsupported],
    [{ logits_scaling: 8 }, /logits_scaling is 8; allowed: 1/, unsupported],
    [{ num_local_experts: 8 }, /num_local_experts is 8/, unsupported],
    [{ hidden_act: 'gelu' }, /hidden_act is "gelu"; allowed: "silu"/, unsupported],
    [{ attention_bias: true }, /self_attn\.q_proj\.bias/],
    [{ mlp_bias: true }, /gate_proj\.bias/],
    [{ attention_bias: 'no' }, /attention_bias is "no"; allowed: true or false/],
    [{ eos_token_id: 160 }, /eos_token_id is 160; allowed: token ids from 0 to 159/],
    [{ eos_token_id: [2, -1] }, /eos_token_id is \[2, -1\]/],
    [
      { max_position_embeddings: 64 },
      /maxSequenceTokens is 128; allowed: 2 to 64/,
      'ERR_BAD_ARGUMENT',
    ],
    [gptq({ quant_method: 'aqlm' }), /quant_method is "aqlm"; allowed: "gptq", "awq"/, unsupported],
    [
      gptq({ quant_method: 'awq', version: 'gemv' }),
      /version is "gemv"; allowed: "gemm"/,
      unsupported,
    ],
    [
      { quantization_config: { quant_method: 'bitsandbytes', load_in_4bit: true } },
      /bnb_4bit_quant_type is missing; allowed: "nf4"/,
      unsupported,
    ],
    [
      { quantization_config: { quant_method: 'bitsandbytes' } },
      /load_in_4bit is missing; allowed: true where load_in_8bit is not/,
    ],
    [
      { quantization_config: { quant_method: 'compressed-tensors', format: 'float-quantized' } },
      /format is "float-quantized"; allowed: "pack-quantized"/,
      unsupported,
    ],
    [gptq({ bits: 3 }), /bits is 3; allowed: 4/, unsupported],
    [gptq({ group_size: 48 }), /group_size is 48; allowed: 32, 64, 128 or -1/, unsupported],
    [
      gptq({ checkpoint_format: 'gptq_p' }),
      /checkpoint_format is "gptq_p"; allowed: "gptq", "gptq_v2" or "marlin"/,
      unsupported,
    ],
    [
      gptq({ dynamic: { 'layers.0': { bits: 8 } } }),
      /dynamic is .*; allowed: null or an empty object/,
      unsupported,
    ],
    [{ quantization_config: 4 }, /quantization_config is 4; allowed: an object or null/],
  ])('%j', async (changes, message, code) => {
    const config = { ...JSON.parse(read('float32', 'config.json').toString()), ...changes };
    const loading = load('float32', read('float32', 'model.safetensors'), JSON.stringify(config));
    await expect(loading).rejects.toEqual(refused(message, code));
  });

  test.each([
    ['', /config\.json is not valid JSON at byte 0: it ends too early/],
    ['{"a":1,}', /at byte 7: it lacks a member's name/],
    ['{"a":01}', /at byte 5: it has a number with a leading zero/],
    ['{"a":"\ud83d"}', /architectures is missing/],
    ['{"a":"\\ud83d"}', /half a surrogate pair/],
    ['{"a":NaN}', /at byte 5/],
    ['{"a":1, "b":{}, "a":2}', /at byte 16: it names "a" twice/],
    [`${'['.repeat(100)}`, /nests deeper than 64 levels/],
    ['{"a":1} x', /goes on after its value/],
    ['[]', /config\.json holds \[\]; allowed: an object/],
  ])('the text %j', async (text, message) => {
    const loading = load('float32', read('float32', 'model.safetensors'), text);
    await expect(loading).rejects.toEqual(refused(message));
  });
});

test('a size with a point is told as it stands', async () => {
  const { header, data } = splitFile(read('float32', 'model.safetensors'));
  const text = JSON.stringify(header).replace('"shape":[160,64]', '"shape":[160.0,64]');
  await expect(load('float32', joinFile(text, data))).rejects.toEqual(
    refused(/has shape \[160\.0, 64\]; allowed: sizes of at least 0/),
  );
});

test('the same theta twice is one', async () => {
  const config = JSON.parse(read('float32', 'config.json').toString());
  config.rope_parameters = { rope_theta: config.rope_theta };
  config.rope_interleaved = false;
  const file = read('float32', 'model.safetensors');
  expect(await load('float32', file, JSON.stringify(config))).toBeInstanceOf(Engine);
});

describe('what is not the file it should be', () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 4976698672\n`;
  const told = (file: string) =>
    refused(new RegExp(`^${file} is a Git LFS pointer to 4976698672 bytes, not the file itself`));

  test('a Git LFS pointer for safetensors', () =>
    expect(load('float32', Buffer.from(pointer))).rejects.toEqual(told('model\\.safetensors')));
  test('for config.json', () =>
    expect(load('float32', read('float32', 'model.safetensors'), pointer)).rejects.toEqual(
      told('config\\.json'),
    ));
  test('for a GGUF file', async () => {
    const modelPath = join(folder, 'pointer.gguf');
    writeFileSync(modelPath, pointer);
    const loading = Engine.load({ ...makeOptions('float32'), modelPath }, { onEvents: () => {} });
    await expect(loading).rejects.toEqual(told('pointer\\.gguf'));
  });

  test.each([
    ['pytorch_model.bin', /has "pytorch_model\.bin", a pickle, which is not read; allowed/],
    ['model-q4.gguf', /has "model-q4\.gguf"; a GGUF file is read where the model is its own path/],
  ])('%s alone', async (file, message) => {
    const own = mkdtempSync(join(folder, 'other-'));
    writeFileSync(join(own, 'config.json'), read('float32', 'config.json'));
    writeFileSync(join(own, file), 'x');
    const loading = Engine.load(
      { ...makeOptions('float32'), modelPath: own },
      { onEvents: () => {} },
    );
    await expect(loading).rejects.toEqual(refused(message));
  });
});

describe('shards', () => {
  const source = 'bfloat16-sharded';
  const files = [1, 2].map((i) => `model-0000${i}-of-00002.safetensors`);
  const index = 'model.safetensors.index.json';

  async function loadShards(editIndex: (map: Record<string, string>) => void, skip?: string) {
    const own = mkdtempSync(join(folder, 'shards-'));
    for (const file of files) if (file !== skip) writeFileSync(join(own, file), read(source, file));
    const text = JSON.parse(read(source, index).toString());
    editIndex(text.weight_map);
    writeFileSync(join(own, index), JSON.stringify(text));
    writeFileSync(join(own, 'config.json'), read(source, 'config.json'));
    const bench = await Bench.load({ ...makeOptions(source), modelPath: own });
    const answers = await bench.run([makeRequest(1)]);
    await bench.engine.close();
    return answers;
  }

  test('all there', async () => expect(await loadShards(() => {})).toHaveLength(1));
  test('a shard missing', () =>
    expect(loadShards(() => {}, files[1])).rejects.toEqual(refused(/cannot open .*model-00002/)));
  test('a tensor that its shard lacks', () =>
    expect(
      loadShards((map) => {
        map['model.extra'] = files[0]!;
      }),
    ).rejects.toEqual(refused(/lacks tensor "model\.extra", which the index says it holds/)));
  test('a shard outside the folder', () =>
    expect(
      loadShards((map) => {
        map['model.norm.weight'] = '../model.safetensors';
      }),
    ).rejects.toEqual(refused(/is in "\.\.\/model\.safetensors"; allowed: the name of a file/)));
});
