// Does quantizeModel() write what it says? Its files against an independent reading in Python, its GPTQ against RTN on
// the same inputs, the engine on the result against the engine on the same weights in floats, and what it refuses.

import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { type QuantizeOptions, quantizeModel } from '../../native/index.js';
import { Bench, goldenFolder, makeOptions } from './golden-model.js';
import {
  dequantize,
  floatsOf,
  listLinears,
  readSafetensors,
  sha256,
  sha256OfFloats,
  type Tensors,
} from './gptq-folder.js';

const work = mkdtempSync(join(tmpdir(), 'loadmark-quantize-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Reading {
  readonly files: Readonly<Record<string, string>>;
  readonly linears: Readonly<Record<string, { shape: [number, number]; sha256: string }>>;
  readonly others: Readonly<Record<string, string>>;
}
const readings: Readonly<Record<string, Reading>> = JSON.parse(
  readFileSync(
    join(dirname(fileURLToPath(import.meta.url)), '../golden/gptq/readings.json'),
    'utf8',
  ),
);

let files = 0;
function makeQuantizeOptions(changes: Partial<QuantizeOptions> = {}): QuantizeOptions {
  return {
    modelPath: join(goldenFolder, 'float32'),
    outputFile: join(work, `${files++}.safetensors`),
    method: 'gptq',
    groupSize: 32,
    symmetric: true,
    descAct: false,
    mse: false,
    damp: 0.01,
    checkpointFormat: 'gptq',
    sequences: makeSequences(12, 48),
    threads: 2,
    instructionSet: 'auto',
    ...changes,
  };
}

/** Skewed draws from a fixed generator: some tokens are frequent, as in text. */
function makeSequences(count: number, length: number): Int32Array[] {
  let state = 12345;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: count }, () =>
    Int32Array.from({ length }, () => 3 + Math.floor(157 * draw() ** 3)),
  );
}

async function quantize(changes: Partial<QuantizeOptions> = {}) {
  const options = makeQuantizeOptions(changes);
  const report = await quantizeModel(options);
  return { options, report, tensors: readSafetensors(options.outputFile) };
}

describe('round to nearest, as Python reads it', () => {
  const rtn = { method: 'rtn', sequences: [] } as const;
  const cases: Readonly<Record<string, Partial<QuantizeOptions>>> = {
    'sym-g32': rtn,
    'asym-g64': { ...rtn, groupSize: 64, symmetric: false },
    'asym-row-v2': { ...rtn, groupSize: -1, symmetric: false, checkpointFormat: 'gptq_v2' },
    'sharded-sym-g32-mse': { ...rtn, mse: true, modelPath: join(goldenFolder, 'bfloat16-sharded') },
  };

  test.each(Object.keys(cases))('%s', async (name) => {
    const reading = readings[name]!;
    const { options, tensors, report } = await quantize(cases[name]);
    // The bytes that Python read: its values are those of this file.
    expect(sha256(readFileSync(options.outputFile))).toBe(reading.files['model.safetensors']);
    expectReading(tensors, reading, options.checkpointFormat);
    expect(report.fileBytes).toBe(readFileSync(options.outputFile).length);
    expect(report.linears.map((linear) => linear.name).sort()).toEqual(listLinears(tensors));
    for (const linear of report.linears) {
      expect([linear.rtnOutputError, linear.gptqOutputError]).toEqual([null, null]);
      expect(linear.rtnWeightError).toBeGreaterThan(0);
      expect(linear.rtnWeightError).toBeLessThan(0.03);
    }
  });

  test('a checkpoint that another program wrote, with act-order', () => {
    const name = 'gptq-v2-g64-asym-act-order';
    const tensors = readSafetensors(join(goldenFolder, name, 'model.safetensors'));
    expectReading(tensors, readings[name]!, 'gptq_v2');
  });

  test('every weight is the nearest level', async () => {
    const source = readSafetensors(join(goldenFolder, 'float32', 'model.safetensors'));
    const { tensors } = await quantize(rtn);
    for (const path of listLinears(tensors)) {
      const { weights, steps } = dequantize(tensors, path, 'gptq');
      const original = floatsOf(source.get(`${path}.weight`)!);
      const farthest = weights.reduce(
        (most, weight, i) => Math.max(most, Math.abs(weight - original[i]!) / steps[i]!),
        0,
      );
      expect(farthest, path).toBeLessThan(0.504); // half a step, and the fp16 rounding of 7.5 steps
      expect(farthest, path).toBeGreaterThan(0.4);
    }
  });
});

function expectReading(tensors: Tensors, reading: Reading, format: 'gptq' | 'gptq_v2'): void {
  expect(listLinears(tensors)).toEqual(Object.keys(reading.linears).sort());
  for (const [path, linear] of Object.entries(reading.linears)) {
    const { weights, outputs, inputs } = dequantize(tensors, path, format);
    expect([outputs, inputs]).toEqual(linear.shape);
    expect(sha256OfFloats(weights), path).toBe(linear.sha256);
  }
  for (const [name, digest] of Object.entries(reading.others)) {
    expect(sha256(tensors.get(name)!.bytes), name).toBe(digest);
  }
}

describe('gptq', () => {
  const variants: Readonly<Record<string, Partial<QuantizeOptions>>> = {
    'sym g32': {},
    'sym g64 desc-act': { groupSize: 64, descAct: true },
    'asym g32 desc-act v2': { symmetric: false, descAct: true, checkpointFormat: 'gptq_v2' },
    'asym row': { groupSize: -1, symmetric: false },
    'sym g32 mse': { mse: true },
    'sharded bf16, tied head': { modelPath: join(goldenFolder, 'bfloat16-sharded') },
  };

  test.each(Object.keys(variants))('%s loses less than rtn in every linear', async (name) => {
    const { report, tensors, options } = await quantize(variants[name]);
    expect(report.linears).toHaveLength(14);
    expect(report).toMatchObject({ layers: 2, sequences: 12, tokens: 12 * 48 });
    for (const linear of report.linears) {
      expect(linear.gptqOutputError, linear.name).toBeLessThan(linear.rtnOutputError!);
      expect(linear.gptqOutputError, linear.name).toBeGreaterThan(0);
      expect(linear.damp).toBe(0.01);
    }
    const groups = options.groupSize === -1 ? 1 : 64 / options.groupSize;
    const groupOf = new Int32Array(
      tensors.get('model.layers.0.self_attn.q_proj.g_idx')!.bytes.buffer,
    );
    const inOrder = groupOf.every((group, k) => group === Math.floor(k / (64 / groups)));
    expect(inOrder).toBe(groups === 1 || !options.descAct);
    expect([...groupOf].sort()).toEqual(
      Array.from({ length: 64 }, (_, k) => Math.floor(k / (64 / groups))),
    );
  });

  test('the engine computes with these weights', async () => {
    for (const changes of [{}, { symmetric: false, descAct: true, groupSize: 32 }] as const) {
      const { options, tensors } = await quantize(changes);
      const folder = makeFolder(options);
      const twin = makeFloatTwin(tensors);
      const tokens = makeSequences(1, 40)[0]!;
      const [quantized, floats] = await Promise.all([
        logitsOf(folder, tokens),
        logitsOf(twin, tokens),
      ]);
      const farthest = quantized.reduce((m, v, i) => Math.max(m, Math.abs(v - floats[i]!)), 0);
      expect(farthest).toBeLessThan(1e-4);
      const original = await logitsOf(join(goldenFolder, 'float32'), tokens);
      const moved = original.reduce((m, v, i) => Math.max(m, Math.abs(v - floats[i]!)), 0);
      expect(moved).toBeGreaterThan(1e-2);
    }
  });

  test('formats v1 and v2 hold the same weights', async () => {
    const v1 = await quantize({ checkpointFormat: 'gptq' });
    const v2 = await quantize({ checkpointFormat: 'gptq_v2' });
    for (const path of listLinears(v1.tensors)) {
      expect(dequantize(v1.tensors, path, 'gptq').weights).toEqual(
        dequantize(v2.tensors, path, 'gptq_v2').weights,
      );
      const zeros = (tensors: Tensors) =>
        new Set(new Int32Array(tensors.get(`${path}.qzeros`)!.bytes.buffer));
      expect(zeros(v1.tensors)).toEqual(new Set([0x77777777]));
      expect(zeros(v2.tensors)).toEqual(new Set([0x88888888 | 0]));
    }
  });

  test('the number of threads changes nothing', async () => {
    const one = await quantize({ threads: 1, descAct: true });
    const three = await quantize({ threads: 3, descAct: true });
    expect(readFileSync(one.options.outputFile)).toEqual(readFileSync(three.options.outputFile));
  });

  test('rtn with calibration measures the same errors', async () => {
    // Only the first linears: the later ones' inputs depend on what was done to these.
    const gptq = await quantize();
    const rtn = await quantize({ method: 'rtn' });
    for (const i of [0, 1, 2]) {
      const linear = rtn.report.linears[i]!;
      expect(linear.rtnOutputError).toBe(gptq.report.linears[i]!.rtnOutputError);
      expect(linear.gptqOutputError).toBeNull();
    }
  });

  test('progress names each linear, in order', async () => {
    const seen: string[] = [];
    const report = await quantizeModel(makeQuantizeOptions(), (linear, progress) => {
      seen.push(linear.name);
      expect(progress).toEqual({ done: seen.length, total: 14, layers: 2 });
    });
    expect(seen).toEqual(report.linears.map(({ name }) => name));
    expect(seen.slice(0, 7).map((name) => name.split('.').at(-1))).toEqual(
      ['q', 'k', 'v', 'o', 'gate', 'up', 'down'].map((part) => `${part}_proj`),
    );
  });
});

function makeFolder(options: QuantizeOptions): string {
  const folder = mkdtempSync(join(work, 'gptq-'));
  copyFileSync(options.outputFile, join(folder, 'model.safetensors'));
  const config = JSON.parse(readFileSync(join(options.modelPath, 'config.json'), 'utf8'));
  const { groupSize, symmetric, descAct, checkpointFormat } = options;
  config.quantization_config = {
    bits: 4,
    group_size: groupSize,
    sym: symmetric,
    desc_act: descAct,
    quant_method: 'gptq',
    checkpoint_format: checkpointFormat,
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  return folder;
}

/** The float32 checkpoint with its linears' data replaced by dequantized weights. */
function makeFloatTwin(tensors: Tensors): string {
  const folder = mkdtempSync(join(work, 'float-'));
  const source = join(goldenFolder, 'float32');
  copyFileSync(join(source, 'config.json'), join(folder, 'config.json'));
  const bytes = readFileSync(join(source, 'model.safetensors'));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header: Record<string, { data_offsets: [number, number] }> = JSON.parse(
    bytes.toString('utf8', 8, start),
  );
  for (const path of listLinears(tensors)) {
    const { weights } = dequantize(tensors, path, 'gptq');
    const [first] = header[`${path}.weight`]!.data_offsets;
    bytes.set(new Uint8Array(weights.buffer), start + first);
  }
  writeFileSync(join(folder, 'model.safetensors'), bytes);
  return folder;
}

async function logitsOf(modelPath: string, tokens: Int32Array): Promise<Float32Array> {
  const bench = await Bench.load(makeOptions('float32', { modelPath }));
  const logits = await bench.engine.forwardLogits(tokens);
  await bench.engine.close();
  return logits;
}

describe('refusals', () => {
  const cases: readonly [string, Partial<QuantizeOptions>, RegExp, string?][] = [
    [
      'a group that does not divide',
      { groupSize: 128 },
      /group size 128 .*q_proj|q_proj.*group size 128/,
    ],
    [
      'the linear it does not divide alone',
      { groupSize: 64, modelPath: join(goldenFolder, 'bfloat16-sharded') },
      /^self_attn\.o_proj: group size 64 does not divide the input features 96 /,
    ],
    ['no texts', { sequences: [] }, /sequences is empty/],
    ['an empty text', { sequences: [new Int32Array(0)] }, /text 0 has 0 tokens; allowed: 1 to 512/],
    [
      'a long text',
      { sequences: makeSequences(1, 513) },
      /text 0 has 513 tokens; allowed: 1 to 512/,
    ],
    [
      'a strange token',
      { sequences: [Int32Array.of(3, 160)] },
      /holds token 160; allowed: 0 to 159/,
    ],
    ['a negative token', { sequences: [Int32Array.of(-1)] }, /holds token -1; allowed: 0 to 159/],
    ['a damping above 1', { damp: 1.5 }, /damp is 1.5; allowed: a number from 0 to 1/],
    ['a group of 48', { groupSize: 48 }, /groupSize is 48; allowed: 32, 64, 128, -1/],
    ['a method', { method: 'awq' as 'gptq' }, /method is "awq"; allowed: rtn, gptq/],
    [
      'a quantized checkpoint',
      { modelPath: join(goldenFolder, 'gptq-v1-g32-sym') },
      /is already quantized/,
    ],
    ['no checkpoint', { modelPath: work }, /config\.json/, 'ERR_BAD_CHECKPOINT'],
    [
      'a folder that is not there',
      { outputFile: join(work, 'nowhere', 'x.safetensors') },
      /could not create .*nowhere.*No such file/,
      'ERR_WRITE_FAILED',
    ],
  ];

  test.each(cases)('%s', async (_, changes, message, code = 'ERR_BAD_ARGUMENT') => {
    const options = makeQuantizeOptions(changes);
    await expect(quantizeModel(options)).rejects.toMatchObject({
      name: 'NativeError',
      code,
      message: expect.stringMatching(message),
    });
    expect(existsSync(options.outputFile)).toBe(false);
  });

  test('a file that exists is not overwritten', async () => {
    const { options } = await quantize({ method: 'rtn', sequences: [] });
    const before = readFileSync(options.outputFile);
    await expect(quantizeModel(options)).rejects.toMatchObject({ code: 'ERR_WRITE_FAILED' });
    expect(readFileSync(options.outputFile)).toEqual(before);
  });

  test('an aborted call ends', async () => {
    const controller = new AbortController();
    const options = makeQuantizeOptions({
      sequences: makeSequences(400, 256),
      signal: controller.signal,
    });
    const call = quantizeModel(options, () => controller.abort());
    await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    const aborted = makeQuantizeOptions({ signal: AbortSignal.abort() });
    await expect(quantizeModel(aborted)).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
  });

  test('what the listener throws ends the call', async () => {
    const fault = new Error('the listener is broken');
    const call = quantizeModel(makeQuantizeOptions(), () => {
      throw fault;
    });
    await expect(call).rejects.toBe(fault);
  });
});
