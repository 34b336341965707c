import { describe, expect, it } from 'vitest';
import type { EngineMeasurement, MeasuredEngine } from '../../../harness/gpu-bench/record.js';
import {
  describeReplicas,
  describeServers,
  describeTensorParallel,
  type MultiGpuBenchmark,
  type ServerRun,
  type ThroughputRun,
} from '../../../harness/multi-gpu-bench/record.js';
import { formatMultiGpuBenchmark } from '../../../harness/report/multi-gpu-benchmark.js';

function run(tokensPerSecond: number, busyShares: readonly (number | null)[]): ThroughputRun {
  const devices = busyShares.map((_, index) => `cuda:${index}`).join(',');
  const facts = { devices, valid: true, invalidReasons: [], samplesPerSecond: 1, seconds: 10 };
  return { ...facts, tokensPerSecond, busyShares, samples: busyShares.map(() => 5) };
}

function server(targetQps: number, tokensPerSecond: number, reason?: string): ServerRun {
  const invalidReasons = reason === undefined ? [] : [reason];
  const valid = reason === undefined;
  return { ...run(tokensPerSecond, [0.9]), targetQps, valid, invalidReasons };
}

function measurement(promptTokens: number, seconds: readonly number[]): EngineMeasurement {
  const runs = seconds.map((firstTokenSeconds) => ({
    batch: 1,
    promptTokens,
    newTokens: 101,
    seconds: firstTokenSeconds + 1,
    firstTokenSeconds,
    decode: { seconds: firstTokenSeconds * 10, tokens: 100, readPositions: 1 },
    preemptions: 0,
  }));
  return { engine: {} as MeasuredEngine, runs };
}

const replicas = describeReplicas(
  { model: 'llama-3-8b', samplesPerWorker: 100, maxBatch: 64 },
  [run(1000, [0.99]), run(1020, [0.99])],
  [run(1980, [0.98, 0.97]), run(2000, [0.98, 0.96])],
);
const invalid = describeReplicas(
  { model: 'llama-2-7b', samplesPerWorker: 100, maxBatch: 64 },
  [run(900, [0.9])],
  [{ ...run(500, [0.5, 0.4]), valid: false, invalidReasons: ['worker 1 failed'] }],
);
/** Two logits a position, 1 and 3 but for `error`. */
function answers(error: number) {
  const logits = Buffer.from(Float32Array.of(1, 3 + error).buffer).toString('base64');
  return { positions: 1, logits, tokens: [5, 6, 7] };
}

const split = describeTensorParallel(
  'llama-2-70b',
  2,
  {
    decode: measurement(128, [0.2, 0.1, 0.3]),
    prefill: measurement(2048, [0.4, 0.5]),
    answers: answers(0),
  },
  {
    decode: measurement(128, [0.1]),
    prefill: measurement(2048, [0.25]),
    answers: answers(2 ** -10),
  },
);

const record: MultiGpuBenchmark = {
  schema: 'loadmark/bench-multi-gpu/2',
  date: '2026-11-27T00:00:00.000Z',
  command: ['npm', 'run', 'bench:multi-gpu'],
  commit: null,
  machine: {} as MultiGpuBenchmark['machine'],
  devices: ['cuda:0', 'cuda:1'],
  replicas: [replicas, invalid, { model: 'llama-2-70b', failed: 'cuda:1: out of memory' }],
  server: [
    describeServers(
      { model: 'llama-3-8b', seconds: 60 },
      [server(50, 900)],
      [server(95, 1700, 'TTFT too long')],
    ),
    describeServers(
      { model: 'llama-2-7b', seconds: 60 },
      [server(40, 700), server(44, 710, 'TPOT too long')],
      [server(76, 1400), server(80, 1410, 'TPOT too long')],
    ),
  ],
  tensorParallel: [split],
};

describe('the factors', () => {
  it('are of medians: rates as they are, times turned round', () => {
    expect(replicas.factor).toBeCloseTo(1990 / 1010, 12);
    expect(invalid.factor).toBeNull();
    expect(split.decode.factor).toBeCloseTo(2, 12);
    expect(split.prefill).toMatchObject({ promptTokens: 2048, oneMs: { median: 450 } });
    expect(split.prefill.factor).toBeCloseTo(1.8, 12);
  });
});

it('a line a model, and why one failed or is INVALID', () => {
  expect(formatMultiGpuBenchmark(record)).toBe(`Devices: cuda:0, cuda:1

replicas, Offline, tokens/s        one  2 workers  factor  busy
llama-3-8b                   1000 1020  1980 2000   1.97x  98.0 % 97.0 %; 98.0 % 96.0 %
llama-2-7b                       900.0      500.0       -  50.0 % 40.0 % (INVALID); worker 1 failed
llama-2-70b                                                cuda:1: out of memory

Server, queries/s                   one                   all  factor
llama-3-8b                     50 VALID            95 INVALID       -  60 s each; one worker had no INVALID rate; TTFT too long
llama-2-7b         40 VALID, 44 INVALID  76 VALID, 80 INVALID   1.90x  60 s each; TPOT too long

tensor parallel  ranks  decode tokens/s: one    all  factor  first token ms: one    all  factor
llama-2-70b          2                  50.0  100.0   2.00x                450.0  250.0   1.80x  decode 128 in, 101 out; prefill 2048; logits of 1 positions within 9.8e-4 (9.8e-4 of their deviation), 3 of 3 tokens the same`);
});
