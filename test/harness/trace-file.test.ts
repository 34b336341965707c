// The trace that viewers open: valid JSON, spans that nest and never overlap in a lane, times in microseconds.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { PassResult } from '../../harness/pass.js';
import type { Answer } from '../../harness/sut/measured-sut.js';
import { writeTrace } from '../../harness/trace-file.js';
import {
  defaultSettings,
  type SystemUnderTest,
  startTest,
  VirtualClock,
} from '../../loadgen/index.js';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur: number;
  readonly args: Readonly<Record<string, number>>;
}

const folder = mkdtempSync(join(tmpdir(), 'loadmark-trace-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** 40 queries, 100 a second, each answered after 5 + 20 ms; the one with id 7 never is. */
async function runPass(): Promise<PassResult> {
  const clock = new VirtualClock();
  const answers = new Map<number, Answer>();
  const data = new Uint8Array(0);
  const sut: SystemUnderTest = {
    name: 'scripted',
    issueQuery([sample], responder) {
      const { id } = sample!;
      if (id === 7) return responder.sampleFailed(id, 'dropped');
      const now = clock.nowNs();
      answers.set(id, { tokens: new Int32Array(3), firstTokenNs: now + 5e6 });
      clock.schedule(now + 25e6, () =>
        responder.querySamplesComplete([{ id, data, tokenCount: 3 }]),
      );
    },
    flushQueries() {},
  };
  const rows = {
    name: 'rows',
    totalSampleCount: 10,
    performanceSampleCount: 10,
    loadSamplesToRam() {},
    unloadSamplesFromRam() {},
  };
  const settings = {
    ...defaultSettings,
    scenario: 'Server',
    serverTargetQps: 100,
    minDurationMs: 0,
    minQueryCount: 40,
  } as const;
  const writer = { name: 'loadmark', version: 'test' };
  const outcome = await startTest(sut, rows, settings, { writer, clock });
  const load = {} as PassResult['load'];
  return { pass: 'performance', outcome, answers, work: null, readings: [], load };
}

test('shows every sample once, in lanes without overlap, with its first token inside', async () => {
  const result = await runPass();
  const file = join(folder, 'trace.json');
  expect(writeTrace(file, result)).toBe(40);
  const { traceEvents } = JSON.parse(readFileSync(file, 'utf8')) as { traceEvents: TraceEvent[] };
  const samples = traceEvents.filter(({ name }) => name === 'sample');
  expect(samples.map(({ args }) => args.sample)).toEqual(
    Array.from({ length: 40 }, (_, id) => id).filter((id) => id !== 7),
  );
  for (const { dur } of samples) expect(dur).toBeCloseTo(25_000, 3);
  const lanes = new Map<number, number>();
  for (const { tid, ts, dur } of samples) {
    expect(ts).toBeGreaterThanOrEqual(lanes.get(tid) ?? 0);
    lanes.set(tid, ts + dur);
  }
  expect(lanes.size).toBeGreaterThan(1);
  const waits = traceEvents.filter(({ name }) => name === 'to first token');
  expect(waits).toHaveLength(39);
  for (const { dur } of waits) expect(dur).toBeCloseTo(5_000, 3);
  expect(traceEvents.some(({ name }) => name === 'sample 7 never answered')).toBe(true);
  for (const event of traceEvents)
    expect(event).toMatchObject({ ph: expect.any(String), pid: expect.any(Number) });
});
