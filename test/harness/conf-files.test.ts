// MLPerf's own files at the command line: what they lay over a run, what run.json and the logs say of it, what is refused.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../harness/cli.js';
import { findPackageRoot } from '../../harness/package-root.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-conf-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, ...lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

async function bench(...argv: string[]) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const streams = { stdout: stream('stdout'), stderr: stream('stderr') };
  const common = ['--sut', 'null', '--samples', '40', '--quiet', '--json'];
  const code = await main([...common, ...argv], streams);
  const stderr = written.stderr.replaceAll(`${folder}/`, '');
  return { code, stderr, run: JSON.parse(written.stdout) };
}

/** A performance pass into a folder of its own. */
function benchPass(output: string, ...argv: string[]) {
  return bench('--mode', 'performance', '--output', join(folder, output), ...argv);
}

function readLog(output: string, name: string): string {
  return readFileSync(join(folder, output, 'performance', 'run_1', `mlperf_log_${name}`), 'utf8');
}

function digestOf(path: string): { path: string; sha256: string } {
  return { path, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') };
}

const builtIn = join(findPackageRoot().folder, 'configs', 'mlperf.conf');
/** The null system answers at once. */
const short = '*.*.min_duration = 0';

describe('--user-conf', () => {
  it('comes after configs/mlperf.conf and over the run configuration, and run.json names both', async () => {
    const user = write(
      'user.conf',
      short,
      '*.Offline.min_query_count = 60',
      '*.Offline.target_qps = 70',
    );
    const { code, stderr, run } = await benchPass('user', '--user-conf', user);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(run.settings.requested).toMatchObject({
      minDurationMs: 0,
      minQueryCount: 60,
      offlineExpectedQps: 70,
      singleStreamExpectedLatencyNs: 10_000_000,
      test05QslRngSeed: '7975553102935885558',
    });
    expect(run.performance.issuedSamples).toBe(60);
    expect(run.settings.confFiles).toEqual({
      model: 'tiny-int4',
      mlperfConf: digestOf(builtIn),
      userConf: digestOf(user),
      auditConf: null,
    });
    expect(run.config.mlperf.userConf).toBe(user);
    expect(JSON.stringify(run)).not.toContain('sample_concatenate_permutation');
  });

  it('looks up the model by mlperf.model', async () => {
    const user = write(
      'model.conf',
      short,
      '*.Offline.target_qps = 1',
      'llama2-70b.Offline.min_query_count = 50',
    );
    const named = await benchPass('model', '--user-conf', user, '--set', 'mlperf.model=llama2-70b');
    expect(named.run.settings.confFiles.model).toBe('llama2-70b');
    expect(named.run.settings.requested).toMatchObject({
      minQueryCount: 50,
      sampleConcatenatePermutation: true,
      performanceSampleCountOverride: 24576,
      serverTtftLatencyNs: 2e9,
    });
    expect(named.run.valid).toBe(true);
  });

  it('leaves the pass to the harness', async () => {
    const user = write('mode.conf', short, '*.*.mode = 1');
    const { run } = await benchPass('mode', '--user-conf', user);
    expect(run.settings.requested.mode).toBe('PerformanceOnly');
    expect(run.accuracy).toBeNull();
  });
});

describe('--user-conf with the seeds of another round', () => {
  it('takes the values of configs/mlperf.conf and the seeds that the run names', async () => {
    const user = write('round.conf', short, '*.Offline.target_qps = 1');
    const { code, run } = await benchPass(
      'named',
      '--user-conf',
      user,
      '--set',
      'seeds.round=v6.0',
    );
    expect(code).toBe(0);
    expect(run.settings.requested).toMatchObject({
      qslRngSeed: '2465351861681999779',
      scheduleRngSeed: '3936089224930324775',
      test05QslRngSeed: '7975553102935885558',
    });
  });
});

describe('--mlperf-conf', () => {
  it('takes the place of configs/mlperf.conf, and alone may set seeds', async () => {
    const mlperf = write('mlperf.conf', short, '*.*.qsl_rng_seed = 0xFFFFFFFFFFFFFFFF');
    const user = write('seed.conf', '*.*.qsl_rng_seed = 5', '*.*.min_query_count = 44');
    const both = await benchPass('both', '--mlperf-conf', mlperf, '--user-conf', user);
    expect(both.run.settings.requested).toMatchObject({
      qslRngSeed: '18446744073709551615',
      minQueryCount: 44,
      minDurationMs: 0,
      singleStreamExpectedLatencyNs: 1_000_000,
    });
    const alone = await benchPass('alone', '--mlperf-conf', mlperf);
    expect(alone.run.settings.requested.qslRngSeed).toBe('18446744073709551615');
    expect(alone.run.settings.confFiles.userConf).toBeNull();
  });
});

describe('--audit-conf', () => {
  it('comes last, leaves LoadGen’s warning, and logs the responses it asks for', async () => {
    const audit = write(
      'audit.config',
      '*.*.mode = 2',
      '*.*.accuracy_log_rng_seed = 720381539243781796',
      '*.*.accuracy_log_sampling_target = 1000',
      '*.*.min_query_count = 30',
      '*.*.min_duration = 0',
      'tiny-int4.*.min_query_count = 31',
    );
    const { code, run } = await benchPass('audit', '--audit-conf', audit);
    expect(code).toBe(0);
    expect(run.settings.requested).toMatchObject({ minQueryCount: 30, minDurationMs: 0 });
    expect(run.settings.requested.accuracyLogRngSeed).toBe('720381539243781796');
    expect(run.settings.confFiles).toMatchObject({ mlperfConf: null, auditConf: digestOf(audit) });
    expect(run.performance.issuedSamples).toBe(30);
    expect(JSON.parse(readLog('audit', 'accuracy.json'))).toHaveLength(30);
    expect(readLog('audit', 'detail.txt')).toContain('"Found Audit Config file (audit.config).');
    expect(readLog('audit', 'summary.txt')).toContain('1 warning encountered');
  });

  it('is refused outside performance, and so is one that asks for another pass', async () => {
    const audit = write('accuracy.config', '*.*.mode = 1', '*.*.min_query_count = -1');
    const { code, stderr } = await bench('--audit-conf', audit);
    expect(code).toBe(2);
    expect(stderr).toBe(
      [
        'bench: accuracy.config: an audit is a performance pass, and mode is submission; allowed: --mode performance',
        'bench: accuracy.config: mode is AccuracyOnly; allowed: 2, PerformanceOnly',
        'bench: accuracy.config: minQueryCount is 18446744073709552000; allowed is a whole number of at least 0.',
        '',
      ].join('\n'),
    );
  });
});

describe('what is refused before anything starts', () => {
  it('tells every fault of every file with its line', async () => {
    const user = write('bad.conf', short, '*.*.min_query_count = 5 # five', '*.*.mode: 2');
    const audit = write('bad.config', '', '*.*.min_duration = soon');
    const missing = join(folder, 'none.conf');
    const files = ['--mlperf-conf', missing, '--user-conf', user, '--audit-conf', audit];
    const { code, stderr, run } = await bench('--samples', '0', ...files);
    expect(code).toBe(2);
    expect(run.faults).toHaveLength(5);
    expect(stderr.split('\n').map((line) => line.replace(/ENOENT.*/, 'ENOENT'))).toEqual([
      'bench: --samples: samples is 0; allowed: a whole number from 1 to 10000000, or null',
      'bench: --mlperf-conf: none.conf cannot be read: ENOENT',
      'bench: bad.conf:2: *.*.min_query_count is "#"; allowed: a number; a comment needs a line of its own',
      'bench: bad.conf:3: "2" follows "*.*.mode:"; allowed: model.scenario.key = value, with blanks around "="',
      'bench: bad.config:2: *.*.min_duration is "soon"; allowed: a number',
      '',
    ]);
  });

  it('names an option that a file would silently overrule', async () => {
    const user = write('over.conf', '*.Server.target_qps = 20');
    const options = ['--scenario', 'Server', '--target-qps', '30', '--min-duration', '600'];
    const files = ['--mlperf-conf', builtIn, '--user-conf', user];
    const { code, stderr } = await bench(...options, '--seed', '7', ...files);
    expect(code).toBe(2);
    const prefix = "MLPerf's files come after the options and make";
    expect(stderr.trimEnd().split('\n')).toEqual([
      `bench: --target-qps: ${prefix} serverTargetQps 20 of 30; set it in the user.conf`,
      `bench: --seed: ${prefix} qslRngSeed 2085463073848966840 of 7; set it in that mlperf.conf`,
      `bench: --seed: ${prefix} sampleIndexRngSeed 2747215439041700203 of 7; set it in that mlperf.conf`,
      `bench: --seed: ${prefix} scheduleRngSeed 16159082839903944936 of 7; set it in that mlperf.conf`,
    ]);
  });

  it('refuses files that come to more samples than fit in memory', async () => {
    const user = write('many.conf', '*.Offline.target_qps = 1e9');
    const { code, stderr } = await bench('--user-conf', user);
    expect(code).toBe(2);
    expect(stderr).toMatch(/many.conf: these files come to 660000000000 samples; allowed: up to/);
  });
});

describe('seeds.round', () => {
  it('takes the seeds of an earlier round, but for those given', async () => {
    const set = ['--set', 'seeds.round=v5.1', 'seeds.schedule=9'];
    const { run } = await benchPass('round', '--min-duration', '0.1', ...set);
    expect(run.settings.requested).toMatchObject({
      qslRngSeed: '1780908523862526354',
      sampleIndexRngSeed: '14771362308971278857',
      scheduleRngSeed: '9',
    });
    expect(run.settings.confFiles).toBeNull();
  });
});
