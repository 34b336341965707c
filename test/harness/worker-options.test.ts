import { describe, expect, it } from 'vitest';
import type { WorkerTarget } from '../../harness/device.js';
import { readFaults } from '../../harness/engine-fault.js';
import { devicesOf, placeWorkers, type SharedOptions } from '../../harness/worker-options.js';

const shared: SharedOptions = {
  modelPath: 'somewhere',
  maxBatch: 4,
  maxSequenceTokens: 64,
  maxStepTokens: 16,
  pageTokens: 4,
  kvCacheBytes: 0,
  instructionSet: 'auto',
};
const types = { kvCacheType: 'fp16', activationType: 'fp16' } as const;
const on = (...devices: WorkerTarget['devices'][number][]): WorkerTarget => ({ devices, ...types });

describe('placeWorkers', () => {
  const threadsOf = (workers: readonly WorkerTarget[], given: number | null, cores: number) =>
    placeWorkers(shared, workers, given, [], cores).map(({ threads }) => threads);

  it('shares the cores between the workers on the CPU, each with one at least', () => {
    expect(threadsOf([on('cpu')], null, 8)).toEqual([8]);
    expect(threadsOf([on('cpu'), on('cpu')], null, 8)).toEqual([4, 4]);
    expect(threadsOf([on('cpu'), on('cpu'), on('cpu')], null, 8)).toEqual([3, 3, 2]);
    expect(threadsOf([on('cpu'), on('cpu'), on('cpu')], null, 2)).toEqual([1, 1, 1]);
    expect(threadsOf([on('cuda:0'), on('cpu'), on('cpu')], null, 4)).toEqual([4, 2, 2]);
    expect(threadsOf([on('cpu'), on('cpu')], 3, 8)).toEqual([3, 3]);
  });

  it('takes CUDA graphs off on GPUs, since a CPU has none', () => {
    const without = { ...shared, cudaGraphs: false };
    const workers = placeWorkers(without, [on('cuda:0', 'cuda:1'), on('cpu')], 1);
    expect(workers.map(({ cudaGraphs }) => cudaGraphs)).toEqual([false, true]);
  });

  it('names the devices that compute together, and how one is made to fail', () => {
    const workers = placeWorkers(
      shared,
      [on('cuda:0', 'cuda:1'), on('cuda:2', 'cuda:3')],
      1,
      readFaults('worker=1,step=7,kind=thread-death,rank=1'),
    );
    expect(workers).toEqual([
      {
        ...shared,
        ...types,
        device: 'cuda:0',
        tensorParallelDevices: ['cuda:0', 'cuda:1'],
        threads: 1,
      },
      {
        ...{ ...shared, ...types, device: 'cuda:2', tensorParallelDevices: ['cuda:2', 'cuda:3'] },
        ...{ threads: 1, faultAtStep: 7, faultKind: 'thread-death', faultRank: 1 },
      },
    ]);
    expect(workers.map(devicesOf)).toEqual([
      ['cuda:0', 'cuda:1'],
      ['cuda:2', 'cuda:3'],
    ]);
    const [alone] = placeWorkers(shared, [on('cuda:0')], 1);
    expect(alone).toEqual({ ...shared, ...types, device: 'cuda:0', threads: 1 });
  });
});
