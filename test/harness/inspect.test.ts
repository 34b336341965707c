// Does `bench inspect` say of a checkpoint what the engine then makes of it, and every doubt, with the exit status of the
// others?

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { InspectRecord } from '../../harness/commands/inspect.js';
import { exitCodes } from '../../harness/exit-codes.js';
import { Engine } from '../../native/index.js';
import { makeOptions } from '../native/golden-model.js';
import { callBench } from './bench-call.js';

const formats = resolve(import.meta.dirname, '../golden/formats');
const folder = mkdtempSync(join(tmpdir(), 'loadmark-inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function inspect(model: string, ...flags: string[]) {
  const { code, stdout } = await callBench('inspect', model, '--json', ...flags);
  return { code, record: JSON.parse(stdout) as InspectRecord };
}

/** A copy of a case whose config.json is changed. */
function edited(name: string, edit: (config: Record<string, unknown>) => void): string {
  const own = mkdtempSync(join(folder, 'edit-'));
  cpSync(join(formats, name), own, { recursive: true });
  const config = JSON.parse(readFileSync(join(own, 'config.json'), 'utf8'));
  edit(config);
  writeFileSync(join(own, 'config.json'), JSON.stringify(config));
  return own;
}

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
  const engine = await Engine.load(
    { ...makeOptions(name), modelPath: path },
    { onEvents: () => {} },
  );
  const { weightBytes, weightBytesPerToken, parameters, kernels } = engine.info;
  await engine.close();
  expect(record.parameters).toBe(parameters);
  expect(Math.abs(record.weightBytesPerToken / weightBytesPerToken - 1)).toBeLessThan(0.03);
  expect(Math.abs(record.weightBytes / weightBytes - 1)).toBeLessThan(0.03);
  const names = record.linears.map(({ cpuKernelFp32 }) => cpuKernelFp32);
  for (const [operator, kernel] of Object.entries(kernels)) {
    if (/_linear$/.test(operator)) expect(names).toContain(kernel);
  }
});

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
    expect(cpu!.tokensPerSecondAtContext / ((cpu!.bandwidthGBs * 1e9) / bytes)).toBeCloseTo(1, 9);
  });

  test('the rate over the bytes', async () => {
    const { record } = await inspect(join(formats, 'gguf-q4_0/model.gguf'));
    const [cpu] = record.devices;
    expect(cpu!.bandwidthGBs).toBeGreaterThan(0.1);
    expect(cpu!.tokensPerSecond).toBeCloseTo(
      (cpu!.bandwidthGBs * 1e9) / record.weightBytesPerToken,
      3,
    );
    expect(cpu!.tokensPerSecondAtContext).toBeLessThan(cpu!.tokensPerSecond);
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
    expect(stdout).toMatch(/embed_tokens +1 +96 x 256 +Q6_K +6\.56/);
    expect(stdout).toMatch(/limit +\d+ tokens\/s of one sequence/);
  });
});

describe('doubts', () => {
  const quantization = (config: Record<string, unknown>) =>
    config.quantization_config as Record<string, unknown>;
  test.each<[string, string, (config: Record<string, unknown>) => void, RegExp]>([
    ['no tokenizer', 'awq-g32', () => {}, /the tokenizer is missing/],
    ['a field nobody reads', 'awq-g32', (c) => (c.sliding = 4), /does not read: sliding/],
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
