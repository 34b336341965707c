// MLPerf's own files at the command line: what they lay over a run, what run.json and the logs say of it, what is refused.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPackageRoot } from '../../harness/package-root.js';
import { callBench } from './bench-call.js';

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
  const common = ['--sut', 'null', '--samples', '40', '--quiet', '--json'];
  const { code, stdout, stderr } = await callBench(...common, ...argv);
  return { code, stderr: stderr.replaceAll(`${folder}/`, ''), run: JSON.parse(stdout) };
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
        'bench: accuracy.config:1: *.*.mode is 1, AccuracyOnly; allowed: 2, PerformanceOnly',
        'bench: accuracy.config:2: *.*.min_query_count is -1; allowed: a whole number from 0 to 9007199254740991',
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
    expect(stderr.split('\n')).toEqual([
      'bench: --samples: samples is 0; allowed: a whole number from 1 to 10000000, or null',
      'bench: --mlperf-conf: none.conf cannot be read: it does not exist',
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
    expect(stderr.trimEnd().split('\n')).toEqual([
      'bench: --target-qps: is lost: over.conf:1 comes after the options, with *.Server.target_qps = 20; set it there',
      'bench: --seed: is lost: configs/mlperf.conf:10 comes after the options, with *.*.qsl_rng_seed = 2085463073848966840; set it there',
      'bench: --seed: is lost: configs/mlperf.conf:11 comes after the options, with *.*.sample_index_rng_seed = 2747215439041700203; set it there',
      'bench: --seed: is lost: configs/mlperf.conf:12 comes after the options, with *.*.schedule_rng_seed = 16159082839903944936; set it there',
    ]);
  });

  it.each([
    ['Offline', '*.*.min_query_count = -3', 'a whole number from 0 to'],
    ['Server', '*.Server.target_latency_percentile = 120', 'above 0 and below 100, in percent'],
    ['SingleStream', '*.SingleStream.target_latency = 0', 'a finite number above 0, in ms'],
    ['Server', '*.*.target_qps = nan', 'a finite number other than 0'],
    ['Server', '*.Server.max_async_queries = -1', 'a whole number from 0 to 2147483647'],
    ['MultiStream', '*.*.samples_per_query = 0', 'a whole number from 1 to'],
  ])('refuses in %s "%s" by its line and in its own words', async (scenario, line, allowed) => {
    const user = write('range.conf', short, line);
    const { code, stderr } = await bench('--scenario', scenario, '--user-conf', user);
    expect(code).toBe(2);
    expect(stderr).toContain(
      `bench: range.conf:2: ${line.replace('=', 'is')}; allowed: ${allowed}`,
    );
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('says where a value of mlperf.conf that replaces an option is to be set', async () => {
    const user = write('other.conf', short);
    const { stderr } = await bench('--target-qps', '500', '--user-conf', user);
    expect(stderr).toBe(
      'bench: --target-qps: is lost: configs/mlperf.conf:37 comes after the options, with *.Offline.target_qps = 1; set it in the user.conf\n',
    );
  });

  it('refuses files that come to more samples than fit in memory', async () => {
    const user = write('many.conf', '*.Offline.target_qps = 1e9');
    const { code, stderr } = await bench('--user-conf', user);
    expect(code).toBe(2);
    expect(stderr).toMatch(/many.conf: these files come to 660000000000 samples; allowed: up to/);
  });
});

describe('what has no effect is told on the console, and the run goes on', () => {
  const warnings = (stderr: string) =>
    stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.replace('bench: warning: ', ''));

  it('a negative rate', async () => {
    const user = write(
      'negative.conf',
      short,
      '*.*.min_query_count = 20',
      '*.Server.target_qps = -20',
    );
    const { code, stderr, run } = await benchPass(
      'negative',
      ...['--scenario', 'Server', '--user-conf', user],
    );
    expect(warnings(stderr)).toEqual([
      'negative.conf:3: *.Server.target_qps is -20; LoadGen takes 1 for a negative rate and logs an error',
    ]);
    expect([code, run.settings.effective.targetQps]).toEqual([3, 1]);
    expect(readLog('negative', 'detail.txt')).toContain('error_invalid_test_settings');
  });

  it('names that nobody knows, lines without blanks, keys out of place, a mode', async () => {
    const user = write(
      'names.conf',
      ...[short, '*.Offline.target_qps = 1', '*.Offline.min_query_cout = 5'],
      ...['*.Ofline.min_query_count = 5', 'lama2-70b.*.min_query_count = 5', '*.*.min_duration=5'],
      ...['min_duration = 5', '*.*.qsl_rng_seed = 5', '*.Offline.ttft_latency = 5', '*.*.mode = 1'],
      ...[
        '*.Server.tpot_latency = 0.5',
        'llama2-70b.*.min_query_count = 5',
        '#*.*.mode = 3',
        '# mode',
      ],
      ...['*.*.mode = 2', 'tiny-int4.Offline.min_query_count = 41', '*.*.max_duration ='],
    );
    const { code, stderr } = await benchPass('names', '--user-conf', user);
    expect(code).toBe(0);
    expect(warnings(stderr)).toEqual([
      'names.conf:3: *.Offline.min_query_cout is passed over: no key is called "min_query_cout" (did you mean "min_query_count"?)',
      'names.conf:4: *.Ofline.min_query_count is passed over: no scenario is called "Ofline" (did you mean "Offline"?)',
      'names.conf:5: lama2-70b.*.min_query_count is passed over: no model is called "lama2-70b" (did you mean "llama2-70b"?)',
      'names.conf:6: "*.*.min_duration=5" says nothing to LoadGen; wanted: model.scenario.key = value, with blanks around "="',
      'names.conf:7: min_duration is passed over; wanted: model.scenario.key',
      'names.conf:8: *.*.qsl_rng_seed is passed over: only mlperf.conf may set it',
      'names.conf:9: *.Offline.ttft_latency is passed over: ttft_latency is read under Server alone',
      'names.conf:10: *.*.mode is 1, AccuracyOnly, and is not obeyed: --mode decides, which is performance',
      'names.conf:11: *.Server.tpot_latency is 0.5; LoadGen reads a whole number here, and makes it 0',
      'names.conf:17: "*.*.max_duration =" says nothing to LoadGen; wanted: model.scenario.key = value, with blanks around "="',
    ]);
  });

  it('a model that the files do not know, or that there is no file for', async () => {
    const user = write('model-of.conf', short, '*.Offline.target_qps = 1');
    const set = ['--set', 'mlperf.model=llama2-70'];
    const { code, stderr } = await benchPass('model-of', '--user-conf', user, ...set);
    expect(code).toBe(0);
    expect(warnings(stderr)).toEqual([
      '--set mlperf.model: no line of the files is about "llama2-70" (did you mean "llama2-70b"?): values for any model hold',
    ]);
    const bare = await benchPass('bare', '--min-duration', '0.001', '--target-qps', '1', ...set);
    expect(warnings(bare.stderr)[0]).toContain('there is no file to look it up in');
  });

  it("an audit's lines about a model", async () => {
    const audit = write(
      'named.config',
      '*.*.min_query_count = 30',
      'bert.*.min_duration = 0',
      short,
    );
    const { stderr } = await benchPass('named-audit', '--audit-conf', audit);
    expect(warnings(stderr)).toEqual([
      'named.config:2: bert.*.min_duration is passed over: an audit\'s lines are read for the model "*" alone',
    ]);
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
