// What two runs were asked: how much of it, by which script, what only one side tells, and the call that would ask the same.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Comparison } from '../../../harness/compare/comparison.js';
import { callBench } from '../bench-call.js';
import { makeRun, makeSamples } from './made-runs.js';
import type { Changes } from './scripted-runs.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-comparability-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
const place = () => join(folder, `run-${made++}`);
/** So many samples of at most 100 rows. */
const samplesOf = (count: number) =>
  makeSamples(count, 10).map((sample, i) => ({ ...sample, id: `row-${i % 100}` }));
const run = (count: number, changes: Changes = {}) => makeRun(place(), samplesOf(count), changes);

async function compare(...argv: string[]) {
  const { code, stdout } = await callBench('compare', ...argv, '--json');
  const comparison = JSON.parse(stdout) as Comparison;
  const differing = comparison.factors.filter(({ isSame }) => !isSame);
  return { code, ...comparison.candidates[0]!, differing };
}

describe('how much was asked', () => {
  const sameRows = { dataset: { samples: 100 } };

  it('leaves rates, and withholds times that grow with the number issued Offline', async () => {
    const [few, many] = [run(200, sameRows), run(4400, sameRows)];
    const { code, comparability, speed, differing, gate } = await compare(
      ...[few, many, '--gate', 'speed=-3%,ttft_p99=+5%'],
    );
    expect(code).toBe(0);
    expect(differing).toMatchObject([
      { name: 'samples issued', kind: 'amount', values: [200, 4400] },
    ]);
    expect(comparability).toMatchObject({ speed: true, reasons: [] });
    const ratioOf = (name: string) => speed.find(({ metric }) => metric === name)!;
    expect(ratioOf('tokens/s').ratio).toBeCloseTo(1, 2);
    expect(ratioOf('tpot p50').ratio).not.toBeNull();
    for (const name of ['ttft p50', 'ttft p99', 'latency p50', 'latency p99']) {
      expect(ratioOf(name)).toMatchObject({ ratio: null, interval: null });
      expect(ratioOf(name).absentBecause).toMatch(/^200 samples issued against 4400: Offline asks/);
    }
    expect(gate[1]!.reason).toMatch(/^200 samples issued against 4400/);
  });

  it('may differ by less than 1 %, which is then a remark with its share', async () => {
    const repeats = (counts: readonly number[]) => {
      const side = place();
      for (const [i, count] of counts.entries()) {
        makeRun(join(side, `run-${i}`), samplesOf(count), sameRows);
      }
      return side;
    };
    const near = await compare(repeats([1000, 1004, 998]), repeats([1001, 1007]));
    expect(near.comparability.remarks).toEqual([
      expect.stringMatching(/^998 to 1007 samples issued: .* up to 0\.90 % of their ratios/),
    ]);
    const ttft = near.speed.find(({ metric }) => metric === 'ttft p99')!;
    expect(ttft.ratio).toBeCloseTo(1, 2);
    expect(ttft.interval).not.toBeNull();

    const far = await compare(repeats([1000, 1010]), repeats([1001, 1007]));
    expect(far.comparability.remarks).toEqual([]);
    const refused = far.speed.find(({ metric }) => metric === 'ttft p99')!;
    expect(refused).toMatchObject({ ratio: null, interval: null });
    expect(refused.absentBecause).toMatch(/^1000, 1010 samples issued against 1001, 1007/);
    const same = await compare(repeats([1000, 1000]), repeats([1000, 1000]));
    expect(same.comparability.remarks).toEqual([]);
  });

  it('is named elsewhere, and repeats may differ in it', async () => {
    const stream = { ...sameRows, scenario: 'SingleStream' };
    const side = place();
    for (const [i, count] of [200, 210].entries()) {
      makeRun(join(side, `run-${i}`), samplesOf(count), stream);
    }
    const { comparability, speed, differing } = await compare(side, run(400, stream));
    expect(comparability).toMatchObject({ speed: true, reasons: [] });
    expect(differing.map(({ name }) => name)).toEqual(['samples issued']);
    expect(speed.find(({ metric }) => metric === 'latency p50')!.ratio).not.toBeNull();
  });

  it('knows the settings that it comes from', async () => {
    const settings = (minDurationMs: number, minQueryCount: number) => ({
      settings: { effective: { minDurationMs, minQueryCount } },
    });
    const { differing } = await compare(run(100, settings(0, 1)), run(100, settings(1000, 64)));
    expect(differing.map(({ name, values }) => [name, ...values])).toEqual([
      ['min duration, ms', 0, 1000],
      ['min queries', 1, 64],
    ]);
    const loaded = (performanceSampleCount: number) =>
      run(100, { settings: { effective: { performanceSampleCount } } });
    const { comparability } = await compare(loaded(10), loaded(100));
    expect(comparability).toMatchObject({ speed: false, quality: true });
  });
});

it('scripted systems differ by their scripts', async () => {
  const scripted = (scriptSha256: string) =>
    run(100, { sut: { kind: 'scripted', features: { script: 'steady', scriptSha256 } } });
  const { differing, comparability } = await compare(scripted('aa'), scripted('bb'));
  expect(differing).toMatchObject([{ name: 'script', kind: 'configuration' }]);
  expect(comparability.speed).toBe(true);
});

it('CUDA graphs are a fact of their own, and follow a GPU', async () => {
  const graphed = (decode_graphs: string, others: object = {}) =>
    run(100, { sut: { kernels: { decode_graphs }, ...others } });
  const few = '17 of 1 to 256 rows, 8 MiB';
  const same = await compare(graphed(few), graphed('17 of 1 to 256 rows, 10 MiB'));
  expect(same.differing).toEqual([]);
  const { differing } = await compare(graphed(few), run(100));
  expect(differing).toMatchObject([
    { name: 'CUDA graphs', kind: 'configuration', values: ['17 of 1 to 256 rows', null] },
  ]);
  const onGpu = graphed(few, { devices: ['cuda:0'] });
  const { comparability } = await compare(run(100), onGpu);
  expect(comparability).toMatchObject({ speed: true, reasons: [] });
});

describe('CUDA graphs that were taken off', () => {
  const few = '17 of 1 to 256 rows, 8 MiB';
  const onGpu = (decode_graphs: string, gpu: string, command = ['bench', '--quiet']) =>
    run(100, {
      system: { gpus: [{ name: gpu }] },
      sut: { devices: ['cuda:0'], kernels: { decode_graphs } },
      command,
    });

  it('are a configuration that has a ratio on the same GPU', async () => {
    const { comparability, speed, differing } = await compare(
      ...[onGpu('off', 'H100'), onGpu(few, 'H100')],
    );
    expect(differing).toMatchObject([
      { name: 'CUDA graphs', kind: 'configuration', values: ['off', '17 of 1 to 256 rows'] },
    ]);
    expect(comparability).toMatchObject({ speed: true, reasons: [], command: null });
    expect(speed[0]!.ratio).toBeCloseTo(1);
  });

  it('are a second change beside another GPU, which an option takes back', async () => {
    const given = ['bench', '--set', 'engine.cuda_graphs=false', 'engine.max_batch=4'];
    const { code, comparability } = await compare(
      ...[onGpu(few, 'H100'), onGpu('off', 'H200', given)],
    );
    expect(code).toBe(9);
    expect(comparability.reasons).toEqual([
      expect.stringMatching(
        /^machine and configuration changed at once \(.*; CUDA graphs: 17 of 1 to 256 rows against off\)/,
      ),
    ]);
    expect(comparability.command).toEqual([
      'bench',
      '--set',
      'engine.max_batch=4',
      '--cuda-graphs',
      'true',
    ]);
    const other = await compare(onGpu('off', 'H100'), onGpu(few, 'H200'));
    expect(other.comparability.command).toEqual(['bench', '--quiet', '--cuda-graphs', 'false']);
  });

  it('follow the machine where the other one has none', async () => {
    const { comparability } = await compare(run(100), onGpu('off', 'H100'));
    expect(comparability).toMatchObject({ speed: true, reasons: [] });
  });
});

it('what a record alone does not tell is a remark, and no difference', async () => {
  const whole = run(100);
  const moved = join(place(), 'moved.json');
  mkdirSync(join(moved, '..'));
  copyFileSync(join(run(100), 'run.json'), moved);
  const { comparability, speed } = await compare(whole, moved);
  expect(comparability).toMatchObject({ speed: true, reasons: [] });
  expect(comparability.remarks).toEqual([
    expect.stringMatching(/^prompt tokens: \w+ against unknown: .* cannot be told$/),
  ]);
  expect(speed[0]!.ratio).toBeCloseTo(1);
  const { stdout } = await callBench('compare', whole, moved);
  expect(stdout).toContain('Remarks of the comparison with made');
});

describe('the call that would be comparable', () => {
  const server = (targetQps: number, command: string[]) =>
    run(100, { scenario: 'Server', settings: { effective: { targetQps } }, command });

  it('replaces options, however they were written', async () => {
    const from = server(20, ['bench', 'run']);
    for (const given of [
      ['--target-qps', '40'],
      ['--target-qps=40'],
      ['--set', 'server.target_qps=40'],
    ]) {
      const call = ['bench', 'run', ...given, '--set', 'engine.max_batch=4', '--output', 'x'];
      const { comparability } = await compare(from, server(40, call));
      expect(comparability.command).toEqual([
        'bench',
        'run',
        '--set',
        'engine.max_batch=4',
        '--target-qps',
        '20',
      ]);
    }
  });

  it("takes a dataset's path, blanks and all", async () => {
    const from = run(100, {
      dataset: { name: 'two words', digest: 'e'.repeat(64), path: '/d/two words.jsonl' },
    });
    const { comparability } = await compare(
      from,
      run(100, { command: ['bench', '--dataset', 'tiny-orca', '--quiet'] }),
    );
    expect(comparability.command).toEqual(['bench', '--quiet', '--dataset', '/d/two words.jsonl']);
    const { stdout } = await callBench('compare', from, run(100));
    expect(stdout).toContain("--dataset '/d/two words.jsonl'");
  });
});

it('a run against itself is refused by its name', async () => {
  const one = run(100);
  const { code, stderr } = await callBench('compare', one, join(one, 'run.json'));
  expect(code).toBe(2);
  expect(stderr).toMatch(/is run made-\d+, as ".*" is; allowed: each run once/);
});
