// Does `bench inspect` say of a checkpoint what the engine then makes of it, and every doubt, with the exit status of the
// others?

import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { InspectRecord } from '../../harness/commands/inspect.js';
import { exitCodes } from '../../harness/exit-codes.js';
import { findDeviceLimits } from '../../harness/model-limits.js';
import { formatInspection } from '../../harness/report/inspection.js';
import { Engine } from '../../native/index.js';
import { smallLlama, writeGguf } from '../native/gguf-file.js';
import { makeOptions } from '../native/golden-model.js';
import { callBench } from './bench-call.js';
import { edited, folder, formats, inspect } from './inspect-case.js';

test.each([
  'awq-g32',
  'compressed-channel-asym-fp32',
  'gptq-v2-asym-act-order',
  'llm-int8',
  'nf4-bf16',
  'gguf-k-blocks/model.gguf',
])('%s: bytes are those the engine holds', async (name) => {
  const path = join(formats, name);
  const { code, record } = await inspect(path, '--verify');
  expect(code).toBe(exitCodes.ok);
  expect(record.faults).toEqual([]);
  // int8: with fp32 activations o and down are held in slices, which fill up the groups that an act-order scatters.
  const engine = await Engine.load(
    { ...makeOptions(name, { activationType: 'int8' }), modelPath: path },
    { onEvents: () => {} },
  );
  const { weightBytes, weightBytesPerToken, parameters, kernels } = engine.info;
  await engine.close();
  expect(record.parameters).toBe(parameters);
  expect(Math.abs(record.weightBytesPerToken / weightBytesPerToken - 1)).toBeLessThan(0.03);
  expect(Math.abs(record.weightBytes / weightBytes - 1)).toBeLessThan(0.03);
  const names = record.linears.map(({ cpuKernel }) => cpuKernel);
  for (const [operator, kernel] of Object.entries(kernels)) {
    if (/_linear$/.test(operator)) expect(names).toContain(kernel);
  }
});

test.each(['inspect', 'eval', 'quantize'])(
  'says in %s why a model of random weights is none that can be looked into',
  async (command) => {
    const rest = { inspect: [], eval: ['--tasks', 'mmlu'], quantize: ['--out', '/nowhere/x'] };
    const asked = rest[command as keyof typeof rest];
    const { code, stderr } = await callBench(command, 'synthetic:llama-1b', ...asked);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /MODEL: model is "synthetic:llama-1b", random weights that are made as the engine loads them: .*; bench run alone takes it, .*; allowed: /,
    );
  },
);

describe('limits', () => {
  test.each([
    ['mistral', 20], // of 256, in both of its layers
    ['qwen2-window', (20 + 256) / 2],
    ['qwen2', 256],
  ])('%s reads %d positions of a whole context, the mean of its layers', async (name, seen) => {
    const { record } = await inspect(resolve(import.meta.dirname, '../golden/architectures', name));
    const [cpu] = record.devices;
    expect(cpu!.contextTokens).toBe(256);
    const bytes = record.weightBytesPerToken + seen * record.kvBytesPerToken16;
    const most = (cpu!.bandwidthGBs! * 1e9) / bytes;
    expect(cpu!.tokensPerSecondAtContext! / most).toBeCloseTo(1, 9);
  });

  test('the rate over the bytes', async () => {
    const { record } = await inspect(join(formats, 'gguf-q4_0/model.gguf'));
    const [cpu] = record.devices;
    expect(cpu!.bandwidthGBs).toBeGreaterThan(0.1);
    expect(cpu!.tokensPerSecond).toBeCloseTo(
      (cpu!.bandwidthGBs! * 1e9) / record.weightBytesPerToken,
      3,
    );
    expect(cpu!.tokensPerSecondAtContext).toBeLessThan(cpu!.tokensPerSecond!);
    expect(cpu!.loadAverage1m).toBeGreaterThanOrEqual(0);
    const q = record.linears.find(({ path }) => path.endsWith('q_proj'))!;
    // 18 bytes for 32 weights.
    expect((8 * q.storedBytes!) / (q.n * q.k)).toBe(4.5);
    expect(q).toMatchObject({ stored: 'Q4_0', held: 'int4', groupSize: 32 });
  });

  test('as a table', async () => {
    const { code, stdout } = await callBench('inspect', join(formats, 'gguf-k-blocks/model.gguf'));
    expect(code).toBe(exitCodes.ok);
    expect(stdout).toMatch(
      /q_proj +1 +256 x 256 +Q4_K +4\.50 +fp16 +16\.00 +its blocks are no int4/,
    );
    expect(stdout).toMatch(/embed_tokens +1 +96 x 256 +Q6_K +6\.56 +fp16 +16\.00/);
    expect(stdout).not.toMatch(/config\.json/);
    expect(stdout).toMatch(/GB\/s read from memory \(measured now at load average [\d.]+; .*cache/);
    expect(stdout).toMatch(/limit +\d+ tokens\/s of one sequence/);
  });
});

describe('limits of a GPU', () => {
  const gpu = (memoryBytes: number, peakBandwidthGBs: number | null) => ({
    name: 'a GPU',
    memoryBytes,
    driver: '1',
    peakBandwidthGBs,
    peakTflops: null,
  });
  const limitsOf = (record: InspectRecord, ...gpus: ReturnType<typeof gpu>[]) =>
    findDeviceLimits(
      record,
      { gpus, cpu: 'a CPU', memoryBytes: 1e12 },
      { gbs: 10, loadAverage1m: 0 },
    );

  test('Q8_0, Q4_1 and floats are 16 bits there', async () => {
    const { record } = await inspect(join(formats, 'gguf-small-blocks/model.gguf'));
    const stored = new Set(record.linears.map((linear) => linear.stored));
    expect([...stored]).toEqual(expect.arrayContaining(['Q8_0', 'Q4_1', 'fp32']));
    const weights = record.linears.reduce((sum, { n, k }) => sum + n * k, 0);
    // Norms and biases are fp32 everywhere.
    const vectors = record.tensors.filter(({ shape }) => shape.length === 1);
    const bytes = 2 * weights + vectors.reduce((sum, { shape }) => sum + 4 * shape[0]!, 0);
    const needed = bytes + record.embedding!.heldBytes + 512 * record.kvBytesPerToken16;
    expect(record.maxPositions).toBe(512);
    const [, exact, short] = limitsOf(record, gpu(needed, 1000), gpu(needed - 1, 1000));
    expect(exact).toMatchObject({ weightBytesPerToken: bytes, fits: true });
    expect(exact!.tokensPerSecond).toBeCloseTo(1e12 / bytes, 3);
    expect(short!.fits).toBe(false);
    expect(exact!.kernels.map(({ held }) => held)).toEqual(['16 bits']);
    expect(exact!.kernels[0]!.why).toMatch(/no kernel reads Q4_1 or Q8_0, decoded to fp16/);
  });

  test.each([
    ['gguf-q4_0/model.gguf', ['int4', '16 bits']],
    ['llm-int8', ['int8', '16 bits']],
  ])('%s keeps its integers', async (name, held) => {
    const { record } = await inspect(join(formats, name));
    const [, limit] = limitsOf(record, gpu(1e12, 1000));
    expect(limit!.kernels.map((kernel) => kernel.held)).toEqual(held);
    expect(limit!.kernels[0]!.kernel).toBe(
      held[0] === 'int8'
        ? 'dense_linear_many_rows'
        : 'int4_linear_few_rows; for more rows int4_linear_many_rows_mma on sm_80, int4_linear_many_rows_sm90 on sm_90a',
    );
    for (const linear of record.linears) {
      if (linear.gpuHeld !== '16 bits') expect(linear.gpuHeldBytes).toBe(linear.heldBytes);
    }
  });

  test('one without a known peak is listed', async () => {
    const { record } = await inspect(join(formats, 'gguf-q4_0/model.gguf'));
    const devices = limitsOf(record, gpu(1e12, null));
    expect(devices[1]).toMatchObject({ device: 'cuda:0', tokensPerSecond: null, fits: true });
    const text = formatInspection({ ...record, devices }, false);
    expect(text).toMatch(
      /cuda:0 +a GPU, no known peak\n(?: {2}refused.*\n)? {2}limit +not known: [\d.]+ kB of weights/,
    );
  });
});

describe('the text says', () => {
  const architectures = resolve(import.meta.dirname, '../golden/architectures');
  test.each([
    ['nf4-double-fp16', /config\.json says bitsandbytes, 4 bits\n/],
    ['llm-int8', /config\.json says bitsandbytes, 8 bits\n/],
    ['awq-g32', /config\.json says awq, 4 bits, groups of 32, asymmetric\n/],
    ['marlin-row', /config\.json says marlin, 4 bits, one scale a row, symmetric\n/],
    ['compressed-channel-asym-fp32', /q_proj .* compressed-tensors +[\d.]+ +fp32 +32\.00/],
  ])('of %s what config.json says', async (name, line) => {
    expect((await callBench('inspect', join(formats, name))).stdout).toMatch(line);
  });

  test('the table of GPT-J by its own name', async () => {
    const { stdout } = await callBench('inspect', join(architectures, 'gptj'));
    expect(stdout).toMatch(/\nwte +1 +\d+ x \d+ .* (fp32|fp16|bf16) +(32|16)\.00/);
  });

  test('that a tied head and the table are one', async () => {
    const { stdout } = await callBench('inspect', join(architectures, 'smollm2'));
    expect(stdout.match(/\nembed_tokens/g)).toHaveLength(1);
    expect(stdout).toMatch(/embed_tokens .* tied: stored once, held as the head and as this table/);
  });
});

describe('the text says of the architecture', () => {
  const architectures = resolve(import.meta.dirname, '../golden/architectures');
  test.each([
    [
      'qwen2-window',
      /biases of q_proj, k_proj, v_proj; attention to all positions in 1 layers, the last 20 positions in 1 layers/,
    ],
    ['qwen3', /RMSNorm \(0\.0+1\), also of q and k; MLP silu gated; no biases; attention to all/],
    [
      'gptj',
      /LayerNorm \(0\.00001\); MLP gelu beside attention; biases of fc_in, fc_out, lm_head;/,
    ],
    ['gptj', /rotary embedding of 16 of 64 dimensions, theta 10000, pairs of neighbours\n/],
    ['llama3.1', /theta 500000, pairs of halves, scaling llama3 by 8\n/],
    ['llama3.1/model.gguf', /theta 500000, pairs of halves, scaling by factors of the file\n/],
  ])('%s: %s', async (name, line) => {
    expect((await callBench('inspect', join(architectures, name))).stdout).toMatch(line);
  });

  test('which kernels a GPU would take, where there is none', async () => {
    const { record } = await inspect(join(formats, 'gptq-v1-sym'));
    const text = formatInspection({ ...record, devices: record.devices.slice(0, 1) }, false);
    expect(text).toMatch(/a GPU +none here/);
    expect(text).toMatch(/refused +head_dim is 16; allowed on a GPU: 64, 128, 256/);
    expect(text).toMatch(/int4 +int4_linear_few_rows; .*_mma on sm_80, .*_sm90 on sm_90a/);
  });
});

describe('doubts', () => {
  test.each([
    'architectures/llama3.1',
    'architectures/mistral',
    'architectures/qwen2',
    'architectures/qwen3',
    'formats/gguf-k-blocks',
    'formats/gguf-q4_0',
    'formats/gguf-qwen2',
    'formats/gguf-small-blocks',
  ])('none of %s as GGUF but its tokenizer', async (name) => {
    const path = resolve(import.meta.dirname, '../golden', name, 'model.gguf');
    const { code, record } = await inspect(path, '--verify');
    expect(code).toBe(exitCodes.ok);
    expect(record.doubts).toEqual([expect.stringMatching(/^the tokenizer cannot be used: /)]);
    expect(record.tensors.every(({ used }) => used)).toBe(true);
  });

  const quantization = (config: Record<string, unknown>) =>
    config.quantization_config as Record<string, unknown>;
  test.each<[string, string, (config: Record<string, unknown>) => void, RegExp]>([
    ['no tokenizer', 'awq-g32', () => {}, /the tokenizer is missing/],
    ['a field nobody reads', 'awq-g32', (c) => (c.sliding = 4), /has a field .* read: sliding$/],
    [
      'a module that was not to be converted',
      'awq-g32',
      (c) => (quantization(c).modules_to_not_convert = ['gate_proj', 'lm_head']),
      /modules named "gate_proj" were left as floats, but model\.layers\.0\.mlp\.gate_proj is quantized/,
    ],
    [
      'no theta',
      'awq-g32',
      (c) => delete c.rope_theta,
      /^config\.json says no rope_theta: 10000 is taken/,
    ],
    ['no format said', 'gptq-v2-sym', () => {}, /no checkpoint_format.*0x88888888 \(v2\)/],
    [
      'another format said',
      'gptq-v1-sym',
      (c) => (quantization(c).checkpoint_format = 'gptq_v2'),
      /says gptq_v2, but zero points are 0x77777777/,
    ],
    [
      'sym false where every zero is 8',
      'gptq-v1-sym',
      (c) => (quantization(c).sym = false),
      /says sym false, but every zero point is the middle/,
    ],
  ])('%s', async (_, name, edit, doubt) => {
    const { record } = await inspect(edited(name, edit));
    expect(record.doubts).toContainEqual(expect.stringMatching(doubt));
  });
});

test.each([
  ['float8_e4m3fn', /says that floats are float8_e4m3fn, but linears are stored as fp32/],
  ['bfloat16', /says that floats are bfloat16, but linears are stored as fp32/],
  ['float32', null],
])('a model of fp32 whose torch_dtype is %s', async (dtype, doubt) => {
  const path = edited('../architectures/llama2', (config) => {
    delete config.dtype;
    config.torch_dtype = dtype;
  });
  const { record } = await inspect(path);
  const doubts = record.doubts.filter((text) => !text.includes('tokenizer'));
  expect(doubts).toEqual(doubt === null ? [] : [expect.stringMatching(doubt)]);
});

test('floats under a quantization_config are doubted, linears at fault are not', async () => {
  const words = /but every linear is stored as floats/;
  const setGptq = (config: Record<string, unknown>) => {
    config.quantization_config = { quant_method: 'gptq', bits: 4, group_size: 32 };
  };
  const { record } = await inspect(edited('../architectures/llama2', setGptq));
  expect(record.doubts).toContainEqual(expect.stringMatching(words));
  const wrong = edited('gptq-v2-sym', (config) => {
    (config.quantization_config as Record<string, unknown>).group_size = 64;
  });
  for (const doubt of (await inspect(wrong)).record.doubts) expect(doubt).not.toMatch(words);
});

describe('faults', () => {
  test('what the engine would refuse is a fault, every one', async () => {
    const path = edited('gptq-v1-sym', (config) => (config.intermediate_size = 64));
    const { code, record } = await inspect(path, '--verify');
    expect(code).toBe(exitCodes.checkFailed);
    expect(record.faults.length).toBe(3);
    expect(record.faults[0]).toMatch(/gate_proj\.qweight" has shape \[8, 128\]; .* \[8, 64\]/);
  });

  test.each([
    ['no such model', join(folder, 'nowhere')],
    ['a file that is no GGUF', resolve(import.meta.dirname, 'inspect.test.ts')],
  ])('%s', async (_, path) => {
    const { code, stderr } = await callBench('inspect', path);
    expect(code).toBe(exitCodes.badInput);
    expect(stderr).toMatch(/MODEL: model is ".*"; allowed: .*or a \.gguf file/);
  });

  test('a GGUF file that is none', async () => {
    const file = join(folder, 'x.gguf');
    writeFileSync(file, 'GGUX0000');
    const { code, stderr } = await callBench('inspect', file);
    expect(code).toBe(exitCodes.badInput);
    expect(stderr).toMatch(/x\.gguf: x\.gguf: does not begin with "GGUF" \(ERR_BAD_CHECKPOINT\)/);
  });

  test.each([
    ['a control byte', Buffer.from('blk.0.\x10\x7f.weight'), 'blk.0.\x10\x7f.weight', '\\x10\\x7f'],
    ['no UTF-8', Buffer.from('blk.0.\xff.weight', 'latin1'), 'blk.0.\ufffd.weight', '\\xff'],
  ])('a GGUF tensor with %s in its name is told', async (_, name, read, shown) => {
    const parts = smallLlama();
    parts.tensors.push({ name, sizes: [8], type: 0, data: Buffer.alloc(32) });
    const file = join(folder, 'odd-name.gguf');
    writeFileSync(file, writeGguf(parts));
    const { code, record } = await inspect(file);
    expect(code).toBe(exitCodes.ok);
    expect(record.tensors.map((tensor) => tensor.name)).toContain(read);
    expect(record.doubts).toContain(
      'the metadata say no rope.freq_base: 10000 is taken, as transformers and llama.cpp do',
    );
    expect(record.doubts).toContain(
      `1 tensor is not read: "blk.0.${shown}.weight" of odd-name.gguf`,
    );
  });

  test('a GGUF file is not quantized', async () => {
    const { code, stderr } = await callBench(
      'quantize',
      join(formats, 'gguf-q4_0/model.gguf'),
      '--out',
      join(folder, 'out'),
    );
    expect(code).toBe(exitCodes.badInput);
    expect(stderr).toMatch(/is a GGUF file; allowed: a folder of safetensors/);
  });
});
