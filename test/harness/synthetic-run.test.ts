// Random weights and random prompts through the real command: what they measure, and every use of them that is refused.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../datasets/index.js';
import { loadRunConfig } from '../../harness/config.js';
import type { Fault } from '../../harness/errors.js';
import type { Override } from '../../harness/overrides.js';
import { findPackageRoot } from '../../harness/package-root.js';
import { DatasetShelf } from '../../harness/run-dataset.js';
import { buildWorkers } from '../../harness/run-pieces.js';
import { DatasetLibrary } from '../../harness/sample-library.js';
import { readSyntheticModel } from '../../harness/synthetic-run.js';
import { callBench } from './bench-call.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-synthetic-'));
  writeFileSync(
    join(folder, 'paced.yaml'),
    'time_to_first_token: { base_ms: 20 }\ntime_per_output_token: { base_ms: 5 }\nslots: 64\n',
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const model = ['--model', 'synthetic:llama-3-8b'];
const openorca = ['--dataset', 'synthetic:openorca'];

function readRows(output: string): { promptTokenCount: number; outputTokenCount: number }[] {
  return readFileSync(join(folder, output, 'samples-performance.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('a synthetic run', () => {
  it('measures speed with a scripted system, answers of the rows own lengths, and scores nothing', async () => {
    const output = join(folder, 'scripted');
    const script = ['--sut', 'scripted', '--script', join(folder, 'paced.yaml')];
    const virtual = ['--clock', 'virtual', '--scenario', 'Offline', '--samples', '600'];
    const given = ['--target-qps', '1', '--min-duration', '1', '--quiet', '--output', output];
    const { code, stdout } = await callBench(
      ...model,
      ...openorca,
      ...script,
      ...virtual,
      ...given,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^VALID {2}optimized: synthetic:llama-3-8b on synthetic:openorca, Offline, performance\nSYNTHETIC {3}the weights/m,
    );
    const run = JSON.parse(readFileSync(join(output, 'run.json'), 'utf8'));
    expect(run).toMatchObject({ mode: 'performance', valid: true, accuracy: null });
    expect(run.model).toMatchObject({
      name: 'synthetic:llama-3-8b',
      path: 'synthetic:llama-3-8b:1',
      synthetic: true,
      digest: null,
    });
    expect(run.dataset).toMatchObject({ synthetic: true, samples: 600, totalSamples: 24_576 });
    expect(run.sut).toMatchObject({ steps: null, occupancy: null, kvPeakShare: null });
    expect(existsSync(join(output, 'accuracy'))).toBe(false);

    const dataset = openDataset('synthetic:openorca', 'test');
    const expected = Array.from({ length: 600 }, (_, row) => {
      const sample = dataset.sample(row);
      return sample.kind === 'generation' ? (sample.newTokens ?? 0) : 0;
    });
    const rows = readRows('scripted');
    const counts = rows.map((row) => row.outputTokenCount);
    expect(counts.toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b));
    const prompts = rows.reduce((sum, row) => sum + row.promptTokenCount, 0);
    expect(run.performance.promptTokens).toBe(prompts);
    expect(prompts / 600).toBeGreaterThan(180);
  });

  it('runs on the null system, and on the engine with a real model, each answer as long as asked', async () => {
    const speed = ['--target-qps', '1', '--min-duration', '0.01', '--json', '--quiet'];
    const nothing = await callBench(
      ...['--model', 'synthetic:tiny:7', '--dataset', 'synthetic:8x4:20', '--sut', 'null'],
      ...['--output', join(folder, 'null'), '--set', 'null_sut.delay_ms=1', ...speed],
    );
    expect(nothing.code).toBe(0);
    expect(JSON.parse(nothing.stdout).model.path).toBe('synthetic:tiny:7');

    const { code, stdout } = await callBench(
      ...['--model', 'tiny-int4', '--dataset', 'synthetic:40x9:32'],
      ...['--output', join(folder, 'native'), ...speed],
    );
    expect(code).toBe(0);
    const run = JSON.parse(stdout);
    expect(run).toMatchObject({ mode: 'performance', model: { synthetic: false } });
    expect(run.performance).toMatchObject({ promptTokens: 32 * 40, generatedTokens: 32 * 9 });
    expect(readRows('native').every((row) => row.outputTokenCount === 9)).toBe(true);
    expect(run.sut.features.maxSequenceTokens).toBe(49);
    expect(run.sut.steps).toBeGreaterThanOrEqual(9);
    expect(run.sut.occupancy).toBeGreaterThan(1);
    expect(run.sut.occupancy).toBeLessThanOrEqual(32);
    expect(run.sut.kvPeakShare).toBeGreaterThan(0);
    expect(run.sut.kvPeakShare).toBeLessThanOrEqual(1);
    expect(run.model.cost.linearParameters).toBeGreaterThan(1e6);
    expect(run.performance).toMatchObject({ mbu: null, mfu: null });
    expect(run.performance.absentBecause.mbu).toContain('known of GPUs only');
  });

  it('asks the engine for the shape, and for room for the longest row', async () => {
    const shelf = new DatasetShelf();
    const override = (path: string, value: string): Override => ({
      path: [path],
      value,
      where: `--${path}`,
    });
    const config = await loadRunConfig(
      'optimized',
      [override('model', 'synthetic:llama-2-70b:42'), override('dataset', 'synthetic:128x256')],
      {
        root: findPackageRoot().folder,
        openDataset: (...asked) => shelf.open(...asked),
        resolveDevices: () => ({ devices: ['cuda:0'], refusal: null }),
        faults: [],
      },
    );
    const dataset = shelf.opened;
    if (dataset === null) throw new Error('no dataset was opened');
    const library = new DatasetLibrary(dataset, null, dataset.length);
    expect(config.mode).toBe('performance');
    expect(buildWorkers(config, library)).toMatchObject([
      {
        modelPath: 'synthetic:llama-2-70b:42',
        device: 'cuda:0',
        activationType: 'fp16',
        kvCacheType: 'fp16',
        maxSequenceTokens: 384,
      },
    ]);
  });
});

describe('a synthetic run refuses', () => {
  it.each([
    [[...model], '--model: model "synthetic:llama-3-8b" has random weights and no tokenizer'],
    [
      [...model, ...openorca, '--accuracy'],
      '--accuracy: mode is accuracy, and synthetic:llama-3-8b',
    ],
    [[...model, ...openorca, '--mode', 'submission'], 'allowed: performance, find-peak'],
    [[...openorca, '--mode', 'submission'], 'has random prompts and no right answers'],
    [[...openorca, '--set', 'mode=accuracy'], '--set mode: mode is accuracy'],
    [[...openorca, '--audit', 'TEST06'], '--audit: mlperf.audit is TEST06'],
    [
      ['--model', 'synthetic:llama-9b', ...openorca],
      '--model: model is "synthetic:llama-9b"; allowed: synthetic:llama-1b, synthetic:llama-2-7b, synthetic:llama-3-8b, synthetic:aquila2-34b, synthetic:llama-2-70b, synthetic:tiny, each also with :<seed> from 0 to 18446744073709551615',
    ],
    [['--model', 'synthetic:tiny:x', ...openorca], 'model is "synthetic:tiny:x"; allowed: '],
    [['--model', 'synthetic', ...openorca], 'model is "synthetic"; allowed: '],
    [['--dataset', 'synthetic:128'], '--dataset: dataset is "synthetic:128": no such lengths'],
    [
      [...openorca, '--set', 'generation.max_new_tokens=5', 'engine.max_sequence_tokens=100'],
      'generation.max_new_tokens is 5, and each row of synthetic:openorca has its own length',
    ],
    [
      ['--dataset', 'synthetic:8x8', '--set', 'engine.max_sequence_tokens=15'],
      'engine.max_sequence_tokens is 15; allowed with synthetic:8x8: at least 16',
    ],
    [['--samples', '25000', ...openorca], 'allowed: 1 to 24576'],
  ])('%j', async (argv, message) => {
    const never = join(folder, 'never');
    const { code, stderr } = await callBench('--sut', 'null', ...argv, '--output', never);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(existsSync(never)).toBe(false);
  });

  it('the mode of its own file, and is asked for speed by a file without one', async () => {
    const file = (mode: string) => {
      const path = join(folder, 'run.yaml');
      const sizes = 'offline: { target_qps: 1, min_duration_s: 0.01 }\nnull_sut: { delay_ms: 1 }\n';
      writeFileSync(
        path,
        `model: synthetic:tiny\ndataset: synthetic:4x2:20\nsut: "null"\n${sizes}${mode}`,
      );
      return path;
    };
    const output = ['--output', join(folder, 'of-file'), '--quiet', '--json'];
    const wrong = await callBench('--config', file('mode: submission\n'), ...output);
    expect(wrong.stdout).toContain('mode is submission, and synthetic:tiny has random weights');
    const right = await callBench('--config', file(''), ...output);
    expect(JSON.parse(right.stdout)).toMatchObject({ mode: 'performance', valid: true });
  });

  it('to be packaged', async () => {
    const argv = ['--division', 'open', '--submitter', 'Nobody', '--round', 'v6.1'];
    const system = join(folder, 'system.json');
    writeFileSync(system, '{}');
    const { code, stderr } = await callBench(
      ...['package', join(folder, 'null'), ...argv, '--system', system],
      ...['--benchmark', 'llama2-70b-99', '--out', join(folder, 'tree')],
    );
    expect(code).toBe(2);
    expect(stderr).toContain('which is for speed alone');
  });
});

describe('readSyntheticModel', () => {
  it('keeps the largest seed, and writes one seed one way', () => {
    const faults: Fault[] = [];
    const path = (name: string) => readSyntheticModel(name, 'here', faults)?.path;
    expect(path('synthetic:tiny:18446744073709551615')).toBe('synthetic:tiny:18446744073709551615');
    expect(path('synthetic:tiny:007')).toBe('synthetic:tiny:7');
    expect(path('synthetic:tiny:18446744073709551616')).toBeUndefined();
    expect(path('synthetic:tiny:1:2')).toBeUndefined();
    expect(faults).toHaveLength(2);
  });
});
