// Where the logs differ from LoadGen's on purpose: each place is marked "Differs from loadgen:" in its source.

import { expect, test } from 'vitest';
import {
  defaultSettings,
  type Responder,
  type SystemUnderTest,
  startTest,
  type TestOutcome,
  type TestSettings,
  VirtualClock,
} from '../../../loadgen/index.js';

interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly metadata: { readonly line_no: number };
}

const settings: TestSettings = {
  ...defaultSettings,
  scenario: 'Server',
  serverTargetQps: 100,
  minDurationMs: 0,
  minQueryCount: 700,
};

/** A test on the virtual clock; sample 3 fails where asked to, and where asked to one is served after the other. */
async function run(
  name: string,
  changes: Partial<TestSettings>,
  fails = false,
  isSerial = false,
): Promise<TestOutcome> {
  const clock = new VirtualClock();
  let freeNs = 0;
  const answer = (id: number, responder: Responder) =>
    fails && id === 3
      ? responder.sampleFailed(id, 'out of\nmemory')
      : responder.querySamplesComplete([{ id, data: new Uint8Array(0), tokenCount: 0 }]);
  const sut: SystemUnderTest = {
    name,
    issueQuery(samples, responder) {
      for (const { id } of samples) {
        freeNs = (isSerial ? Math.max(freeNs, clock.nowNs()) : clock.nowNs()) + 1e6;
        clock.schedule(freeNs, () => answer(id, responder));
      }
    },
    flushQueries() {},
  };
  const library = {
    name: 'rows',
    totalSampleCount: 10,
    performanceSampleCount: 10,
    loadSamplesToRam() {},
    unloadSamplesFromRam() {},
  };
  const writer = { name: 'loadmark', version: '1.2.3' };
  return startTest(sut, library, { ...settings, ...changes }, { writer, clock, trace: true });
}

function entriesOf({ logs }: TestOutcome): Entry[] {
  return logs.detail
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line.slice(':::MLLOG '.length)) as Entry);
}

test('the detail log names its writer and claims no build of LoadGen', async () => {
  const entries = entriesOf(await run('a system', {}));
  const header = entries.filter(({ key }) => key.startsWith('loadgen_'));
  expect(header.map(({ value }) => value)).toEqual(['1.2.3 @ loadmark', ...Array(6).fill('NA')]);
  expect(new Set(entries.map(({ metadata }) => metadata.line_no))).toEqual(new Set([0]));
});

test('a name with quotes and line ends stays one JSON object', async () => {
  const name = 'the "fast" one\nof two';
  const entries = entriesOf(await run(name, {}));
  expect(entries.find(({ key }) => key === 'sut_name')?.value).toBe(name);
});

test('reasons that LoadGen does not know stand in the summary and in result_invalid_reason', async () => {
  const outcome = await run('a system', {}, true);
  const reason = '1 sample failed, first sample 3: out of memory';
  expect(outcome.logs.summary).toContain(`Result is : INVALID\n`);
  expect(outcome.logs.summary).toContain(`\n * ${reason}\n`);
  const entry = entriesOf(outcome).find(({ key }) => key === 'result_invalid_reason');
  // LoadGen counts samples that were answered, and so sees one too few.
  const own = 'The test exited early, before enough queries were issued.';
  expect(entry?.value).toBe(`${own} ${reason}`);
});

test('the trace is JSON whatever the names are', async () => {
  const { logs } = await run('the "fast" one', {});
  const { traceEvents } = JSON.parse(logs.trace) as { traceEvents: { name: string }[] };
  expect(traceEvents.filter(({ name }) => name === 'Sample')).toHaveLength(1400);
});

test('what is no number is bare in the detail log, as in LoadGen, and null or 0 nowhere in the figures', async () => {
  const outcome = await run('a system', { minQueryCount: 1 });
  // One sample: (N - 1) / 0 s, which C++ prints as -nan.
  expect(outcome.logs.detail).toMatch(/"result_scheduled_samples_per_sec", "value": -?nan,/);
  expect(outcome.metrics?.scheduledSamplesPerSecond).toBeNaN();
  expect(JSON.parse(JSON.stringify(outcome.metrics)).scheduledSamplesPerSecond).toBeNull();
});

test('a search for the peak ends where LoadGen would go on for ever', async () => {
  const find = { mode: 'FindPeakPerformance', serverTargetLatencyNs: 2e6 } as const;
  // No rate fails: sent at one a nanosecond or at one a second, each query takes its millisecond.
  const endless = await run('a system', { ...find, minQueryCount: 20 });
  expect(endless.invalidReasons.join()).toContain('more than one query a nanosecond');
  const tiny = { ...find, minQueryCount: 20, serverFindPeakQpsBoundaryStepSize: 1e-9 };
  const slow = await run('a system', tiny);
  expect(slow.invalidReasons.join()).toContain('would be one of more than 1000');
  expect(slow.valid).toBe(false);
});

test('and where no number lies between the bounds any more', async () => {
  const find = { mode: 'FindPeakPerformance', serverTargetLatencyNs: 5e6 } as const;
  const decimals = { serverFindPeakQpsDecimalsOfPrecision: 300 };
  const outcome = await run('a queue', { ...find, ...decimals, minQueryCount: 200 }, false, true);
  expect(outcome.peakSearch?.peakQps).toBeGreaterThan(100);
});
