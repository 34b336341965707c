// Does a damaged checkpoint of any format end in one clear error that names the place? Each case is one change to a good
// file; GGUF files are written by hand, the rest are edits of golden/formats.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Engine } from '../../native/index.js';
import { type GgufParts, smallLlama, text, u64, valueTypes, writeGguf } from './gguf-file.js';
import { makeOptions } from './golden-model.js';

const formats = join(dirname(fileURLToPath(import.meta.url)), '../golden/formats');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-damaged-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function load(modelPath: string): Promise<string> {
  const engine = await Engine.load({ ...makeOptions('any'), modelPath }, { onEvents: () => {} });
  await engine.close();
  return engine.info.weightFormat;
}

const refused = (message: RegExp, code = 'ERR_BAD_CHECKPOINT') =>
  expect.objectContaining({ name: 'NativeError', code, message: expect.stringMatching(message) });
const unsupported = 'ERR_UNSUPPORTED_MODEL';

describe('GGUF', () => {
  const loadBytes = (bytes: Buffer) => {
    const file = join(folder, 'model.gguf');
    writeFileSync(file, bytes);
    return load(file);
  };
  const loadParts = (edit: (parts: GgufParts) => void) => {
    const parts = smallLlama();
    edit(parts);
    return loadBytes(writeGguf(parts));
  };
  const set = (parts: GgufParts, key: string, type: number, value: number | string | Buffer) => {
    parts.values = [...parts.values.filter(([name]) => name !== key), [key, type, value]];
  };
  const edit = (parts: GgufParts, name: string, changes: Partial<GgufParts['tensors'][0]>) => {
    parts.tensors = parts.tensors.map((each) =>
      each.name === name ? { ...each, ...changes } : each,
    );
  };

  test('the undamaged file loads', async () => expect(await loadParts(() => {})).toBe('fp32'));
  test('so does one of alignment 64', () =>
    expect(
      loadParts((parts) => {
        parts.alignment = 64;
        set(parts, 'general.alignment', valueTypes.u32, 64);
      }),
    ).resolves.toBe('fp32'));

  test.each<[string, (parts: GgufParts) => void, RegExp, string?]>([
    ['another magic', (p) => (p.magic = 'GGML'), /^model\.gguf: does not begin with "GGUF"/],
    ['version 1', (p) => (p.version = 1), /version is 1; allowed: 2, 3/, unsupported],
    [
      'big-endian',
      (p) => (p.version = 0x03000000),
      /version is 50331648, big-endian by its looks/,
      unsupported,
    ],
    [
      '2^63 tensors',
      (p) => (p.tensorCount = 1n << 63n),
      /number of tensors is 9223372036854775808; allowed: at most \d+ in the bytes that follow/,
    ],
    ['2^40 metadata', (p) => (p.valueCount = 1n << 40n), /number of metadata is 1099511627776/],
    [
      'a tensor more than there are',
      (p) => (p.tensorCount = BigInt(p.tensors.length + 1)),
      /tensor 11 at byte \d+ is \d+; allowed|name of tensor 11|tensor "/,
    ],
    [
      'a key twice',
      (p) => p.values.push(['llama.block_count', valueTypes.u32, 1]),
      /key "llama\.block_count" is there twice/,
    ],
    ['an unknown value type', (p) => set(p, 'x', 13, 0), /the value of "x" has value type 13/],
    [
      'a bool of 2',
      (p) => set(p, 'x', valueTypes.bool, Buffer.from([2])),
      /"x" is 2; allowed: 0 or 1/,
    ],
    [
      'a string of 2^62 bytes',
      (p) => set(p, 'x', valueTypes.string, u64(1n << 62n)),
      /length of the value of "x" at byte \d+ is 4611686018427387904; allowed: at most \d+/,
    ],
    [
      'an array of 2^61 items',
      (p) =>
        set(p, 'x', valueTypes.array, Buffer.concat([Buffer.from([4, 0, 0, 0]), u64(1n << 61n)])),
      /length of the value of "x" is 2305843009213693952 items; allowed: at most \d+/,
    ],
    [
      'an array of arrays',
      (p) => set(p, 'x', valueTypes.array, Buffer.concat([Buffer.from([9, 0, 0, 0]), u64(1)])),
      /"x" is an array of value type 9/,
    ],
    [
      'a string past the end inside an array',
      (p) =>
        set(
          p,
          'x',
          valueTypes.array,
          Buffer.concat([Buffer.from([8, 0, 0, 0]), u64(2), text('ok'), u64(1n << 40n)]),
        ),
      /"x"\[1\] at byte \d+ is 1099511627776; allowed/,
    ],
    [
      'an alignment of 24',
      (p) => set(p, 'general.alignment', valueTypes.u32, 24),
      /general\.alignment is 24; allowed: a power of two from 8/,
    ],
    [
      'a tensor twice',
      (p) => p.tensors.push(p.tensors[0]!),
      /tensor "token_embd\.weight" is there twice/,
    ],
    [
      'five dimensions',
      (p) => edit(p, 'output_norm.weight', { sizes: [8, 1, 1, 1, 1] }),
      /"output_norm\.weight" has 5 dimensions; allowed: at most 4/,
    ],
    [
      'a dimension of 0',
      (p) => edit(p, 'output_norm.weight', { sizes: [0] }),
      /has a dimension of 0/,
    ],
    [
      'a product beyond int64',
      (p) => edit(p, 'output_norm.weight', { sizes: [1n << 40n, 1n << 40n] }),
      /"output_norm\.weight" has shape \[1099511627776, 1099511627776\]; allowed: at most/,
    ],
    [
      'a type that is not read (Q2_K)',
      (p) => edit(p, 'blk.0.attn_q.weight', { type: 10 }),
      /"blk\.0\.attn_q\.weight" has ggml type 10; allowed: 0 F32/,
      unsupported,
    ],
    [
      'rows that are no whole blocks',
      (p) => edit(p, 'blk.0.attn_q.weight', { type: 2 }),
      /has rows of 8 values; allowed for Q4_0: multiples of 32/,
    ],
    [
      'an offset off the alignment',
      (p) => edit(p, 'output_norm.weight', { offset: 4n }),
      /"output_norm\.weight" begins at byte 4 of the data; allowed: multiples of .*32/,
    ],
    [
      'tensors that overlap',
      (p) => edit(p, 'output_norm.weight', { offset: 0n }),
      /begins at byte \d+ of the data; allowed: \d+, where the one before it ends/,
    ],
    [
      'an offset past the end',
      (p) => edit(p, 'blk.0.ffn_down.weight', { offset: 1n << 62n }),
      /"blk\.0\.ffn_down\.weight" begins at byte 4611686018427387904/,
    ],
    [
      'an offset past the end of one that others follow',
      (p) => edit(p, 'blk.0.attn_q.weight', { offset: 1n << 63n }),
      /"blk\.0\.attn_q\.weight" begins at byte 9223372036854775808 of the data; the file has \d+/,
    ],
    [
      'a value of another type',
      (p) => set(p, 'llama.block_count', valueTypes.string, 'one'),
      /llama\.block_count is "one"; allowed: an integer/,
    ],
    [
      'heads that differ by layer',
      (p) =>
        set(
          p,
          'llama.attention.head_count_kv',
          valueTypes.array,
          Buffer.concat([Buffer.from([4, 0, 0, 0]), u64(1), Buffer.from([1, 0, 0, 0])]),
        ),
      /head_count_kv is an array of 1 items; allowed: an integer/,
    ],
    [
      'values of another length than keys',
      (p) => set(p, 'llama.attention.value_length', valueTypes.u32, 8),
      /value_length is 8; allowed: 4, the length of a key/,
      unsupported,
    ],
    [
      'no epsilon',
      (p) => (p.values = p.values.filter(([key]) => !key.endsWith('rms_epsilon'))),
      /^model\.gguf: llama\.attention\.layer_norm_rms_epsilon is missing; allowed: a float/,
    ],
    [
      'a factor beside scaling of none',
      (p) => {
        set(p, 'llama.rope.scaling.type', valueTypes.string, 'none');
        set(p, 'llama.rope.scaling.factor', valueTypes.f32, 2);
      },
      /rope\.scaling\.factor is 2\.0, and rope\.scaling\.type "none"; allowed: 1/,
    ],
    [
      'yarn',
      (p) => {
        set(p, 'llama.rope.scaling.type', valueTypes.string, 'yarn');
        set(p, 'llama.rope.scaling.factor', valueTypes.f32, 4);
        set(p, 'llama.rope.scaling.original_context_length', valueTypes.u32, 32);
      },
      /rope_type is "yarn"; allowed/,
      unsupported,
    ],
    ['no architecture', (p) => (p.values = p.values.slice(1)), /general\.architecture is missing/],
    [
      'another architecture',
      (p) => set(p, 'general.architecture', valueTypes.string, 'mamba'),
      /general\.architecture is "mamba"; allowed: "llama"/,
      unsupported,
    ],
    [
      'experts',
      (p) => set(p, 'llama.expert_count', valueTypes.u32, 8),
      /llama\.expert_count is 8; allowed: 0, or none/,
      unsupported,
    ],
    [
      'a window of some layers',
      (p) => {
        set(p, 'llama.attention.sliding_window', valueTypes.u32, 4);
        set(p, 'llama.attention.sliding_window_pattern', valueTypes.u32, 2);
      },
      /llama\.attention\.sliding_window_pattern is 2; allowed: none, a window for every layer/,
      unsupported,
    ],
    [
      'one file of several',
      (p) => set(p, 'split.count', valueTypes.u32, 3),
      /split\.count is 3; allowed: 1, a model in one file/,
      unsupported,
    ],
    [
      'heads that do not divide the rows of q',
      (p) => set(p, 'llama.attention.head_count', valueTypes.u32, 3),
      /"blk\.0\.attn_q\.weight" has shape \[8, 8\]|num_attention_heads is 3/,
    ],
    [
      'a missing matrix',
      (p) => (p.tensors = p.tensors.filter(({ name }) => name !== 'blk.0.ffn_up.weight')),
      /lacks tensor "model\.layers\.0\.mlp\.up_proj\.weight"/,
    ],
    [
      'a matrix of another shape',
      (p) => edit(p, 'blk.0.ffn_up.weight', { sizes: [16, 4] }),
      /"model\.layers\.0\.mlp\.up_proj\.weight" has shape \[4, 16\]/,
    ],
  ])('%s', async (_, change, message, code) => {
    await expect(loadParts(change)).rejects.toEqual(refused(message, code));
  });

  const { u32, f32, bool, string } = valueTypes;
  test.each<[string, number, number, string]>([
    ['attention.scale', f32, 0.9, '0'],
    ['attn_logit_softcapping', f32, 1, '0'],
    ['final_logit_softcapping', f32, 30, '0'],
    ['logit_scale', f32, 0.1, '0, 1'],
    ['embedding_scale', f32, 12, '0, 1'],
    ['residual_scale', f32, 0.2, '0, 1'],
    ['attention.clamp_kqv', f32, 8, '0'],
    ['attention.max_alibi_bias', f32, 8, '0'],
    ['attention.causal', bool, 0, 'true'],
    ['use_parallel_residual', bool, 1, 'false'],
    ['rope.scaling.attn_factor', f32, 1.5, '0, 1'],
    ['rope.scaling.yarn_ext_factor', f32, 1, '0, -1'],
    ['rope.scaling.yarn_log_multiplier', f32, 0.1, '0'],
    ['expert_used_count', u32, 2, '0'],
    ['pooling_type', u32, 3, '0'],
  ])(
    '%s with another value changes the model, and is refused',
    async (name, type, value, allowed) => {
      const given = type === bool ? Buffer.from([value]) : value;
      const said = type === bool ? String(value === 1) : value;
      await expect(loadParts((p) => set(p, `llama.${name}`, type, given))).rejects.toEqual(
        refused(
          new RegExp(`^model\\.gguf: llama\\.${name} is ${said}; allowed: ${allowed}, or none$`),
          unsupported,
        ),
      );
    },
  );

  test.each([
    'rope.freq_base_swa',
    'rope.dimension_sections',
    'attention.key_length_swa',
    'swin_norm',
    'of_another_time',
  ])('%s is not known, and is refused', async (name) => {
    await expect(loadParts((p) => set(p, `llama.${name}`, u32, 7))).rejects.toEqual(
      refused(
        new RegExp(`llama\\.${name} is 7; allowed: none, since what it changes is not known`),
        unsupported,
      ),
    );
  });

  test('what converters write beside changes nothing', async () => {
    const change = (p: GgufParts) => {
      const beside: [string, number, number | string | Buffer][] = [
        ['llama.vocab_size', u32, 8],
        ['llama.attention.head_count_kv', u32, 2],
        ['llama.attention.key_length', u32, 4],
        ['llama.attention.value_length', u32, 4],
        ['llama.attention.sliding_window', u32, 0],
        ['llama.attention.causal', bool, Buffer.from([1])],
        ['llama.attention.clamp_kqv', f32, 0],
        ['llama.rope.dimension_count', u32, 4],
        ['llama.rope.freq_base', f32, 500_000],
        ['llama.rope.scaling.type', string, 'linear'],
        ['llama.rope.scaling.factor', f32, 1],
        ['llama.rope.scaling.original_context_length', u32, 64],
        ['llama.rope.scaling.finetuned', bool, Buffer.from([0])],
        ['llama.rope.scaling.attn_factor', f32, 1],
        ['llama.rope.scaling.yarn_beta_fast', f32, 32],
        ['llama.logit_scale', f32, 1],
        ['llama.expert_count', u32, 0],
        ['llama.expert_used_count', u32, 0],
        ['llama.use_parallel_residual', bool, Buffer.from([0])],
        ['llama.tensor_data_layout', string, 'Meta AI original pth'],
        ['general.name', string, 'a model'],
        ['general.file_type', u32, 7],
        ['quantize.imatrix.entries_count', u32, 3],
        ['granite.logit_scale', f32, 8], // of another architecture: nobody's
      ];
      for (const [key, type, value] of beside) set(p, key, type, value);
    };
    expect(await loadParts(change)).toBe('fp32');
  });

  test.each<[string, number[], RegExp, number?]>([
    ['too few', [1], /has shape \[1\]; allowed: \[2\], a factor for each pair that turns/],
    ['too many', [1, 8, 8], /has shape \[3\]; allowed: \[2\]/],
    ['zero', [1, 0], /holds 0\.0+; allowed: numbers from 0\.000001 to 1000000/],
    ['negative', [1, -8], /holds -8\.0+; allowed/],
    ['not a number', [1, Number.NaN], /holds -?nan; allowed/],
    ['infinite', [1, Number.POSITIVE_INFINITY], /holds inf; allowed/],
    ['of another type', [1, 8], /has dtype F16; allowed: F32/, 1],
  ])('rotary factors: %s', async (_, factors, message, type = 0) => {
    const data =
      type === 0
        ? Buffer.from(Float32Array.from(factors).buffer)
        : Buffer.alloc(2 * factors.length);
    const change = (parts: GgufParts) =>
      parts.tensors.push({ name: 'rope_freqs.weight', sizes: [factors.length], type, data });
    await expect(loadParts(change)).rejects.toEqual(
      refused(new RegExp(`"rope_freqs\\.weight" ${message.source}`)),
    );
  });

  test.each([4, 12, 30, 100, 400, 1000])('cut after %i bytes', async (length) => {
    await expect(loadBytes(writeGguf(smallLlama()).subarray(0, length))).rejects.toEqual(
      refused(/^model\.gguf: /),
    );
  });
  test('cut inside the data', async () => {
    await expect(loadBytes(writeGguf(smallLlama()).subarray(0, -40))).rejects.toEqual(
      refused(/"blk\.0\.ffn_down\.weight" needs bytes \d+ to \d+ of the data; the file has \d+/),
    );
  });
  test('bytes behind the end', async () => {
    const bytes = Buffer.concat([writeGguf(smallLlama()), Buffer.alloc(64)]);
    await expect(loadBytes(bytes)).rejects.toEqual(refused(/the tensors end at byte \d+/));
  });
  test('an infinity in a block', async () => {
    const name = 'gguf-q4_0';
    const bytes = readFileSync(join(formats, name, 'model.gguf'));
    bytes.writeUInt16LE(0x7c00, bytes.length - 18); // the last block's scale
    await expect(loadBytes(bytes)).rejects.toEqual(
      refused(/self_attn|mlp.*: the scale of row \d+, block \d+ is inf; allowed: finite/),
    );
  });
});

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}
interface Config {
  quantization_config?: {
    [name: string]: unknown;
    config_groups?: { group_0: { input_activations: object | null } };
  };
}
type Edit = (header: Record<string, Entry>, data: Buffer, config: Config) => void;

/** Loads a case of golden/formats after one change; what is at a tensor's bytes is changed in place. */
function loadEdited(name: string, edit: Edit): Promise<string> {
  const own = mkdtempSync(join(folder, 'edit-'));
  cpSync(join(formats, name), own, { recursive: true });
  const bytes = readFileSync(join(own, 'model.safetensors'));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const data = Buffer.from(bytes.subarray(8 + length));
  const config = JSON.parse(readFileSync(join(own, 'config.json'), 'utf8'));
  edit(header, data, config);
  const newHeader = Buffer.from(JSON.stringify(header));
  writeFileSync(
    join(own, 'model.safetensors'),
    Buffer.concat([u64(newHeader.length), newHeader, data]),
  );
  writeFileSync(join(own, 'config.json'), JSON.stringify(config));
  return load(own);
}

const up = 'model.layers.0.mlp.up_proj';

describe('quantized tensors', () => {
  const begin = (header: Record<string, Entry>, name: string) => header[name]!.data_offsets[0];
  test.each<[string, string, Edit, RegExp, string?]>([
    [
      'gptq: g_idx out of range',
      'gptq-v1-asym-act-order',
      (h, d) => d.writeInt32LE(9, begin(h, `${up}.g_idx`)),
      /up_proj: g_idx\[0\] is 9; allowed are 0 to 1/,
    ],
    [
      'gptq: g_idx out of range where config.json has no checkpoint_format',
      'gptq-v1-asym-act-order',
      (h, d, c) => {
        delete c.quantization_config!.checkpoint_format;
        d.writeInt32LE(-1, begin(h, `${up}.g_idx`) + 4);
      },
      /up_proj: g_idx\[1\] is -1; allowed are 0 to 1/,
    ],
    [
      'gptq: qzeros of another shape',
      'gptq-v1-sym',
      (h) => (h[`${up}.qzeros`]!.shape = [16, 2]),
      /up_proj\.qzeros" has shape \[16, 2\]; config\.json asks for \[2, 16\]/,
    ],
    [
      'gptq: a NaN scale',
      'gptq-v1-sym',
      (h, d) => d.writeUInt16LE(0x7e00, begin(h, `${up}.scales`)),
      /up_proj: scale\[0\]\[0\] is -?nan; scales must be finite/,
    ],
    [
      'gptq: zero points of both conventions',
      'gptq-v1-sym',
      (h, d) => d.writeUInt32LE(0x88888888, begin(h, `${up}.qzeros`)),
      /up_proj: .*zero point/,
    ],
    [
      'gptq: v2 words where config.json says v1',
      'gptq-v2-sym',
      (_h, _d, c) => (c.quantization_config!.checkpoint_format = 'gptq'),
      /a zero point is 9; with sym true every one must be 8 \(is checkpoint_format right/,
    ],
    [
      'gptq: zero points that fit neither convention',
      'gptq-v1-asym-act-order',
      (h, d) => d.fill(0x11, begin(h, `${up}.qzeros`), h[`${up}.qzeros`]!.data_offsets[1]),
      /up_proj: its zero points fit neither of GPTQ's formats/,
    ],
    [
      'gptq tensors under an awq configuration',
      'gptq-v1-sym',
      (_h, _d, c) => (c.quantization_config = { quant_method: 'awq', bits: 4, group_size: 32 }),
      /qweight" has shape \[\d+, \d+\]/,
    ],
    [
      'gptq tensors and no configuration',
      'gptq-v1-sym',
      (_h, _d, c) => delete c.quantization_config,
      /qweight needs a quantization_config; config\.json has none/,
    ],
    [
      'awq: scales of another type',
      'awq-g32',
      (h) => (h[`${up}.scales`]!.dtype = 'BF16'),
      /up_proj\.scales has dtype BF16; allowed: F16/,
    ],
    [
      'awq: a negative scale',
      'awq-g32',
      (h, d) => d.writeUInt16LE(0xbc00, begin(h, `${up}.scales`) + 2),
      /up_proj: scale\[0\]\[1\] is -1/,
    ],
    [
      'awq tensors under a bitsandbytes configuration',
      'awq-g32',
      (_h, _d, c) => (c.quantization_config = { quant_method: 'bitsandbytes', load_in_8bit: true }),
      /qweight is of gptq or awq; config\.json's quantization_config says bitsandbytes/,
    ],
    [
      'compressed-tensors: a weight_shape that lies',
      'compressed-g32-asym-bf16',
      (h, d) => d.writeBigInt64LE(63n, begin(h, `${up}.weight_shape`)),
      /weight_shape holds \[63, 64\]; config\.json asks for \[128, 64\]/,
    ],
    [
      'compressed-tensors: no zero points',
      'compressed-g32-asym-bf16',
      (h) => {
        h.elsewhere = h[`${up}.weight_zero_point`]!;
        delete h[`${up}.weight_zero_point`];
      },
      /lacks tensor "model\.layers\.0\.mlp\.up_proj\.weight_zero_point"/,
    ],
    [
      'compressed-tensors: activations are quantized too',
      'compressed-g32-asym-bf16',
      (_h, _d, c) =>
        (c.quantization_config!.config_groups!.group_0.input_activations = { num_bits: 8 }),
      /config_groups\.group_0\.input_activations is .*; allowed: null/,
      unsupported,
    ],
    [
      'marlin: groups of 64',
      'marlin-g128',
      (_h, _d, c) => (c.quantization_config!.group_size = 64),
      /group_size is 64; allowed for Marlin: 128 or -1/,
      unsupported,
    ],
    [
      'nf4: absmax for fewer blocks',
      'nf4-bf16',
      (h) => (h[`${up}.weight.absmax`]!.shape = [64, 2]),
      /up_proj\.weight\.absmax" has shape \[64, 2\]; config\.json asks for \[128\]/,
    ],
    [
      'nf4: other levels',
      'nf4-bf16',
      (h, d) => d.writeFloatLE(0.5, begin(h, `${up}.weight.quant_map`)),
      /quant_map holds other levels than NF4's/,
      unsupported,
    ],
    [
      'nf4: a state that is no JSON',
      'nf4-double-fp16',
      (h, d) => d.write('[', begin(h, `${up}.weight.quant_state.bitsandbytes__nf4`)),
      /quant_state\.bitsandbytes__nf4 is not valid JSON at byte/,
    ],
    [
      'llm.int8: a row order that is not the rows',
      'llm-int8',
      (h, d) => d.writeUInt8(2, begin(h, `${up}.weight_format`)),
      /weight_format is not 0; allowed: 0, row after row/,
      unsupported,
    ],
    [
      'llm.int8: an absmax that is not finite',
      'llm-int8',
      (h, d) => d.writeFloatLE(Number.NaN, begin(h, `${up}.SCB`)),
      /up_proj\.SCB" holds -?nan at element 0/,
    ],
  ])('%s', async (_, name, edit, message, code) => {
    await expect(loadEdited(name, edit)).rejects.toEqual(refused(message, code));
  });
});
