// SingleStream with several queries in flight: never more, never fewer while there are any, and each goes as one is answered.

import { expect, test } from 'vitest';
import {
  defaultSettings,
  LoadgenError,
  type SystemUnderTest,
  startTest,
  type TestOutcome,
  type TestSettings,
  VirtualClock,
} from '../../loadgen/index.js';

const ms = 1e6;

/** Answers each sample after a time of its own, however many there are. */
function unlimited(clock: VirtualClock): SystemUnderTest {
  return {
    name: 'unlimited',
    issueQuery(samples, responder) {
      for (const { id } of samples) {
        const at = clock.nowNs() + (5 + ((id * 7919) % 23)) * ms;
        clock.schedule(at, () =>
          responder.querySamplesComplete([{ id, data: Uint8Array.of(1), tokenCount: 1 }]),
        );
      }
    },
    flushQueries: () => {},
  };
}

function run(settings: Partial<TestSettings>): Promise<TestOutcome> {
  const clock = new VirtualClock(1_700_000_000_000);
  const library = {
    name: 'rows',
    totalSampleCount: 16,
    performanceSampleCount: 16,
    loadSamplesToRam() {},
    unloadSamplesFromRam() {},
  };
  const asked = { ...defaultSettings, singleStreamExpectedLatencyNs: 10 * ms, ...settings };
  return startTest(unlimited(clock), library, asked, {
    clock,
    writer: { name: 'loadmark', version: '0' },
  });
}

test.each([1, 2, 5, 40])(
  '%i in flight: each goes at the very instant one comes back',
  async (n) => {
    const { samples, valid, metrics, logs } = await run({
      singleStreamConcurrency: n,
      minDurationMs: 2000,
      minQueryCount: 10 * n,
    });
    expect(valid).toBe(true);
    const [issued, done] = [samples.issuedNs, samples.completedNs];
    const ends = Float64Array.from(done.filter((at) => !Number.isNaN(at))).sort();
    const count = ends.length;
    expect(count).toBeGreaterThan(80 * n);
    // As in a queue with n servers: query k goes when k - n + 1 are answered.
    for (let k = 0; k < count; k++) expect(issued[k]).toBe(k < n ? 0 : ends[k - n]);
    // Latencies count from there, since nothing was scheduled before.
    expect(samples.scheduledNs.slice(0, count)).toEqual(issued.slice(0, count));
    expect(metrics!.samplesPerSecond).toBeCloseTo((count - n) / (issued[count - 1]! / 1e9), 9);
    expect(logs.summary).toContain(`max_async_queries : ${n}\n`);
  },
);

test('generates as many queries as so many streams take', async () => {
  const counts = await Promise.all(
    [1, 8].map(async (singleStreamConcurrency) => {
      const { errors, series } = await run({ singleStreamConcurrency, minDurationMs: 5000 });
      expect(errors).toEqual([]);
      return series[0]!.sampleCount;
    }),
  );
  expect(counts[1]! / counts[0]!).toBeCloseTo(8, 0);
});

test('an accuracy pass asks every sample once, as many at a time', async () => {
  const { responses, samples } = await run({ mode: 'AccuracyOnly', singleStreamConcurrency: 4 });
  expect(responses).toHaveLength(16);
  expect([...samples.issuedNs].filter((at) => at === 0)).toHaveLength(4);
});

test.each([0, 1.5, -1])('%d in flight is refused', async (singleStreamConcurrency) => {
  await expect(run({ singleStreamConcurrency })).rejects.toThrow(LoadgenError);
});
