// The user.conf that is packaged asks for what the run asked for: laid over mlperf.conf it gives the same settings.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findPackageRoot } from '../../../harness/package-root.js';
import type { RunRecord } from '../../../harness/run-record.js';
import { describeUserConf } from '../../../harness/submission/package-texts.js';
import {
  ConfLoader,
  defaultSettings,
  listConfValues,
  RealClock,
  type TestSettings,
} from '../../../loadgen/index.js';

const builtIn = {
  name: 'mlperf.conf',
  text: readFileSync(join(findPackageRoot().folder, 'configs', 'mlperf.conf'), 'utf8'),
};

function write(requested: TestSettings, model: string): string {
  const settings = { requested, confFiles: null };
  return describeUserConf({ settings, model: { name: model } } as unknown as RunRecord);
}

const asked: readonly Partial<TestSettings>[] = [
  { scenario: 'Offline', offlineExpectedQps: 12.5, minDurationMs: 0, minQueryCount: 24_576 },
  {
    scenario: 'Server',
    useTokenLatencies: true,
    serverTargetQps: 3.7,
    serverTargetLatencyNs: 0,
    serverTtftLatencyNs: 450e6,
    serverTpotLatencyNs: 40e6,
    serverTargetLatencyPercentile: 0.999,
    serverCoalesceQueries: true,
    serverMaxAsyncQueries: 17,
    maxDurationMs: 900_000,
  },
  { scenario: 'SingleStream', singleStreamTargetLatencyPercentile: 0.95, minQueryCount: 64 },
  {
    scenario: 'MultiStream',
    multiStreamSamplesPerQuery: 3,
    multiStreamExpectedLatencyNs: 1.5e6,
    multiStreamTargetLatencyPercentile: 0.9,
    performanceIssueSame: true,
    performanceIssueSameIndex: 4,
    sampleConcatenatePermutation: true,
    accuracyLogSamplingTarget: 5,
    accuracyLogRngSeed: 720381539243781796n,
  },
];

const cases = asked.flatMap((changes) =>
  ['tiny', 'llama2-70b', 'gptj'].map((model) => [changes.scenario!, model, changes] as const),
);

test.each(cases)('%s of %s', (scenario, model, changes) => {
  const requested: TestSettings = { ...defaultSettings, ...changes };
  const text = write(requested, model);
  const loader = new ConfLoader(builtIn, new RealClock());
  const base = { ...defaultSettings, scenario };
  const { settings, code } = loader.loadUser(base, { name: 'user.conf', text }, model);
  expect(code).toBe(0);
  expect(listConfValues(settings)).toEqual(listConfValues(requested));
});

test('what mlperf.conf gives is not repeated, and what the grammar cannot say is a comment', () => {
  const plain = write({ ...defaultSettings, scenario: 'Offline', minDurationMs: 600_000 }, 'tiny');
  expect(plain.split('\n').slice(1)).toEqual([
    '*.Offline.min_duration = 600000',
    '*.Offline.min_query_count = 100',
    '*.Offline.target_qps = 1',
    '',
  ]);
  const fine = {
    ...defaultSettings,
    scenario: 'Server',
    serverTpotLatencyNs: 5e5,
    useTokenLatencies: true,
  } as const;
  expect(write(fine, 'tiny')).toContain('# *.Server.tpot_latency cannot be written here');
});
