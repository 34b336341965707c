// What the native engine tells of itself, in the words of a system under test: what it is, and what its workers did.

import type { EngineInfo, EngineStats } from '../../native/index.js';
import { measureMemoryRead } from '../memory-read.js';
import { costOf } from '../utilisation.js';
import type { EngineReading } from './engine-readings.js';
import type { EngineWork, SutDescription, WorkerWork } from './measured-sut.js';
import type { Worker } from './worker.js';
import { describeFailure } from './worker-failure.js';

/** @param workers one at least; sums over them, and what they have in common */
export function describeEngine(workers: readonly Worker[]): SutDescription {
  const [{ options, engine, devices }] = workers as readonly [Worker];
  const { info } = engine;
  const sum = (read: (info: EngineInfo) => number) =>
    workers.reduce((total, worker) => total + read(worker.engine.info), 0);
  const list = (read: (worker: Worker) => string) => [...new Set(workers.map(read))].join(', ');
  return {
    kind: 'native',
    devices: workers.flatMap((worker) => worker.devices),
    workers: workers.length,
    tensorParallel: devices.length,
    threads: countThreads(workers),
    maxBatch: options.maxBatch,
    kvCache: {
      dtype: list((worker) => worker.options.kvCacheType),
      bytes: sum(({ kvCacheBytes }) => kvCacheBytes),
    },
    features: {
      instructionSet: list((worker) => worker.engine.info.instructionSet),
      activations: list((worker) => worker.options.activationType),
      maxSequenceTokens: options.maxSequenceTokens,
      maxStepTokens: options.maxStepTokens,
      pageTokens: options.pageTokens,
      kvPages: sum(({ kvPages }) => kvPages),
      plannedBytes: sum(({ plannedBytes }) => plannedBytes),
    },
    kernels: Object.assign({}, ...workers.map((worker) => worker.engine.info.kernels).reverse()),
    ...measureMemoryRead(info, {
      devices: workers.flatMap((worker) => worker.devices),
      threads: countThreads(workers),
    }),
    model: {
      architecture: info.architecture,
      parameters: info.parameters,
      weightBytes: sum(({ weightBytes }) => weightBytes),
      weightFormat: info.weightFormat,
      cost: costOf(info),
    },
  };
}

/** Those that compute; a GPU's are busy at load only. */
function countThreads(workers: readonly Worker[]): number {
  const onCpu = workers.filter(({ devices }) => devices[0] === 'cpu');
  if (onCpu.length === 0) return workers[0]!.options.threads;
  return onCpu.reduce((total, { options }) => total + options.threads, 0);
}

/** What happened since the test began, `passNs` ago at the last news. */
export function describeWork(all: readonly Worker[], passNs: number): EngineWork {
  const workers = all.map((worker) => describeWorker(worker, passNs));
  const stats = all.map(({ before, engine }) => ({ before, now: engine.stats() }));
  const sum = (read: (stats: EngineStats) => number) =>
    stats.reduce((total, { before, now }) => total + read(now) - read(before), 0);
  const pages = all.reduce((total, { engine }) => total + engine.info.kvPages, 0);
  const usedPages = stats.reduce((total, { now }) => total + now.usedKvPages, 0);
  const steps = sum((one) => one.steps);
  const busy = sum(({ deviceNs }) => deviceNs);
  const whole = busy + sum(({ deviceGapNs }) => deviceGapNs);
  return {
    steps,
    deviceBusyShare: whole === 0 ? null : busy / whole,
    occupancy: steps === 0 ? null : sum(({ occupancySum }) => occupancySum) / steps,
    kvUsedShare: usedPages / pages,
    kvPeakShare: workers.reduce((most, { kvPeakShare }) => Math.max(most, kvPeakShare), 0),
    preemptions: sum((one) => one.preemptions),
    workers,
  };
}

function describeWorker(worker: Worker, passNs: number): WorkerWork {
  const { before, engine, devices, samples, failure } = worker;
  const now = engine.stats();
  const steps = now.steps - before.steps;
  const deviceNs = now.deviceNs - before.deviceNs;
  // Only a GPU's steps are timed.
  const share = (ns: number) => (ns === 0 || passNs <= 0 ? null : Math.min(1, ns / passNs));
  const ranks = [...now.rankDeviceNs].map((ns, rank) => ns - (before.rankDeviceNs[rank] ?? 0));
  return {
    devices,
    state: failure === null ? 'ok' : 'failed',
    failure: failure === null ? null : describeFailure(worker, failure),
    samples,
    outstanding: worker.jobs,
    promptTokens: now.promptTokens - before.promptTokens,
    generatedTokens: now.generatedTokens - before.generatedTokens,
    stepsBefore: before.steps,
    steps,
    occupancy: steps === 0 ? null : (now.occupancySum - before.occupancySum) / steps,
    kvUsedShare: now.usedKvPages / engine.info.kvPages,
    kvPeakShare: now.peakKvPages / engine.info.kvPages,
    preemptions: now.preemptions - before.preemptions,
    busyShare: share(deviceNs),
    rankBusyShares: ranks.length < 2 ? null : ranks.map(share),
  };
}

/** The counters of all workers together, and each one's own where there are several. */
export function readWorkers(
  workers: readonly Worker[],
): Pick<EngineReading, 'stats' | 'kvShare' | 'workers'> {
  const each = workers.map(({ engine, jobs }) => {
    const stats = engine.stats();
    return { stats, kvShare: stats.usedKvPages / engine.info.kvPages, outstanding: jobs };
  });
  if (each.length === 1) return { stats: each[0]!.stats, kvShare: each[0]!.kvShare, workers: [] };
  const stats = each.map((one) => one.stats).reduce(addStats);
  const pages = workers.reduce((total, { engine }) => total + engine.info.kvPages, 0);
  return { stats, kvShare: stats.usedKvPages / pages, workers: each };
}

function addStats(a: EngineStats, b: EngineStats): EngineStats {
  return {
    steps: a.steps + b.steps,
    promptTokens: a.promptTokens + b.promptTokens,
    generatedTokens: a.generatedTokens + b.generatedTokens,
    occupancySum: a.occupancySum + b.occupancySum,
    usedKvPages: a.usedKvPages + b.usedKvPages,
    peakKvPages: a.peakKvPages + b.peakKvPages,
    preemptions: a.preemptions + b.preemptions,
    deviceNs: a.deviceNs + b.deviceNs,
    deviceGapNs: a.deviceGapNs + b.deviceGapNs,
    rankDeviceNs: Float64Array.of(...a.rankDeviceNs, ...b.rankDeviceNs),
  };
}
