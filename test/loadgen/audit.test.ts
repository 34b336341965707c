// Audits and configuration files at startTest's door: what they change, what they leave in the logs, what they cannot do.

import { expect, test } from 'vitest';
import {
  ConfFile,
  ConfLoader,
  defaultSettings,
  loadConf,
  type QuerySampleLibrary,
  type SystemUnderTest,
  startTest,
  type TestOptions,
  type TestSettings,
  VirtualClock,
} from '../../loadgen/index.js';

const library: QuerySampleLibrary = {
  name: 'rows',
  totalSampleCount: 8,
  performanceSampleCount: 8,
  loadSamplesToRam: () => {},
  unloadSamplesFromRam: () => {},
};
const sut: SystemUnderTest = {
  name: 'scripted',
  issueQuery: (samples, responder) => {
    responder.querySamplesComplete(
      samples.map(({ id }) => ({ id, data: Uint8Array.of(id), tokenCount: 3 })),
    );
  },
  flushQueries: () => {},
};
const offline: TestSettings = {
  ...defaultSettings,
  scenario: 'Offline',
  minDurationMs: 0,
  minQueryCount: 20,
};

function run(settings: TestSettings, options: Partial<TestOptions>) {
  const clock = new VirtualClock(0);
  return startTest(sut, library, settings, {
    clock,
    writer: { name: 'loadmark', version: '1' },
    ...options,
  });
}

test('an audit file overrides the settings and leaves one warning', async () => {
  const auditConf =
    '*.*.min_query_count = 7\n*.Server.min_query_count = 8\nany.*.min_query_count = 9\n';
  const outcome = await run(offline, { auditConf });
  expect(outcome.requested.minQueryCount).toBe(7);
  expect(outcome.samples.count).toBe(7);
  expect(outcome.warnings.map((w) => w.message)).toEqual([
    'Found Audit Config file (audit.config). Overriding TestSettings from audit.config file.',
  ]);
  expect(outcome.errors).toEqual([]);
});

test('an audit file with a fault changes nothing and is an error', async () => {
  const auditConf = '*.*.min_query_count = 7\n\n*.*.min_duration = 0 # ms\n*.*.mode 2\n';
  const outcome = await run(offline, { auditConf });
  expect(outcome.samples.count).toBe(20);
  expect(outcome.errors.map(({ key, message }) => [key, message])).toEqual([
    ['error_invalid_config', 'value needs to be integer or double, line=3'],
    ['error_invalid_config', "expected 'key=value', line=4"],
  ]);
  expect(outcome.logs.summary).toContain('2 ERRORS encountered');
});

test('a mode that does not exist is an error and the mode stays', async () => {
  const outcome = await run(offline, { auditConf: '*.*.mode = 4\n*.*.min_query_count = 5\n' });
  expect(outcome.requested.mode).toBe('PerformanceOnly');
  expect(outcome.samples.count).toBe(5);
  expect(outcome.errors.map((e) => e.message)).toEqual([
    'Invalid value passed to Mode key in config.',
  ]);
});

test('an audit file cannot set seeds, nor settings that no test can be run by', async () => {
  const auditConf = '*.*.qsl_rng_seed = 5\n*.*.accuracy_log_rng_seed = 6\n';
  const { requested } = await run(offline, { auditConf });
  expect(requested.qslRngSeed).toBe(0n);
  expect(requested.accuracyLogRngSeed).toBe(6n);
  const attempt = run(offline, { auditConf: '*.*.min_query_count = -1\n' });
  await expect(attempt).rejects.toMatchObject({ code: 'invalid-setting' });
});

test('test05 is a performance run with its own seeds', async () => {
  const builtIn = { name: 'mlperf.conf', text: '*.*.test05 = 1\n*.*.test05_qsl_rng_seed = 11\n' };
  const loader = new ConfLoader(builtIn, { nowNs: () => 0 });
  const { settings } = loader.loadBuiltIn({ ...offline, mode: 'AccuracyOnly' }, 'any');
  const { requested, warnings } = await run(settings, {});
  expect(requested.mode).toBe('PerformanceOnly');
  expect(requested.qslRngSeed).toBe(11n);
  expect(warnings.map((w) => w.message)).toEqual(['Test05 flag detected Overriding random seeds']);
});

test('tokens stay out of the accuracy log when only the audit turned them on', async () => {
  const settings: TestSettings = { ...offline, accuracyLogProbability: 1 };
  const { logs } = await run(settings, { auditConf: '*.*.use_token_latencies = 1\n' });
  expect(logs.detail).toContain('"requested_use_token_latencies", "value": true');
  expect(logs.accuracy).not.toContain('token_count');
});

test('errors made before the test have a negative time, printed wrapped around', async () => {
  const clock = new VirtualClock(0);
  const loader = new ConfLoader({ name: 'mlperf.conf', text: '' }, clock);
  const user = { name: 'user.conf', text: '*.*.min_query_count = 3\n' };
  const first = loader.loadUser(offline, user, 'any').settings;
  expect(loader.errors).toEqual([]);
  const { settings } = loader.loadUser(first, user, 'any');
  clock.spend(368_228);
  const outcome = await run(settings, { clock, confErrors: loader.errors });
  const [line] = outcome.logs.detail.split('\n');
  expect(line).toContain('"key": "error_invalid_config", "value": "Multiple conf files are used.');
  expect(line).toContain('"time_ms": 18446744073709.183388,');
  expect(outcome.errors[0]?.atNs).toBe(-368_228);
  expect(outcome.logs.summary).toContain('1 ERROR encountered');
});

test('one loader does not know of another', () => {
  const builtIn = { name: 'mlperf.conf', text: '*.*.min_query_count = 3\n' };
  const nothing = { name: 'user.conf', text: '' };
  for (const loader of [1, 2].map(() => new ConfLoader(builtIn, { nowNs: () => 0 }))) {
    expect(loader.loadUser(offline, nothing, 'any').settings.minQueryCount).toBe(3);
    // Only the first file of a loader brings the round's values.
    expect(loader.loadUser(offline, nothing, 'any').settings.minQueryCount).toBe(20);
    expect(loader.errors).toHaveLength(1);
  }
});

test('a file that cannot be opened is -2, and the round’s values stay', () => {
  const builtIn = { name: 'mlperf.conf', text: '*.*.min_query_count = 3\n' };
  const loader = new ConfLoader(builtIn, { nowNs: () => 0 });
  const load = loader.loadUser(offline, { name: 'gone.conf', text: null }, 'any');
  expect(load).toMatchObject({ code: -2, settings: { minQueryCount: 3 } });
  expect(loader.errors.map((e) => e.message)).toEqual(["can't open file gone.conf"]);
});

test('every fault of a file is told, with its line and its word', () => {
  const text = 'a.b.c = 1\na.b.d: 2\n\na.b.e = x 3\na.b.f = 1 # one\n';
  expect(new ConfFile(text).faults).toEqual([
    { line: 2, key: 'a.b.d:', word: '2', expected: 'equals' },
    { line: 4, key: 'a.b.e', word: 'x', expected: 'number' },
    { line: 5, key: 'a.b.f', word: '#', expected: 'number' },
  ]);
  const load = loadConf(offline, { name: 'f', text }, 'user', 'a');
  expect(load.code).toBe(-22);
  expect(load.settings).toBe(offline);
});
