// Whatever the settings and however badly the system under test behaves, a test ends, accounts for every sample and repeats.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  defaultSettings,
  type QuerySample,
  type Responder,
  type SystemUnderTest,
  startTest,
  type TestOutcome,
  type TestSettings,
  VirtualClock,
} from '../../loadgen/index.js';

type Habit = 'answer' | 'fail' | 'drop' | 'repeat' | 'unknown' | 'first-late';

interface Scene {
  readonly settings: TestSettings;
  readonly total: number;
  readonly performance: number;
  readonly habits: readonly Habit[];
  readonly serviceNs: number;
}

const habit = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Habit>('answer') },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Habit>('fail', 'drop', 'repeat', 'unknown', 'first-late'),
  },
);

const scene: fc.Arbitrary<Scene> = fc
  .record({
    scenario: fc.constantFrom('SingleStream', 'MultiStream', 'Server', 'Offline'),
    mode: fc.constantFrom('AccuracyOnly', 'PerformanceOnly', 'SubmissionRun'),
    serverTargetQps: fc.double({ min: 1, max: 5000, noNaN: true }),
    offlineExpectedQps: fc.double({ min: 1, max: 500, noNaN: true }),
    singleStreamExpectedLatencyNs: fc.integer({ min: 1e5, max: 1e8 }),
    singleStreamConcurrency: fc.integer({ min: 1, max: 9 }),
    multiStreamExpectedLatencyNs: fc.integer({ min: 1e6, max: 1e8 }),
    multiStreamSamplesPerQuery: fc.integer({ min: 1, max: 9 }),
    serverTargetLatencyNs: fc.integer({ min: 0, max: 1e8 }),
    serverCoalesceQueries: fc.boolean(),
    serverMaxAsyncQueries: fc.integer({ min: 0, max: 20 }),
    minDurationMs: fc.integer({ min: 0, max: 200 }),
    maxDurationMs: fc.constantFrom(0, 0, 50),
    minQueryCount: fc.integer({ min: 1, max: 120 }),
    maxQueryCount: fc.constantFrom(0, 0, 30),
    qslRngSeed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    sampleIndexRngSeed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    scheduleRngSeed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    sampleConcatenatePermutation: fc.boolean(),
    performanceIssueUnique: fc.boolean(),
    useTokenLatencies: fc.boolean(),
    accuracyLogProbability: fc.constantFrom(0, 0.3, 1),
    total: fc.integer({ min: 1, max: 40 }),
    performance: fc.integer({ min: 1, max: 50 }),
    habits: fc.array(habit, { minLength: 1, maxLength: 40 }),
    serviceNs: fc.integer({ min: 1, max: 1e8 }),
  })
  .map(({ total, performance, habits, serviceNs, ...settings }) => ({
    settings: { ...defaultSettings, ...settings } as TestSettings,
    total,
    performance,
    habits,
    serviceNs,
  }));

function misbehaving(scene: Scene, clock: VirtualClock): SystemUnderTest {
  const answer = (sample: QuerySample, responder: Responder): void => {
    const response = { id: sample.id, data: new Uint8Array(4), tokenCount: 1 + (sample.id % 7) };
    const habit = scene.habits[sample.id % scene.habits.length]!;
    const complete = (): void => responder.querySamplesComplete([response]);
    if (habit === 'fail') responder.sampleFailed(sample.id, 'no memory');
    if (habit === 'drop' || habit === 'fail') return;
    if (habit === 'unknown') responder.querySamplesComplete([{ ...response, id: 1e9 }]);
    if (habit === 'first-late') complete();
    responder.firstTokenComplete([response]);
    if (habit !== 'first-late') complete();
    if (habit === 'repeat') complete();
  };
  return {
    name: 'misbehaving',
    issueQuery(samples, responder) {
      for (const sample of samples) {
        const at = clock.nowNs() + scene.serviceNs * (1 + (sample.index % 3));
        clock.schedule(at, () => answer(sample, responder));
      }
    },
    flushQueries() {},
  };
}

function run(scene: Scene): Promise<TestOutcome> {
  const clock = new VirtualClock(1_700_000_000_000);
  const library = {
    name: 'rows',
    totalSampleCount: scene.total,
    performanceSampleCount: scene.performance,
    loadSamplesToRam() {},
    unloadSamplesFromRam() {},
  };
  return startTest(misbehaving(scene, clock), library, scene.settings, {
    clock,
    writer: { name: 'loadmark', version: '0' },
  });
}

function countIssued(outcome: TestOutcome): number {
  return outcome.series.reduce((sum, series) => sum + series.sampleCount, 0);
}

test('every test ends, accounts for every sample, and repeats', async () => {
  let seen = 0;
  await fc.assert(
    fc.asyncProperty(scene, async (given) => {
      seen += 1;
      const outcome = await run(given);
      const { samples, metrics } = outcome;
      const completed = samples.completedNs.filter((at) => !Number.isNaN(at)).length;
      expect(completed + outcome.failed.length).toBe(countIssued(outcome));
      for (let i = 0; i < samples.count; i++) {
        if (Number.isNaN(samples.issuedNs[i]!)) continue;
        expect(samples.issuedNs[i]).toBeGreaterThanOrEqual(samples.scheduledNs[i]!);
        expect(samples.sampleIndex[i]).toBeLessThan(given.total);
      }
      if (outcome.failed.length > 0) expect(outcome.valid).toBe(false);
      expect(outcome.valid).toBe(outcome.invalidReasons.length === 0);
      if (metrics !== null) {
        const { latency } = metrics;
        const ladder = [latency.minNs, latency.p50Ns, latency.p90Ns, latency.p99Ns, latency.maxNs];
        expect(ladder).toEqual(ladder.toSorted((a, b) => a - b));
      }
      if (given.settings.mode === 'AccuracyOnly' && outcome.valid) {
        expect(outcome.responses).toHaveLength(completed);
      }
      JSON.parse(outcome.logs.accuracy);
      const again = await run(given);
      expect(again.logs).toEqual(outcome.logs);
    }),
    { numRuns: 300, seed: 20260 },
  );
  console.log(`${seen} scenes run twice`);
}, 120_000);
