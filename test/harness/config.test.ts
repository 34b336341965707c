import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ConfigContext,
  loadRunConfig,
  parseScalar,
  parseSettings,
} from '../../harness/config.js';
import type { DeviceChoice } from '../../harness/device.js';
import { type Fault, InputError } from '../../harness/errors.js';
import { type Override, scenarioSection } from '../../harness/overrides.js';
import { runFields } from '../../harness/run-config.js';
import { DatasetShelf } from '../../harness/run-dataset.js';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'loadmark-config-'));
  mkdirSync(join(root, 'configs', 'runs'), { recursive: true });
  mkdirSync(join(root, 'configs', 'models', 'small'), { recursive: true });
  writeFileSync(join(root, 'configs', 'models', 'small', 'config.json'), '{}');
  writeFileSync(join(root, 'configs', 'models', 'small.yaml'), 'name: small\npath: small\n');
});
afterAll(() => rmSync(root, { recursive: true }));

function context(faults: readonly Fault[] = []): ConfigContext {
  const resolveDevices = (device: string): DeviceChoice => {
    if (device === 'auto') return { devices: ['cpu'], refusal: null };
    return device === 'cpu,cpu'
      ? { devices: ['cpu', 'cpu'], refusal: null }
      : { devices: null, refusal: `no ${device} here` };
  };
  const shelf = new DatasetShelf();
  const openDataset: ConfigContext['openDataset'] = (...asked) => shelf.open(...asked);
  return { root, openDataset, resolveDevices, faults };
}

function load(yaml: string, overrides: readonly Override[] = [], faults: readonly Fault[] = []) {
  const file = join(root, 'run.yaml');
  writeFileSync(file, yaml);
  return loadRunConfig(file, overrides, context(faults));
}

/** Faults with the folder taken out of their places. */
async function faultsOf(yaml: string, overrides: readonly Override[] = []): Promise<string[]> {
  try {
    await load(yaml, overrides);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.faults.map((fault) =>
      `${fault.where}: ${fault.message}`.replaceAll(`${root}/`, ''),
    );
  }
  return [];
}

describe('loadRunConfig', () => {
  it('fills in what a file leaves out, and freezes the whole', async () => {
    const config = await load('model: small\nengine:\n  max_batch: 7\n');
    expect(config.engine.maxBatch).toBe(7);
    expect(config.engine.kvCache).toBe('auto');
    expect(config.workers).toEqual([
      { devices: ['cpu'], activationType: 'int8', kvCacheType: 'fp16' },
    ]);
    expect(config.offline.targetQps).toBeNull();
    expect(config.seeds.schedule).toBe(16159082839903944936n);
    expect(config.model.folder).toBe(join(root, 'configs', 'models', 'small'));
    expect(Object.isFrozen(config) && Object.isFrozen(config.engine)).toBe(true);
  });

  it('takes several devices as a list or with commas, a worker each', async () => {
    for (const device of ['[cpu, cpu]', 'cpu,cpu', '\n    - cpu\n    - cpu']) {
      const config = await load(`model: small\nengine:\n  device: ${device}\n`);
      expect(config.engine.device).toBe('cpu,cpu');
      expect(config.workers?.map(({ devices }) => devices)).toEqual([['cpu'], ['cpu']]);
    }
    const names = 'allowed: names, one at least, each an item of its own';
    expect(await faultsOf('model: small\nengine: { device: [cuda:0, 1] }')).toEqual([
      'run.yaml:2:19: no cuda:0,1 here',
    ]);
    expect(await faultsOf('model: small\nengine: { device: [cpu, [cpu]] }')).toEqual([
      `run.yaml:2:19: engine.device is a list with something else than names in it; ${names}`,
    ]);
    expect(await faultsOf('model: small\nengine: { device: [], tensor_parallel: 2 }')).toEqual([
      `run.yaml:2:19: engine.device is an empty list; ${names}`,
    ]);
    expect(await faultsOf('model: small\nengine: { device: [cpu, "cpu,cpu"] }')).toEqual([
      `run.yaml:2:19: engine.device is a list with "cpu,cpu" in it; ${names}`,
    ]);
    expect(await faultsOf('model: small\nengine: { device: cpu, tensor_parallel: 2 }')).toEqual([
      expect.stringContaining('no cpu here'),
    ]);
    expect(
      await faultsOf('model: small\nengine: { device: [cpu, cpu], tensor_parallel: 3 }'),
    ).toEqual([
      'run.yaml:2:48: engine.tensor_parallel is 3, and 2 devices are named (cpu, cpu); allowed: 1, 2, or more devices (--device cpu,cpu,cpu)',
    ]);
  });

  it('reports every fault at once, each with its line and column', async () => {
    const yaml = [
      'model: smal',
      'dataset: tiny-orka',
      'scenario: Interactive',
      'engine:',
      '  max_bach: 64',
      '  device: cuda',
      '  kv_cache: int8',
      'offline: { target_qps: -1, min_duration_s: soon }',
      'seeds: { qsl: 18446744073709551616 }',
      'samples: 1.5',
    ].join('\n');
    expect(await faultsOf(yaml)).toEqual([
      'run.yaml:3:11: scenario "Interactive" is not in this version, which has Offline, Server, SingleStream, MultiStream',
      'run.yaml:10:10: samples is 1.5; allowed: a whole number from 1 to 10000000, or null',
      'run.yaml:5:3: unknown setting "max_bach" (did you mean "max_batch"?); allowed in engine: device, tensor_parallel, threads, max_batch, max_sequence_tokens, max_step_tokens, page_tokens, kv_cache, kv_cache_bytes, instruction_set, activations, weights, cuda_graphs, profile_steps, profile_first_step, fault',
      'run.yaml:7:13: engine.kv_cache "int8" is not in this version, which has auto, fp32, fp16, bf16, fp8',
      'run.yaml:8:24: offline.target_qps is -1; allowed: a number above 0 to 1000000, or null',
      'run.yaml:8:44: offline.min_duration_s is "soon"; allowed: a number from 0 to 86400',
      'run.yaml:9:15: seeds.qsl is 18446744073709551616; allowed: a whole number from 0 to 18446744073709551615, or null',
      'run.yaml:2:10: dataset is "tiny-orka"; allowed: tiny-mmlu, tiny-orca, open-orca, cnn-dailymail, cnn-dailymail-edge, cnn-dailymail-gptj, synthetic:openorca, synthetic:<prompt>x<output> (such as synthetic:128x256), either with :<samples>, or a file (*.jsonl, *.json, *.parquet, *.pkl, *.pkl.gz) (did you mean "tiny-orca"?)',
      'run.yaml:6:11: no cuda here',
      'run.yaml:1:8: model is "smal"; allowed: small, a folder that holds config.json and *.safetensors, or a .gguf file (did you mean "small"?)',
    ]);
  });

  it('has CUDA graphs on, and takes them off by true and false alone', async () => {
    expect((await load('model: small\n')).engine.cudaGraphs).toBe(true);
    expect((await load('model: small\nengine: { cuda_graphs: true }')).engine.cudaGraphs).toBe(
      true,
    );
    expect(await faultsOf('model: small\nengine: { cuda_graphs: off }')).toEqual([
      'run.yaml:2:24: engine.cuda_graphs is "off"; allowed: true, false',
    ]);
    expect(await faultsOf('model: small\nengine: { cuda_graphs: false }')).toEqual([
      'run.yaml:2:24: engine.cuda_graphs is false, and the CPU engine has no CUDA graphs; allowed: true, or a GPU (--device cuda)',
    ]);
  });

  it('names the place of a YAML mistake', async () => {
    expect((await faultsOf('model: small\nengine: ['))[0]).toMatch(/^run\.yaml:2:\d+: not YAML: /);
    expect((await faultsOf('model: small\nmodel: small'))[0]).toMatch(
      /^run\.yaml:2:1: not YAML: .*unique/,
    );
    expect(await faultsOf('model: &a small\nname: *a')).toEqual([
      'run.yaml:2:7: anchors, aliases and tags are not allowed',
    ]);
    const option: Override = { path: ['mode'], value: 'accuracy', where: '--mode' };
    expect(
      (await faultsOf('- 1', [option])).filter((fault) => !fault.includes('model is')),
    ).toEqual(['run.yaml:1:1: the file is a list; allowed: names with values, one a line']);
    expect((await faultsOf('model: small\n---\nmodel: big'))[0]).toEqual(
      expect.stringMatching(/^run\.yaml:2:\d+: not YAML: a second document/),
    );
  });

  it('lays options over the file, and blames the option', async () => {
    const qps = (value: number): Override => ({
      path: [scenarioSection, 'target_qps'],
      value,
      where: '--target-qps',
    });
    const server: Override = { path: ['scenario'], value: 'Server', where: '--scenario' };
    const config = await load('model: small\nserver:\n  target_qps: 3\n', [qps(9), server]);
    expect(config.server.targetQps).toBe(9);
    expect(config.offline.targetQps).toBeNull();
    expect(await faultsOf('model: small', [qps(-5)])).toEqual([
      '--target-qps: offline.target_qps is -5; allowed: a number above 0 to 1000000, or null',
    ]);
    const inside: Override = { path: ['name', 'x'], value: 1, where: '--set name.x' };
    expect(await faultsOf('name: a\nmodel: small', [inside])).toEqual([
      '--set name.x: name is not a section',
    ]);
  });

  it('tells what the command line had wrong together with the rest', async () => {
    const given = [{ where: '--endpoint', message: 'this option is not in this version' }];
    await expect(load('model: small\nsamples: 0', [], given)).rejects.toThrowError(
      /--endpoint: this option[\s\S]*samples is 0/,
    );
    await expect(loadRunConfig('missing', [], context(given))).rejects.toThrowError(
      /--endpoint: this option[\s\S]*--config: there is no file "missing"/,
    );
    expect(await faultsOf('model: small\nsamples: 1001')).toEqual([
      'run.yaml:2:10: samples is 1001; allowed: 1 to 1000, the test samples of tiny-orca',
    ]);
  });

  it('refuses a name that is no name of a folder', async () => {
    expect(await faultsOf('model: small\nname: ../../elsewhere')).toEqual([
      expect.stringContaining('run.yaml:2:7: name is "../../elsewhere"; allowed: '),
    ]);
    expect((await load('model: small\nname: int4 b64-v1.2')).name).toBe('int4 b64-v1.2');
  });

  it("lays a scenario's options over its own section", async () => {
    const option: Override = {
      path: [scenarioSection, 'min_duration_s'],
      value: 7,
      where: '--min-duration',
    };
    const config = await load('model: small\nscenario: MultiStream', [option]);
    expect(config.multiStream.minDurationS).toBe(7);
    expect(config.offline.minDurationS).toBe(600);
    const rate = { path: [scenarioSection, 'target_qps'], value: 7, where: '--target-qps' };
    expect(await faultsOf('model: small\nscenario: SingleStream', [rate])).toEqual([
      '--target-qps: unknown setting "target_qps"; allowed in single_stream: expected_latency_ms, min_duration_s, concurrency, min_query_count, target_percentile',
    ]);
  });

  it('refuses sizes and lengths that cannot be', async () => {
    expect(
      await faultsOf(
        'model: small\nscenario: MultiStream\nsamples: 7\nmulti_stream: { samples_per_query: 8 }',
      ),
    ).toEqual([
      'run.yaml:4:36: multi_stream.samples_per_query is 8; allowed: 1 to 7, the samples of the run',
    ]);
    expect(
      (
        await faultsOf(
          'model: small\nscenario: SingleStream\nsingle_stream: { expected_latency_ms: 0.001 }',
        )
      )[0],
    ).toContain('single_stream comes to 1200000000 samples');
    expect(
      (await faultsOf('model: small\noffline: { target_qps: 1000000, min_duration_s: 600 }'))[0],
    ).toContain('offline comes to 660000000 samples');
    expect(await faultsOf('model: small\ngeneration: { max_new_tokens: 1 }')).toEqual([
      'run.yaml:2:13: min_new_tokens is 2; allowed: up to max_new_tokens, which is 1',
    ]);
  });

  it('takes a folder with a checkpoint for a model, and a model file', async () => {
    const folder = join(root, 'configs', 'models', 'small');
    expect((await load(`model: ${folder}`)).model.name).toBe('small');
    const other = join(root, 'other.yaml');
    writeFileSync(other, `path: ${folder}\naccuracy: { tiny-orca: { references: { rouge9: 1 } } }`);
    expect((await faultsOf(`model: ${other}`))[0]).toContain('unknown name "rouge9"');
    writeFileSync(other, 'path: nowhere');
    expect((await faultsOf(`model: ${other}`))[0]).toContain('there is no checkpoint');
    expect((await load(`model: ${other}\nsut: null`)).sut).toBe('null');
    expect((await faultsOf(`model: ${other}\nscenario: null`))[0]).toContain(
      'scenario is null; allowed:',
    );
  });
});

describe('parseSettings', () => {
  it('never throws, whatever the text, and checking the result never throws', () => {
    const pieces = fc.constantFrom(
      'name',
      'engine',
      ':',
      ': ',
      '\n',
      '\n  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '"',
      "'",
      '#',
      '&a ',
      '*a',
      '!!int ',
      '? ',
      '| ',
      '> ',
      '---\n',
      '...\n',
      '%YAML 1.2\n',
      '<<',
      '~',
      '1e999',
      '0x',
      '.nan',
      '\t',
      '\u0000',
      '18446744073709551616',
    );
    const texts = fc.oneof(
      fc
        .array(fc.oneof(pieces, fc.string({ maxLength: 5 })), { maxLength: 40 })
        .map((list) => list.join('')),
      fc.string({ unit: 'binary', maxLength: 200 }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const faults: Fault[] = [];
        runFields.check(parseSettings(text, 'f', faults), '', faults);
        for (const fault of faults) expect(fault.where).toMatch(/^f(:\d+:\d+)?$/);
      }),
      { numRuns: 2000 },
    );
  });

  it('survives absurd nesting', () => {
    for (const text of ['['.repeat(100_000), '{a: '.repeat(50_000), '- '.repeat(50_000)]) {
      const faults: Fault[] = [];
      parseSettings(text, 'f', faults);
      expect(faults.length).toBeGreaterThan(0);
    }
  });

  it('accepts every value that its own ranges allow', () => {
    const sections = fc.record({
      max_batch: fc.integer({ min: 1, max: 65_536 }),
      threads: fc.option(fc.integer({ min: 1, max: 1024 })),
      kv_cache: fc.constantFrom('auto', 'fp32', 'fp16', 'bf16', 'fp8'),
      cuda_graphs: fc.boolean(),
    });
    fc.assert(
      fc.property(sections, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (engine, seed) => {
        const faults: Fault[] = [];
        const text = `engine: ${JSON.stringify(engine)}\nseeds: { qsl: ${seed} }`;
        const run = runFields.check(parseSettings(text, 'f', faults), '', faults);
        expect(faults).toEqual([]);
        expect(run.engine.maxBatch).toBe(engine.max_batch);
        expect(run.engine.threads).toBe(engine.threads);
        expect(run.engine.cudaGraphs).toBe(engine.cuda_graphs);
        expect(run.seeds.qsl).toBe(seed);
      }),
    );
  });
});

describe('parseScalar', () => {
  it('reads what YAML would read', () => {
    expect(['16', '0.5', 'null', 'true', 'fp16', '', 'a: b'].map(parseScalar)).toEqual([
      16n,
      0.5,
      null,
      true,
      'fp16',
      '',
      'a: b',
    ]);
  });
});
