// Runs of several workers through the real command: what they are told to do, what is recorded of each, and how a run ends
// whose workers fail.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../harness/cli.js';
import { findPackageRoot } from '../../harness/package-root.js';
import { callBench } from './bench-call.js';
import { readExposition } from './metrics/exposition-checker.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-workers-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const model = join(findPackageRoot().folder, 'test', 'golden', 'transformers', 'float32');
/** Short answers of a small random model. */
function speedRun(samples: number, device = 'cpu,cpu'): string[] {
  const types = ['engine.kv_cache=fp32', 'engine.activations=fp32', 'engine.max_batch=8'];
  return [
    ...['--model', model, '--dataset', `synthetic:4x6:${samples}`, '--device', device],
    ...['--target-qps', '1', '--min-duration', '0', '--mode', 'performance'],
    ...['--set', ...types],
  ];
}

async function bench(name: string, ...argv: string[]) {
  const output = join(folder, name);
  const { code, stdout, stderr } = await callBench(
    ...argv,
    '--quiet',
    '--json',
    '--output',
    output,
  );
  expect(stderr).toBe('');
  return { code, run: JSON.parse(stdout), output };
}

function readOutputs(output: string, pass: string): Map<number, string> {
  const lines = readFileSync(join(output, `samples-${pass}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n');
  const rows = lines.map((line) => JSON.parse(line));
  return new Map(rows.map(({ sampleIndex, output: text }) => [sampleIndex, text]));
}

interface RecordedWorker {
  readonly samples: number;
  readonly steps: number;
  readonly generatedTokens: number;
  readonly promptTokens: number;
}

describe('a run of two workers', () => {
  it('gives the answers of one, and tells what each did', async () => {
    const tiny = ['--samples', '40', '--accuracy'];
    const one = await bench('one', ...tiny, '--device', 'cpu');
    const two = await bench('two', ...tiny, '--device', 'cpu,cpu');
    expect(one.run.sut).toMatchObject({
      devices: ['cpu'],
      workers: [{ state: 'ok', samples: 40 }],
    });
    expect(readOutputs(two.output, 'accuracy')).toEqual(readOutputs(one.output, 'accuracy'));
    expect(two.run.accuracy.metrics).toEqual(one.run.accuracy.metrics);
    const { sut } = two.run;
    expect(sut).toMatchObject({ devices: ['cpu', 'cpu'], tensorParallel: 1 });
    expect(sut.threads).toBe(Math.max(2, one.run.sut.threads));
    expect(sut.kvCache.bytes).toBe(2 * one.run.sut.kvCache.bytes);
    const workers: readonly RecordedWorker[] = sut.workers;
    expect(workers).toHaveLength(2);
    const sum = (name: keyof RecordedWorker) =>
      workers.reduce((total, worker) => total + worker[name], 0);
    expect([sum('samples'), sum('steps')]).toEqual([40, sut.steps]);
    expect(sum('generatedTokens')).toBeGreaterThanOrEqual(one.run.sut.workers[0].generatedTokens);
    expect(sut.workers[1]).toMatchObject({
      devices: ['cpu'],
      state: 'ok',
      failure: null,
      busyShare: null,
    });
    const course = readFileSync(join(two.output, 'engine-accuracy.jsonl'), 'utf8');
    const intervals = course
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    for (const { workers: each, steps, generatedTokens } of intervals) {
      expect(each[0].steps + each[1].steps).toBe(steps);
      expect(each[0].generatedTokens + each[1].generatedTokens).toBe(generatedTokens);
    }
    const alone = readFileSync(join(one.output, 'engine-accuracy.jsonl'), 'utf8');
    expect(alone).not.toContain('workers');
    const page = readFileSync(join(two.output, 'report.html'), 'utf8');
    expect(page).toContain(
      `data-field="sut.workers.1.samples" data-value="${workers[1]!.samples}"`,
    );
    expect(page).toContain('Tokens of each worker');
  });

  it('has a line for each in the summary, and series for each at the port', async () => {
    let [stdout, stderr] = ['', ''];
    const pages: string[] = [];
    const given = [...speedRun(12_000), '--metrics-port', '0', '--output', join(folder, 'live')];
    const ended = main(given, {
      stdout: {
        write: (text) => {
          stdout += text;
        },
      },
      stderr: {
        write: (text) => {
          stderr += text;
        },
      },
    });
    let isOver = false;
    void ended.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await sleep(50);
      const url = /live figures at (\S+)/.exec(stderr)?.[1];
      const response = url === undefined ? null : await fetch(url).catch(() => null);
      if (response !== null) pages.push(await response.text());
    }
    expect(await ended).toBe(0);
    for (const worker of [0, 1]) {
      expect(stdout).toMatch(
        new RegExp(`worker ${worker} \\(cpu\\): \\d+ samples, \\d+ tokens after \\d+ of prompts`),
      );
    }
    const up = pages.map((page) => readExposition(page).get('loadmark_worker_up')?.samples);
    expect(up.findLast((samples) => samples !== undefined)).toMatchObject([
      { labels: { worker: '0', devices: 'cpu' }, value: 1 },
      { labels: { worker: '1', devices: 'cpu' }, value: 1 },
    ]);
  });
});

it('find-peak has no counts of workers beside the figures of one rate', async () => {
  // No first token comes within a microsecond: the search ends with the rate it begins with.
  const limits = ['server.ttft_ms=0.001', 'server.min_query_count=100'];
  const { run, output } = await bench(
    'peak',
    ...speedRun(100),
    ...['--mode', 'find-peak', '--scenario', 'Server', '--target-qps', '200', '--set', ...limits],
  );
  expect(run.performance.peakSearch).toMatchObject({ peakQps: null, probes: [{ qps: 200 }] });
  const { sut } = run;
  expect(sut).toMatchObject({
    ...{ devices: ['cpu', 'cpu'], workers: null, steps: null, occupancy: null },
    ...{ preemptions: null, kvPeakShare: expect.any(Number) },
  });
  const page = readFileSync(join(output, 'report.html'), 'utf8');
  expect(page).toContain('Steps and tokens of the reported rate alone were not counted');
  expect(page).toContain('Tokens of each worker');
  expect(page).not.toContain('Workers: tokens are those');
});

/** Each sample's share of a pass as the accuracy log has it: how often it was answered. */
function countLogged(output: string): number[] {
  const log = join(output, 'performance', 'run_1', 'mlperf_log_accuracy.json');
  const counts = new Map<number, number>();
  for (const { seq_id: id } of JSON.parse(readFileSync(log, 'utf8'))) {
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return [...counts.values()];
}

const faulty = (fault: string) => ['--set', `engine.fault=${fault}`];
const measuresNothing = (fault: string) =>
  `workers are made to fail (engine.fault is ${fault}), which tests loadmark and measures nothing`;
/** LoadGen writes every answer of a performance pass to its accuracy log. */
const logged = ['--set', 'loadgen.accuracy_log_probability=1'];

describe('a run whose worker fails', () => {
  it.each([
    ['exception', 1, 'fault injected at step \\d+'],
    ['out-of-memory', 1, 'out of memory: an allocation failed'],
    ['thread-death', 1, 'its thread has ended without a word'],
    // Of two that compute a model together, one: its group is lost, the other group is not.
    ['exception', 2, 'rank 1 of 2 \\(cpu\\): fault injected at step \\d+'],
    ['out-of-memory', 2, 'rank 1 of 2 \\(cpu\\): out of memory: an allocation failed'],
    ['thread-death', 2, 'rank 1 of 2 \\(cpu\\): its thread has ended without a word'],
  ])(
    '%s at half, %i devices a worker: INVALID, with every sample answered once and the worker named',
    async (kind, ranks, told) => {
      const fault = `worker=1,after=50%,kind=${kind}${ranks === 1 ? '' : ',rank=1'}`;
      const devices = Array(2 * ranks)
        .fill('cpu')
        .join(',');
      const { code, run, output } = await bench(
        `${kind}-${ranks}`,
        ...speedRun(2000, devices),
        ...['--tensor-parallel', String(ranks)],
        ...faulty(fault),
        ...logged,
      );
      expect(code).toBe(3);
      expect(run).toMatchObject({ valid: false, config: { engine: { fault } } });
      const name = `worker 1 (${Array(ranks).fill('cpu').join(', ')})`;
      const [reason, lost] = run.invalidReasons;
      expect(run.invalidReasons).toHaveLength(2);
      expect(reason).toBe(measuresNothing(fault));
      const failure = new RegExp(`^worker 1 \\(cpu(, cpu)?\\) failed at step (\\d+): ${told}`);
      expect(lost.replace('performance: ', '')).toMatch(failure);
      expect(lost).toMatch(/: the figures are of 1 of 2 workers, not of the configuration named$/);
      const resent =
        /in the performance pass worker 1 .* failed at step .*; (\d+) samples were unanswered and sent again to other workers/.exec(
          run.remarks.join('\n'),
        );
      expect(Number(resent?.[1])).toBeGreaterThan(0);
      expect(run.performance).toMatchObject({
        ...{ issuedSamples: 2000, completedSamples: 2000, failedSamples: 0 },
      });
      expect(readOutputs(output, 'performance').size).toBe(2000);
      expect(countLogged(output)).toEqual(Array(2000).fill(1));
      const [ok, failed] = run.sut.workers;
      expect([ok, failed]).toMatchObject([
        { state: 'ok', failure: null },
        { state: 'failed', failure: expect.stringMatching(failure) },
      ]);
      expect(failed.failure.startsWith(name)).toBe(true);
      expect(ok.samples + failed.samples).toBe(2000);
      // It failed amid the run: it had a share of the first half, and of the second what came with the news.
      expect(failed.samples).toBeGreaterThan(0);
      expect(failed.samples).toBeLessThan(1100);
      expect(readFileSync(join(output, 'report.html'), 'utf8')).toContain(name);
    },
  );

  it('has the answers of others where only these count', async () => {
    const fault = 'worker=0,step=6';
    const { code, run, output } = await bench(
      'answers',
      ...['--samples', '40', '--accuracy', '--device', 'cpu,cpu'],
      ...faulty(fault),
    );
    expect(code).toBe(3);
    // For no other reason: a worker that is lost by itself does not change what the answers are worth.
    expect(run.invalidReasons).toEqual([measuresNothing(fault)]);
    expect(run.remarks.join('\n')).toMatch(
      /in the accuracy pass worker 0 \(cpu\) failed at step 6: .*; \d+ samples were unanswered/,
    );
    expect(readOutputs(output, 'accuracy')).toEqual(readOutputs(join(folder, 'one'), 'accuracy'));
  });

  it('ends INVALID where none is left, naming samples and workers, and the process goes on', async () => {
    const fault = 'worker=0,after=1200,kind=thread-death; worker=1,after=900,kind=out-of-memory';
    const { code, run, output } = await bench(
      'none',
      ...speedRun(2000),
      ...faulty(fault),
      ...logged,
    );
    expect(code).toBe(5);
    expect(run.valid).toBe(false);
    const reasons = run.invalidReasons.join('\n');
    expect(reasons).toMatch(/worker 0 \(cpu\) failed at step \d+: its thread has ended/);
    expect(reasons).toMatch(/worker 1 \(cpu\) failed at step \d+: out of memory/);
    expect(reasons).toMatch(/\d+ samples failed, first sample \d+: no worker is left/);
    const { issuedSamples, completedSamples, failedSamples } = run.performance;
    expect(completedSamples).toBeGreaterThanOrEqual(1200);
    expect([issuedSamples, completedSamples + failedSamples]).toEqual([2000, 2000]);
    expect(countLogged(output)).toEqual(Array(completedSamples).fill(1));
    expect((await bench('after', ...speedRun(50))).code).toBe(0);
  });

  it('is refused where it is not known how, or there', async () => {
    const forms =
      'allowed: worker=N, one of step=N, after=N (samples answered in a pass) and after=N%, and kind=exception|out-of-memory|device-fault|thread-death and rank=N where wanted, with commas between; several faults with semicolons between';
    const refuse = async (fault: string, ...argv: string[]) => {
      const given = ['--device', 'cpu,cpu', ...faulty(fault), ...argv];
      const { code, stdout, stderr } = await callBench(...given);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      return stderr;
    };
    for (const odd of [
      ...[
        'worker=1',
        'step=5',
        'worker=1,step=0',
        'worker=1,step=5,after=5',
        'worker=1,after=100%',
      ],
      ...[
        'worker=1,step=5,kind=oom',
        'worker=1,step=5,step=6',
        'worker=-1,step=5',
        'worker=1,step=5;',
      ],
      ...['worker=1,step=5,rank=x', 'worker=1,after=0%', '0,300'],
    ]) {
      expect(await refuse(odd)).toContain(
        `--set engine.fault: engine.fault is "${odd}"; ${forms}\n`,
      );
    }
    expect(await refuse('worker=1,step=5;worker=1,step=6')).toContain(
      ', with two faults of worker 1; allowed: one of each\n',
    );
    expect(await refuse('worker=1,step=5,kind=device-fault')).toContain(
      ', and worker 1 is on the CPU; allowed there: kind=exception, out-of-memory, thread-death\n',
    );
    expect(await refuse('worker=1,after=50%', '--scenario', 'Server')).toContain(
      ', and Server does not know its samples before; allowed there: after=N\n',
    );
  });
});

it('tells every fault of a list of devices before anything starts', async () => {
  const refused = async (...argv: string[]) => {
    const { code, stdout, stderr } = await callBench(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    return stderr;
  };
  expect(await refused('--device', 'cpu,tpu')).toMatch(
    /^bench: --device: device is "cpu,tpu"; allowed: auto, cpu, .*\(cuda:0,1; cuda:0,cpu; cpu,cpu\)\n$/,
  );
  expect(await refused('--device', 'cpu,cpu', '--tensor-parallel', '3')).toBe(
    'bench: --tensor-parallel: engine.tensor_parallel is 3, and 2 devices are named (cpu, cpu); allowed: 1, 2, or more devices (--device cpu,cpu,cpu)\n',
  );
  const odd = join(findPackageRoot().folder, 'configs', 'models', 'tiny-int4');
  const fourth = ['--device', 'cpu,cpu,cpu,cpu', '--tensor-parallel', '4'];
  const kept = ['--output', join(folder, 'refused')];
  expect(await refused('--model', odd, ...fourth, '--samples', '5', '--quiet', ...kept)).toBe(
    `bench: ${odd}: engine.tensor_parallel (--tensor-parallel) is 4: model.layers.0.mlp.down_proj has scales for groups of 64 inputs, and a device would have 160 inputs, which cuts a group; allowed for this model: 1, 2 (ERR_BAD_ARGUMENT)\n`,
  );
  expect(await refused('--device', 'cpu,cpu', ...faulty('worker=2,step=3'))).toContain(
    'engine.fault is "worker=2,step=3": there is no worker 2; allowed: 0 to 1\n',
  );
  const both = await refused('--device', 'cpu,cpu', '--kv-cache', 'fp8', '--tensor-parallel', '0');
  expect(both).toContain('--kv-cache: engine.kv_cache is "fp8"; allowed on cpu');
  expect(both).toContain('--tensor-parallel: engine.tensor_parallel is 0; allowed');
});

it('ends on Ctrl-C with what was measured, whatever both workers had before them', async () => {
  const program = join(findPackageRoot().folder, 'dist', 'harness', 'cli.js');
  const output = join(folder, 'interrupted');
  const argv = [...speedRun(120_000), '--json', '--no-report', '--output', output];
  const child: ChildProcess = spawn(process.execPath, [program, ...argv]);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (text) => {
    stdout += text;
  });
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  while (!stderr.includes('performance pass')) await sleep(20);
  await sleep(300);
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  const run = JSON.parse(stdout);
  expect(run).toMatchObject({ valid: false, interrupted: true });
  expect(run.performance.completedSamples).toBeLessThan(run.performance.issuedSamples);
  expect(run.sut.workers).toMatchObject([{ state: 'ok' }, { state: 'ok' }]);
});
