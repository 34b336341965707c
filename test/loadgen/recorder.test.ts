// What the recorder makes of timestamps that a system under test should not have sent.

import { expect, test } from 'vitest';
import { defaultSettings, type SystemUnderTest, startTest } from '../../loadgen/index.js';

const rows = {
  name: 'rows',
  totalSampleCount: 8,
  performanceSampleCount: 8,
  loadSamplesToRam: () => {},
  unloadSamplesFromRam: () => {},
};

/** Answers within issueQuery, every answer with a timestamp of its own. */
function systemWithTimes(timeOf: (id: number) => number): SystemUnderTest {
  return {
    name: 'odd clock',
    issueQuery(samples, responder) {
      for (const { id } of samples) {
        responder.querySamplesComplete(
          [{ id, data: new Uint8Array(4), tokenCount: 2 }],
          timeOf(id),
        );
      }
    },
    flushQueries: () => {},
  };
}

test.each([
  ['fractions', () => Number(process.hrtime.bigint()) + 0.25],
  ['NaN', () => Number.NaN],
  ['Infinity', () => Number.POSITIVE_INFINITY],
  [
    'a mixture',
    (id: number) => (id % 2 === 0 ? Number(process.hrtime.bigint()) + 0.5 : Number.NaN),
  ],
] as const)('timestamps that are %s do not cost the run its figures', async (_name, timeOf) => {
  const settings = { ...defaultSettings, scenario: 'Offline', minQueryCount: 20 } as const;
  const outcome = await startTest(
    systemWithTimes(timeOf),
    rows,
    { ...settings, minDurationMs: 0 },
    { writer: { name: 'loadmark', version: 'test' } },
  );
  expect(outcome.samples.count).toBe(20);
  expect(outcome.samples.completedNs.every((atNs) => Number.isInteger(atNs) && atNs >= 0)).toBe(
    true,
  );
  expect(outcome.metrics?.sampleCount).toBe(20);
  expect(outcome.metrics?.latency.maxNs).toBeLessThan(60e9);
});
