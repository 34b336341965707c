// What the native engine tells of itself, in the words of a system under test: what it is, and what it did.

import type { EngineInfo, EngineOptions, EngineStats } from '../../native/index.js';
import { measureMemoryRead } from '../memory-read.js';
import { costOf } from '../utilisation.js';
import type { EngineWork, SutDescription } from './measured-sut.js';

export function describeEngine(info: EngineInfo, options: EngineOptions): SutDescription {
  return {
    kind: 'native',
    devices: [options.device],
    workers: 1,
    tensorParallel: 1,
    threads: options.threads,
    maxBatch: options.maxBatch,
    kvCache: { dtype: options.kvCacheType, bytes: info.kvCacheBytes },
    features: {
      instructionSet: info.instructionSet,
      activations: options.activationType,
      maxSequenceTokens: options.maxSequenceTokens,
      maxStepTokens: options.maxStepTokens,
      pageTokens: options.pageTokens,
      kvPages: info.kvPages,
      plannedBytes: info.plannedBytes,
    },
    kernels: info.kernels,
    ...measureMemoryRead(info, options),
    model: {
      architecture: info.architecture,
      parameters: info.parameters,
      weightBytes: info.weightBytes,
      weightFormat: info.weightFormat,
      cost: costOf(info),
    },
  };
}

/** What happened between two readings of the engine's counters. */
export function compareStats(before: EngineStats, now: EngineStats, info: EngineInfo): EngineWork {
  const steps = now.steps - before.steps;
  const busy = now.deviceNs - before.deviceNs;
  const whole = busy + now.deviceGapNs - before.deviceGapNs;
  return {
    stepsBefore: before.steps,
    steps,
    deviceBusyShare: whole === 0 ? null : busy / whole,
    occupancy: steps === 0 ? null : (now.occupancySum - before.occupancySum) / steps,
    kvUsedShare: now.usedKvPages / info.kvPages,
    kvPeakShare: now.peakKvPages / info.kvPages,
    preemptions: now.preemptions - before.preemptions,
  };
}
