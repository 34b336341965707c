// What is each worker's engine loaded with? The settings that all share, with the devices, the types and the threads of its
// own.

import { availableParallelism } from 'node:os';
import type { DeviceName, EngineOptions } from '../native/index.js';
import type { WorkerTarget } from './device.js';
import type { WorkerFault } from './engine-fault.js';

/** Of one worker's engine. */
export interface WorkerOptions extends EngineOptions {
  /** Compute its model together, `device` the first of them; absent where it is the only one. */
  readonly tensorParallelDevices?: readonly DeviceName[];
}

/** What does not depend on a worker's place. */
export type SharedOptions = Omit<
  EngineOptions,
  | 'device'
  | 'threads'
  | 'kvCacheType'
  | 'activationType'
  | 'faultAtStep'
  | 'faultKind'
  | 'faultRank'
>;

/**
 * @param threads of each worker; null shares the cores between the workers on the CPU, each with one at least. A worker on
 * GPUs computes nothing on its threads.
 * @param faults how workers' engines are made to fail: at a step, or when they are told to
 */
export function placeWorkers(
  shared: SharedOptions,
  workers: readonly WorkerTarget[],
  threads: number | null,
  faults: readonly WorkerFault[] = [],
  cores: number = availableParallelism(),
): WorkerOptions[] {
  const onCpu = workers.filter(({ devices }) => devices[0] === 'cpu').length;
  let placed = 0;
  return workers.map(({ devices, kvCacheType, activationType }, index) => {
    const isOnCpu = devices[0] === 'cpu';
    const share = isOnCpu ? Math.floor(cores / onCpu) + (placed++ < cores % onCpu ? 1 : 0) : cores;
    const fault = faults.find(({ worker }) => worker === index);
    return {
      ...shared,
      // A CPU has no graphs that could be off.
      ...(isOnCpu ? { cudaGraphs: true } : {}),
      device: devices[0]!,
      ...(devices.length > 1 ? { tensorParallelDevices: devices } : {}),
      threads: threads ?? Math.max(1, share),
      kvCacheType,
      activationType,
      ...(fault === undefined ? {} : describeFault(fault)),
    };
  });
}

function describeFault({ kind, rank, after }: WorkerFault) {
  return {
    faultAtStep: after.unit === 'step' ? after.count : 0,
    faultKind: kind,
    ...(rank === null ? {} : { faultRank: rank }),
  };
}

/** All devices of a worker. */
export function devicesOf({ device, tensorParallelDevices }: WorkerOptions): readonly DeviceName[] {
  return tensorParallelDevices ?? [device];
}
