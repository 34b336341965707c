import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callBench } from './bench-call.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-cli-'));
  writeFileSync(join(folder, 'unjudged.yaml'), 'name: unjudged\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A run of the null system with the given service time per sample; its answers have no target to miss. */
function benchNull(output: string, delayMs: number, ...argv: string[]) {
  const quick = ['--samples', '40', '--min-duration', '0.1', '--quiet'];
  const set = ['--set', `null_sut.delay_ms=${delayMs}`];
  const model = ['--model', join(folder, 'unjudged.yaml')];
  const where = ['--output', join(folder, output)];
  return callBench('--sut', 'null', ...where, ...model, ...quick, ...argv, ...set);
}

function readJson(file: string) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function readLines(file: string): Record<string, unknown>[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('bench run on the null system', () => {
  it('writes the whole folder, and run.json agrees with the logs and the evidence', async () => {
    const { code, stdout, stderr } = await benchNull('offline', 4);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^VALID {2}optimized: unjudged on tiny-orca, Offline, submission\n/);
    const path = join(folder, 'offline');
    const logs = ['summary.txt', 'detail.txt', 'accuracy.json', 'trace.json'].map(
      (name) => `mlperf_log_${name}`,
    );
    expect(readdirSync(join(path, 'accuracy')).sort()).toEqual(['accuracy.txt', ...logs].sort());
    expect(readdirSync(join(path, 'performance', 'run_1')).sort()).toEqual(logs.sort());

    const run = readJson(join(path, 'run.json'));
    expect(run.schema).toBe('loadmark/run/1');
    expect(run).toMatchObject({ valid: true, invalidReasons: [], scenario: 'Offline' });
    expect(run.accuracy).toMatchObject({ samplesIssued: 40, samplesScored: 40, failedSamples: 0 });
    const { performance } = run;
    expect(performance.completedSamples).toBe(performance.issuedSamples);
    expect(performance).toMatchObject({ failedSamples: 0, mbu: null, joulesPerToken: null });
    expect(performance.generatedTokens).toBe(2 * performance.completedSamples);
    expect(performance.durationSeconds).toBeGreaterThanOrEqual(0.1);
    for (const name of ['latencyMs', 'ttftMs', 'tpotMs', 'issueLagUs']) {
      const histogram = performance[name];
      expect(Object.keys(histogram)).toEqual([
        'mean',
        'p50',
        'p90',
        'p95',
        'p97',
        'p99',
        'p99_9',
        'max',
      ]);
      expect(histogram.max).toBeGreaterThanOrEqual(histogram.p50);
    }
    expect(run.settings.requested.sampleIndexRngSeed).toBe('2747215439041700203');
    expect(run.settings.effective.samplesPerQuery).toBe(performance.issuedSamples);

    const summary = readFileSync(join(path, 'performance/run_1/mlperf_log_summary.txt'), 'utf8');
    const shown = Number(/Samples per second: (\S+)/.exec(summary)?.[1]);
    expect(performance.samplesPerSecond / shown).toBeCloseTo(1, 4);

    const rows = readLines(join(path, 'samples-performance.jsonl'));
    expect(rows.length).toBe(performance.issuedSamples);
    const longest = Math.max(
      ...rows.map((row) => Number(row.completedNs) - Number(row.scheduledNs)),
    );
    expect(longest / 1e6).toBeCloseTo(performance.latencyMs.max, 6);
    const scored = readLines(join(path, 'samples-accuracy.jsonl'));
    expect(new Set(scored.map((row) => row.sampleIndex)).size).toBe(40);
    expect(scored.every((row) => row.scores !== null && row.failure === null)).toBe(true);
  });

  it('issues each sample once when it lasts long enough', async () => {
    const { code, stdout } = await benchNull('once', 4, '--target-qps', '1', '--json');
    expect(code).toBe(0);
    const run = JSON.parse(stdout);
    expect(stdout).toBe(readFileSync(join(folder, 'once', 'run.json'), 'utf8'));
    expect(run.performance).toMatchObject({ issuedSamples: 40, completedSamples: 40 });
    expect(run.accuracy.samplesScored).toBe(40);
  });

  it('serves Server at a rate it can, and says why not at one it cannot', async () => {
    const server = ['--scenario', 'Server', '--mode', 'performance', '--json'];
    const count = ['--set', 'server.min_query_count=500'];
    const kept = await benchNull('served', 0, ...server, '--target-qps', '2000', ...count);
    expect(kept.code).toBe(0);
    const run = JSON.parse(kept.stdout);
    expect(run.accuracy).toBeNull();
    expect(run.performance.issuedSamples).toBeGreaterThanOrEqual(500);
    expect(run.performance.scheduledSamplesPerSecond).toBeGreaterThan(1000);

    const lost = await benchNull('lost', 10, ...server, '--target-qps', '2000', ...count);
    expect(lost.code).toBe(3);
    const reasons: string[] = JSON.parse(lost.stdout).invalidReasons;
    expect(reasons.join('\n')).toContain('Reduce target QPS to improve latency');
  });

  it('asks one by one in SingleStream, and says the percentile', async () => {
    const stream = ['--scenario', 'SingleStream', '--json', '--mode', 'performance'];
    const { code, stdout } = await benchNull('single', 3, ...stream);
    expect(code).toBe(0);
    const run = JSON.parse(stdout);
    expect(run.settings.effective).toMatchObject({ samplesPerQuery: 1, minQueryCount: 100 });
    const { performance } = run;
    // The null system takes 3 ms for each of them, and the next waits for the last.
    expect(performance.issuedSamples).toBeGreaterThanOrEqual(100);
    expect(performance.latencyMs.p50).toBeGreaterThanOrEqual(2.9);
    expect(performance.samplesPerSecond).toBeLessThanOrEqual(1000 / 2.9);
    const rate = performance.generatedTokens / performance.durationSeconds;
    expect(performance.tokensPerSecond).toBeCloseTo(rate, 6);
    const log = join(folder, 'single/performance/run_1/mlperf_log_summary.txt');
    const shown = /90\.0th percentile latency \(ns\) : (\d+)/.exec(readFileSync(log, 'utf8'));
    expect(Number(shown?.[1]) / 1e6).toBeCloseTo(performance.latencyMs.p90, 6);
    const rows = readLines(join(folder, 'single', 'samples-performance.jsonl'));
    for (let i = 1; i < rows.length; i++) {
      expect(Number(rows[i]?.issuedNs)).toBeGreaterThanOrEqual(Number(rows[i - 1]?.completedNs));
    }
  });

  it('asks several at a time in MultiStream, accuracy first', async () => {
    const set = ['multi_stream.samples_per_query=3', 'multi_stream.min_query_count=662'];
    const stream = ['--scenario', 'MultiStream', '--json', '--set', ...set];
    const { code, stdout } = await benchNull('multi', 0.1, ...stream);
    expect(code).toBe(0);
    const run = JSON.parse(stdout);
    // 40 samples make 14 queries of 3; two of them are asked twice and scored once.
    expect(run.accuracy).toMatchObject({ samplesIssued: 42, samplesScored: 40 });
    expect(run.performance.issuedSamples).toBeGreaterThanOrEqual(3 * 662);
    expect(run.performance.completedSamples).toBe(run.performance.issuedSamples);
    expect(run.performance.issuedSamples % 3).toBe(0);
    // A query takes as long as its three samples one after the other.
    expect(run.performance.latencyMs.p50).toBeGreaterThanOrEqual(0.29);
  });

  it('is INVALID with exit 3 when it ends too soon', async () => {
    const { code, stdout } = await benchNull(
      'short',
      0,
      '--target-qps',
      '1',
      '--mode',
      'performance',
    );
    expect(code).toBe(3);
    expect(stdout).toMatch(/^INVALID .*\n {2}- performance: .*/);
  });

  it('is valid and below target with exit 4', async () => {
    const model = join(folder, 'judged.yaml');
    writeFileSync(model, 'accuracy: { tiny-orca: { references: { rouge1: 50 } } }');
    const { code, stdout } = await benchNull('judged', 0, '--accuracy', '--model', model);
    expect(code).toBe(4);
    expect(stdout).toMatch(/^VALID/);
    expect(stdout).toMatch(/rouge1 +0 ± 0 +\(target 49\.5\) {2}FAIL/);
    const run = readJson(join(folder, 'judged', 'run.json'));
    expect(run.performance).toBeNull();
    expect(run.accuracy.targets).toEqual([
      {
        metric: 'rouge1',
        kind: 'at-least',
        reference: 50,
        factor: 0.99,
        threshold: 49.5,
        upperThreshold: null,
        value: 0,
        pass: false,
      },
    ]);
  });

  it('asks multiple-choice questions too, in questions per second', async () => {
    const { code, stdout } = await benchNull('mmlu', 4, '--dataset', 'tiny-mmlu', '--json');
    expect(code).toBe(0);
    const run = JSON.parse(stdout);
    expect(run.accuracy.metrics.mmlu).toBeGreaterThanOrEqual(0);
    expect(run.performance).toMatchObject({ tokensPerSecond: null, generatedTokens: null });
    expect(run.performance.samplesPerSecond).toBeGreaterThan(50);
  });

  it('does not overwrite a run', async () => {
    await benchNull('kept', 0, '--accuracy');
    const { code, stderr } = await benchNull('kept', 0, '--accuracy');
    expect(code).toBe(2);
    expect(stderr).toContain('holds a run already');
  });
});

describe('bench with bad input', () => {
  it.each([
    [['--dataset', 'tiny-orka'], '--dataset: dataset is "tiny-orka"; allowed: '],
    [['--target-qps', '-5'], '--target-qps: offline.target_qps is -5; allowed: '],
    [['--samples', '100000'], '--samples: samples is 100000; allowed: 1 to 1000'],
    [['--scenario', 'Interactive'], '"Interactive" is not in this version'],
    [['--mode', 'find-peak'], '--mode: mode find-peak looks for a rate of arrivals, and scenario'],
    [['--sut', 'openai'], '"openai" is not in this version'],
    [['--kv-cache', 'int8'], '"int8" is not in this version'],
    [['--endpoint', 'http://localhost'], '--endpoint: this option is not in this version'],
    [
      ['--tensor-parallel', '0'],
      '--tensor-parallel: engine.tensor_parallel is 0; allowed: a whole',
    ],
    [['--user-conf', 'none.conf'], '--user-conf: none.conf cannot be read: it does not exist'],
    [['--set', 'engine.max_bach=3'], '(did you mean "max_batch"?)'],
    [['--config', 'optimised'], '(did you mean "optimized"?)'],
    [['--device', 'tpu'], 'device is "tpu"; allowed: auto, cpu'],
    [['--scenari', 'Offline'], '(Did you mean --scenario?)'],
    [['--profile', '20000'], '--profile: engine.profile_steps is 20000; allowed: a whole number'],
    [
      ['--profile', '--quiet'],
      '--profile: engine.profile_steps is 50, and sut null has no kernels',
    ],
    [['--cuda-graphs', 'off'], '--cuda-graphs: engine.cuda_graphs is "off"; allowed: true, false'],
    [
      ['--cuda-graphs', 'false'],
      '--cuda-graphs: engine.cuda_graphs is false, and sut null has no CUDA graphs; allowed: true, or sut native on a GPU',
    ],
    [['--output', '/proc/nowhere'], '"/proc/nowhere" cannot be made'],
    [['--output', '/proc/version'], '"/proc/version" is not a folder'],
    [
      ['--output', '/proc/version/in'],
      '"/proc/version/in" cannot be made: a part of its path is a file',
    ],
    [['--output', '/proc'], '"/proc" cannot be written into: no folder can be made there'],
    [['--output', ''], '--output: is ""; allowed: '],
    [['--samples', ''], '--samples: samples is ""; allowed: '],
    [
      ['docter'],
      'there is no command "docter"; allowed: run, doctor, quantize, inspect, eval, score, check, package, pull, compare, report, ladder, sweep (did you mean',
    ],
  ])('%j', async (argv, message) => {
    const { code, stdout, stderr } = await callBench('--sut', 'null', ...argv);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });

  it.each(['serve'])('bench %s', async (command) => {
    const { code, stderr } = await callBench(command, 'a', 'b', '--gate', '1');
    expect(stderr).toContain(`bench ${command}: is not in this version`);
    expect(code).toBe(2);
  });

  it('tells them all at once, and as one JSON object when asked', async () => {
    const argv = [
      '--json',
      '--sut',
      'null',
      '--dataset',
      'x',
      '--samples',
      '0',
      '--audit-conf',
      'f',
    ];
    const { code, stdout } = await callBench(...argv);
    expect(code).toBe(2);
    const error = JSON.parse(stdout);
    expect(error).toMatchObject({ schema: 'loadmark/error/1', exitCode: 2, code: 'BAD_INPUT' });
    expect(error.faults.map((fault: { where: string }) => fault.where)).toEqual([
      '--samples',
      '--dataset',
      '--audit-conf',
    ]);
  });

  it.each([[['--frobnicate']], [['doctor', '--frobnicate']], [['quantize', '--sym']]])(
    'prints one JSON object for the misuse of %j too',
    async (argv) => {
      const { code, stdout, stderr } = await callBench(...argv, '--json');
      expect(code).toBe(2);
      expect(JSON.parse(stdout)).toMatchObject({ schema: 'loadmark/error/1', exitCode: 2 });
      expect(stderr).toMatch(/^bench: /);
    },
  );

  it('leaves no folder behind when the model cannot be loaded', async () => {
    const model = join(folder, 'empty-model');
    mkdirSync(model);
    writeFileSync(join(model, 'config.json'), '{}');
    const output = join(folder, 'never', 'made');
    const { code } = await callBench('--model', model, '--output', output, '--quiet');
    expect(code).toBe(2);
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });

  it('refuses to profile on the CPU, with one message', async () => {
    const output = join(folder, 'profiled');
    const argv = ['--device', 'cpu', '--profile', '--output', output];
    const { code, stdout, stderr } = await callBench(...argv);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'bench: --profile: engine.profile_steps is 50, and the CPU engine has no kernels to profile; allowed: 0, or a GPU (--device cuda)\n',
    );
    expect(existsSync(output)).toBe(false);
  });

  it('refuses to take CUDA graphs off on the CPU, with one message', async () => {
    const output = join(folder, 'graphless');
    const argv = ['--device', 'cpu', '--cuda-graphs', 'false', '--output', output];
    const { code, stdout, stderr } = await callBench(...argv);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'bench: --cuda-graphs: engine.cuda_graphs is false, and the CPU engine has no CUDA graphs; allowed: true, or a GPU (--device cuda)\n',
    );
    expect(existsSync(output)).toBe(false);
  });

  it('refuses the same GPU twice, or says why there is none', async () => {
    const output = join(folder, 'cuda');
    const argv = ['--sut', 'null', '--device', 'cuda:0,0', '--output', output];
    const { code, stderr } = await callBench(...argv);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /--device: device is "cuda:0,0": .+; allowed: (auto, cpu, or cpu several times \(cpu,cpu\)|each GPU once)\n/,
    );
    expect(existsSync(output)).toBe(false);
  });
});

describe('bench', () => {
  it('explains itself', async () => {
    const all = await callBench('--help');
    expect(all.stdout).toContain('Without a command, bench means bench run');
    expect(all.stdout).toContain('bench run --help lists its options.');
    const { code, stdout } = await callBench('run', '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('--target-qps <n>');
    expect(stdout).not.toContain('--endpoint');
    expect((await callBench('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('examines the machine', async () => {
    const { code, stdout } = await callBench('doctor', '--json');
    const report = JSON.parse(stdout);
    expect(report.schema).toBe('loadmark/doctor/1');
    expect(code).toBe(report.engine.works ? 0 : 5);
    expect(report.system.node).toBe(process.version);
    expect(report.tools.map((tool: { name: string }) => tool.name)).toEqual([
      'C++ compiler',
      'cmake',
      'nvcc',
    ]);
    const { stdout: table } = await callBench('doctor');
    expect(table).toContain(report.system.cpu);
  });
});

describe('the null system with its defaults', () => {
  // Other work on the machine that ends between the warm-up and the run makes the run faster than foretold, and short.
  it.each(['SingleStream', 'MultiStream', 'Offline'])(
    'is VALID in %s: the warm-up tells how many samples it takes',
    { retry: 2 },
    async (scenario) => {
      const output = mkdtempSync(join(folder, `null-${scenario}-`));
      const options = ['--mode', 'performance', '--min-duration', '0.25', '--quiet', '--json'];
      const { code, stdout } = await callBench(
        ...['--sut', 'null', '--scenario', scenario, '--output', join(output, 'run'), ...options],
      );
      expect(code).toBe(0);
      expect(JSON.parse(stdout).performance.durationSeconds).toBeGreaterThanOrEqual(0.25);
    },
  );

  it('has no rate on the virtual clock, where it answers in no time', async () => {
    const output = join(folder, 'null-virtual');
    const options = ['--mode', 'performance', '--clock', 'virtual', '--quiet', '--output', output];
    const { stdout } = await callBench('--sut', 'null', '--samples', '20', ...options);
    expect(stdout).toContain('\nThroughput  not measured\n');
    expect(stdout).not.toContain('Infinity');
  });
});
