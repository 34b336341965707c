// What LoadGen does when things go wrong or stop early, and how it behaves on the machine's own clock.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  defaultSettings,
  LoadgenError,
  type Progress,
  type QuerySample,
  type QuerySampleLibrary,
  RealClock,
  type Responder,
  type SystemUnderTest,
  startTest,
  type TestSettings,
  VirtualClock,
} from '../../loadgen/index.js';

const writer = { name: 'loadmark', version: '1.2.3' };

function library(total: number, performance = total): QuerySampleLibrary & { loaded: number } {
  return {
    name: 'rows',
    totalSampleCount: total,
    performanceSampleCount: performance,
    loaded: 0,
    loadSamplesToRam(indices) {
      this.loaded += indices.length;
    },
    unloadSamplesFromRam(indices) {
      this.loaded -= indices.length;
    },
  };
}

type Answer = (samples: readonly QuerySample[], responder: Responder) => void;

function system(issueQuery: Answer): SystemUnderTest {
  return { name: 'scripted', issueQuery, flushQueries: () => {} };
}

function response(id: number, tokenCount = 3) {
  return { id, data: Uint8Array.of(id & 255), tokenCount };
}

const answerAtOnce: Answer = (samples, responder) =>
  responder.querySamplesComplete(samples.map((s) => response(s.id)));

const offline: TestSettings = {
  ...defaultSettings,
  scenario: 'Offline',
  minDurationMs: 0,
  minQueryCount: 20,
};
const server: TestSettings = {
  ...defaultSettings,
  scenario: 'Server',
  serverTargetQps: 1000,
  minDurationMs: 500,
  minQueryCount: 100,
};

test('an Offline run on the real clock', async () => {
  const rows = library(8);
  const sut = system((samples, responder) => {
    setTimeout(() => answerAtOnce(samples, responder), 20);
  });
  const progress: Progress[] = [];
  const outcome = await startTest(sut, rows, offline, {
    writer,
    onProgress: (p) => progress.push({ ...p }),
  });
  expect(outcome.valid).toBe(true);
  expect(outcome.invalidReasons).toEqual([]);
  expect(outcome.metrics?.sampleCount).toBe(20);
  expect(outcome.metrics?.latency.minNs).toBeGreaterThanOrEqual(19e6);
  expect(outcome.metrics?.samplesPerSecond).toBeCloseTo(
    20 / (outcome.metrics!.latency.maxNs / 1e9),
  );
  expect(outcome.samples.count).toBe(20);
  expect(Array.from(outcome.samples.tokenCount)).toEqual(new Array(20).fill(3));
  expect(outcome.logs.summary).toContain('Result is : VALID');
  expect(outcome.logs.detail).toContain('"key": "loadgen_version", "value": "1.2.3 @ loadmark"');
  expect(progress.at(-1)).toEqual({ issued: 20, completed: 20, total: 20 });
  expect(rows.loaded).toBe(0);
});

test('a Server run on the real clock keeps its schedule', async () => {
  const outcome = await startTest(system(answerAtOnce), library(8), server, { writer });
  const { metrics, samples } = outcome;
  expect(metrics?.queryCount).toBe(samples.count);
  expect(samples.count).toBeGreaterThan(400);
  for (let i = 0; i < samples.count; i++) {
    expect(samples.issuedNs[i]).toBeGreaterThanOrEqual(samples.scheduledNs[i]!);
    expect(samples.completedNs[i]).toBeGreaterThanOrEqual(samples.issuedNs[i]!);
  }
  console.log(
    `issue lag at 1,000 qps: p50 ${metrics?.issueLag.p50Ns} p99 ${metrics?.issueLag.p99Ns} ns`,
  );
  expect(metrics?.issueLag.p50Ns).toBeLessThan(1e6);
});

test('first tokens and native timestamps', async () => {
  const clock = new RealClock();
  const sut = system((samples, responder) => {
    setTimeout(() => {
      const now = clock.nowNs();
      const ids = samples.map((s) => response(s.id, 5));
      responder.firstTokenComplete(ids, now - 8e6);
      responder.querySamplesComplete(ids, now - 4e6);
    }, 30);
  });
  const settings = { ...offline, useTokenLatencies: true };
  const { metrics, errors } = await startTest(sut, library(4), settings, { writer, clock });
  expect(errors).toEqual([]);
  expect(metrics?.tpot?.p50Ns).toBe(1e6);
  expect(metrics!.latency.maxNs - metrics!.ttft!.maxNs).toBe(4e6);
  expect(metrics?.tokenCount).toBe(100);
});

test('an accuracy run logs every answer once, set by set', async () => {
  const rows = library(10, 4);
  const settings: TestSettings = { ...offline, mode: 'AccuracyOnly' };
  const outcome = await startTest(system(answerAtOnce), rows, settings, { writer });
  expect(outcome.valid).toBe(true);
  expect(outcome.series.map((s) => s.sampleCount)).toEqual([4, 4, 2]);
  const indices = outcome.responses.map((r) => r.sampleIndex);
  expect(indices.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const log = JSON.parse(outcome.logs.accuracy) as { qsl_idx: number }[];
  expect(log.map((entry) => entry.qsl_idx)).toEqual(indices);
});

test('aborting returns what was measured, INVALID', async () => {
  const controller = new AbortController();
  const answered: number[] = [];
  const sut = system((samples, responder) => {
    if (samples[0]!.id >= 100) return;
    answerAtOnce(samples, responder);
    answered.push(...samples.map((s) => s.id));
    if (samples[0]!.id === 99) setTimeout(() => controller.abort(), 5);
  });
  const started = performance.now();
  const outcome = await startTest(
    sut,
    library(8),
    { ...server, minDurationMs: 60_000 },
    { writer, signal: controller.signal },
  );
  expect(performance.now() - started).toBeLessThan(5000);
  expect(outcome.interrupted).toBe(true);
  expect(outcome.valid).toBe(false);
  expect(outcome.invalidReasons).toContain('interrupted');
  expect(outcome.metrics?.sampleCount).toBe(answered.length);
  expect(outcome.logs.summary).toContain(' * interrupted');
  expect(outcome.logs.detail).toContain('"key": "result_validity", "value": "INVALID"');
});

test('aborting while answers are awaited ends the wait', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 30);
  const outcome = await startTest(
    system(() => {}),
    library(8),
    offline,
    {
      writer,
      signal: controller.signal,
    },
  );
  expect(outcome.interrupted).toBe(true);
  expect(outcome.metrics).toBeNull();
  expect(outcome.samples.count).toBe(20);
});

test('aborting gets through to a system that answers on the stack', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 30);
  const settings: TestSettings = {
    ...defaultSettings,
    minDurationMs: 20_000,
    singleStreamExpectedLatencyNs: 100_000,
  };
  const started = performance.now();
  const { signal } = controller;
  const outcome = await startTest(system(answerAtOnce), library(8), settings, { writer, signal });
  expect(performance.now() - started).toBeLessThan(5000);
  expect(outcome.interrupted).toBe(true);
});

test('a signal that was aborted before the start issues nothing', async () => {
  let issued = 0;
  const sut = system(() => {
    issued += 1;
  });
  const outcome = await startTest(sut, library(8), offline, {
    writer,
    signal: AbortSignal.abort(),
  });
  expect([issued, outcome.valid, outcome.interrupted]).toEqual([0, false, true]);
});

test('the watchdog ends a silent run and names a sample', async () => {
  const sut = system((samples, responder) => answerAtOnce(samples.slice(1), responder));
  const outcome = await startTest(sut, library(8), offline, { writer, watchdog: { idleMs: 50 } });
  expect(outcome.valid).toBe(false);
  expect(outcome.failed).toHaveLength(1);
  expect(outcome.failed[0]?.sampleId).toBe(0);
  expect(outcome.errors[0]?.message).toContain('1 samples were outstanding');
  expect(outcome.metrics?.sampleCount).toBe(19);
});

test('on the virtual clock a dropped sample ends the run too', async () => {
  const outcome = await startTest(
    system(() => {}),
    library(8),
    offline,
    {
      writer,
      clock: new VirtualClock(),
    },
  );
  expect(outcome.valid).toBe(false);
  expect(outcome.failed).toHaveLength(20);
});

test('a failed sample is named, and the run goes on and is INVALID', async () => {
  const sut = system((samples, responder) => {
    for (const s of samples) {
      if (s.id === 7) responder.sampleFailed(s.id, 'out of memory');
      else responder.querySamplesComplete([response(s.id)]);
    }
  });
  const outcome = await startTest(sut, library(8), offline, { writer });
  expect(outcome.failed).toEqual([
    { sampleId: 7, sampleIndex: outcome.samples.sampleIndex[7], reason: 'out of memory' },
  ]);
  expect(outcome.metrics?.sampleCount).toBe(19);
  expect(outcome.valid).toBe(false);
  expect(outcome.invalidReasons.join()).toContain('out of memory');
  expect(outcome.errors.map((e) => e.message).join()).toContain('Sample 7');
});

test('reasons with quotes and line ends keep the logs readable', async () => {
  const sut = system((samples, responder) => {
    for (const s of samples) responder.sampleFailed(s.id, 'server said:\n{"error": "busy"}');
  });
  const outcome = await startTest(sut, library(8), offline, { writer });
  for (const line of outcome.logs.detail.trimEnd().split('\n')) {
    const entry = line.replace(/^:::MLLOG /, '').replaceAll(/: -?(inf|nan)\b/g, ': null');
    expect(() => JSON.parse(entry) as unknown, entry).not.toThrow();
  }
  expect(outcome.metrics).toBeNull();
  expect(outcome.logs.summary).toContain(
    ' * 20 samples failed, first sample 0: server said: {"error"',
  );
});

test('unknown, unissued and repeated ids are errors, never a hang', async () => {
  const sut = system((samples, responder) => {
    responder.querySamplesComplete([response(9999)]);
    responder.querySamplesComplete([response(-1)]);
    responder.querySamplesComplete([response(0.5)]);
    answerAtOnce(samples, responder);
    answerAtOnce(samples.slice(0, 1), responder);
    responder.sampleFailed(samples[0]!.id, 'too late');
    responder.firstTokenComplete([response(samples[0]!.id)]);
  });
  const outcome = await startTest(sut, library(8), offline, { writer });
  expect(outcome.valid).toBe(true);
  expect(outcome.errors.map((e) => e.message)).toEqual([
    'Received a completion for sample 9999, which does not exist.',
    'Received a completion for sample -1, which does not exist.',
    'Received a completion for sample 0.5, which does not exist.',
    'Attempted to complete a sample twice.',
    'Sample 0 was reported as failed after it was settled: too late',
    'Attempted to record token latency after sample was completed',
  ]);
  expect(outcome.logs.summary).toContain('6 ERRORS encountered.');
});

test('an answer for a sample of the next query is an error', async () => {
  const sut = system((samples, responder) => {
    if (samples[0]!.id === 0) responder.querySamplesComplete([response(1)]);
    answerAtOnce(samples, responder);
  });
  const outcome = await startTest(sut, library(8), server, { writer });
  expect(outcome.errors[0]?.message).toContain('sample 1, which was not issued');
  expect(outcome.metrics?.sampleCount).toBe(outcome.samples.count);
});

test('answers after the end change nothing', async () => {
  let late: Responder | null = null;
  const sut = system((samples, responder) => {
    late = responder;
    answerAtOnce(samples, responder);
  });
  const outcome = await startTest(sut, library(8), offline, { writer });
  (late as Responder | null)?.querySamplesComplete([response(0), response(1)]);
  await sleep(1);
  expect(outcome.errors).toEqual([]);
});

test('response bytes are copied when they are logged', async () => {
  const shared = Uint8Array.of(1, 2, 255);
  const sut = system((samples, responder) => {
    responder.querySamplesComplete(samples.map((s) => ({ id: s.id, data: shared, tokenCount: 2 })));
    shared.fill(0);
  });
  const settings = { ...offline, accuracyLogProbability: 1 };
  const outcome = await startTest(sut, library(8), settings, { writer });
  expect(outcome.responses).toHaveLength(20);
  expect(outcome.logs.accuracy).toContain('"data" : "0102FF"');
});

test('settings out of range are refused together, before anything runs', async () => {
  const settings = { ...server, minQueryCount: -1, serverTargetLatencyPercentile: 1 };
  const attempt = startTest(system(answerAtOnce), library(8), settings, { writer });
  await expect(attempt).rejects.toThrow(LoadgenError);
  await expect(attempt).rejects.toMatchObject({ code: 'invalid-setting' });
  await expect(attempt).rejects.toThrow(/minQueryCount is -1.*serverTargetLatencyPercentile is 1/);
});

test('what is missing is refused by name', async () => {
  const cases: Partial<TestSettings>[] = [{ serverNumIssueQueryThreads: 2 }];
  for (const change of cases) {
    const attempt = startTest(
      system(answerAtOnce),
      library(8),
      { ...server, ...change },
      { writer },
    );
    await expect(attempt).rejects.toMatchObject({ code: 'unsupported-setting' });
    await expect(attempt).rejects.toThrow(Object.keys(change)[0]!);
  }
});

test('a library without samples is refused', async () => {
  const attempt = startTest(system(answerAtOnce), library(0), offline, { writer });
  await expect(attempt).rejects.toMatchObject({ code: 'invalid-library' });
});

test('25,000 samples cost little on the issuing side', async () => {
  const settings = { ...offline, minQueryCount: 25_000, useTokenLatencies: true };
  const started = performance.now();
  const outcome = await startTest(system(answerAtOnce), library(1000), settings, { writer });
  expect(outcome.metrics?.sampleCount).toBe(25_000);
  console.log(
    `25,000 Offline samples: ${(outcome.metrics!.latency.maxNs / 1e6).toFixed(1)} ms timed,` +
      ` ${(performance.now() - started).toFixed(0)} ms in all`,
  );
});

test('a load generator that was late says so in the verdict, and only there', async () => {
  const clock = new VirtualClock();
  // The system under test keeps the thread that issues for 3 ms now and then.
  const sut = system((samples, responder) => {
    if (samples[0]!.id % 20 === 0) clock.spend(3e6);
    answerAtOnce(samples, responder);
  });
  const settings: TestSettings = { ...server, serverTargetLatencyNs: 100e6 };
  const outcome = await startTest(sut, library(100), settings, { writer, clock });
  expect(outcome.valid).toBe(true);
  expect(outcome.remarks).toHaveLength(1);
  expect(outcome.remarks[0]).toMatch(
    /^The load generator was late: the 99.0th percentile of its issue lag is [0-9.]+ ms, more than 1 % of the latency limit of 100 ms\./,
  );
  expect(outcome.warnings).toEqual([]);
  const generous = { ...settings, issueLagShareLimit: 0.5 };
  const second = await startTest(sut, library(100), generous, { writer, clock });
  expect(second.remarks).toEqual([]);
});
