// What a worker's counters come to: shares of the time of a pass, its own and each of its GPUs'.
import { expect, it } from 'vitest';
import { describeWork, readWorkers } from '../../../harness/sut/engine-description.js';
import { Worker, type WorkerEngine } from '../../../harness/sut/worker.js';
import type { WorkerOptions } from '../../../harness/worker-options.js';
import { SimulatedEngine, Timeline } from './simulated-engine.js';

const terms = { maxBatch: 4, maxStepTokens: 8, stepNs: 1, tokenNs: 1, delayNs: 0, answers: [] };

/** Whose GPUs compute so long, beside what they had computed before the test. */
function workerOf(index: number, before: readonly number[], during: readonly number[]) {
  const engine: WorkerEngine = new SimulatedEngine(new Timeline(), terms, { onEvents: () => {} });
  const none = engine.stats();
  let rankNs = [...before];
  engine.stats = () => {
    const sum = rankNs.reduce((total, ns) => total + ns, 0);
    const deviceNs = rankNs.length === 0 ? 0 : sum / rankNs.length;
    return { ...none, deviceNs, rankDeviceNs: Float64Array.from(rankNs) };
  };
  const options = { maxBatch: 4, device: `cuda:${index}` } as WorkerOptions;
  const worker = new Worker(index, options, engine);
  worker.beginTest();
  rankNs = during.map((ns, rank) => ns + (before[rank] ?? 0));
  return worker;
}

it('a worker on several GPUs has the mean of their shares, and each one’s', () => {
  const work = (...worker: Worker[]) => describeWork(worker, 1000).workers;
  expect(work(workerOf(0, [5, 7], [900, 700]))).toMatchObject([
    { busyShare: 0.8, rankBusyShares: [0.9, 0.7] },
  ]);
  // Its first step was of this test: nothing was counted before.
  expect(work(workerOf(0, [], [900, 100, 200]))[0]!.rankBusyShares).toEqual([0.9, 0.1, 0.2]);
  expect(work(workerOf(0, [50], [500]), workerOf(1, [], []))).toMatchObject([
    { busyShare: 0.5, rankBusyShares: null },
    { busyShare: null, rankBusyShares: null },
  ]);
});

it('counters of several workers have the ranks of all', () => {
  const both = readWorkers([workerOf(0, [1, 2], [3, 4]), workerOf(1, [], [5, 6])]);
  expect([...both.stats.rankDeviceNs]).toEqual([4, 6, 5, 6]);
  expect(both.stats.deviceNs).toBe(10.5);
});
