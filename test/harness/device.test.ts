import { describe, expect, it } from 'vitest';
import {
  chooseWorkers,
  groupDevices,
  locateDevices,
  nameDevice,
  resolveDevices,
} from '../../harness/device.js';
import type { Fault } from '../../harness/errors.js';
import { runFields } from '../../harness/run-config.js';
import type { HostFeatures } from '../../native/index.js';

/** A machine with these GPUs, as a build with CUDA sees it; null is a build without. */
function machine(gpus: readonly string[] | null): () => HostFeatures {
  const devices = (gpus ?? []).map((name, at) => ({
    name,
    memoryBytes: 1,
    computeCapability: '9.0',
    multiprocessors: 1,
    peakBandwidthGBs: null,
    pciBusId: `0000:0${at}:00.0`,
  }));
  const reason = gpus === null ? 'this build has no CUDA backend' : 'no CUDA driver';
  const built = gpus !== null;
  const architectures = built ? 'sm_90a' : '';
  const cuda = { built, architectures, devices, reason: devices.length > 0 ? null : reason };
  return () => ({ instructionSets: [], best: 'plain', cuda });
}

const unbuilt = () => {
  throw new Error('the native engine is not built');
};

const cpus = 'auto, cpu, or cpu several times (cpu,cpu)';
const forms =
  'auto, cpu, cuda, cuda:N, cuda:all, or several with commas between (cuda:0,1; cuda:0,cpu; cpu,cpu)';

describe('resolveDevices', () => {
  const two = machine(['H100', 'H200']);

  it.each([
    ['auto', machine(['H100']), ['cuda:0']],
    ['auto', two, ['cuda:0']],
    ['auto', machine([]), ['cpu']],
    ['auto', machine(null), ['cpu']],
    ['auto', unbuilt, ['cpu']],
    ['cpu', unbuilt, ['cpu']],
    ['cpu,cpu', unbuilt, ['cpu', 'cpu']],
    ['cuda', machine(['H100']), ['cuda:0']],
    ['cuda:1', two, ['cuda:1']],
    ['cuda:0,1', two, ['cuda:0', 'cuda:1']],
    ['cuda:1,cuda:0', two, ['cuda:1', 'cuda:0']],
    ['cuda:all', two, ['cuda:0', 'cuda:1']],
    ['cuda:0, cpu', two, ['cuda:0', 'cpu']],
    ['cpu,cuda:all,cpu', two, ['cpu', 'cuda:0', 'cuda:1', 'cpu']],
  ])('%s %#', (asked, features, devices) => {
    expect(resolveDevices(asked, features)).toEqual({ devices, refusal: null });
  });

  it.each([
    ['cuda', machine(null), `device is "cuda": this build has no CUDA backend; allowed: ${cpus}`],
    ['cuda:0', machine([]), `device is "cuda:0": no CUDA driver; allowed: ${cpus}`],
    ['cuda:all', machine([]), `device is "cuda:all": no CUDA driver; allowed: ${cpus}`],
    ['cuda:0', unbuilt, `device is "cuda:0": the native engine is not built; allowed: ${cpus}`],
    [
      'cuda:1',
      machine(['H100']),
      'device is "cuda:1": there is no cuda:1; allowed: auto, cpu, cuda:0 (H100)',
    ],
    [
      'cuda:0,2',
      two,
      'device is "cuda:0,2": there is no cuda:2; allowed: auto, cpu, cuda:0 (H100), cuda:1 (H200)',
    ],
    ['cuda:0,0', two, 'device is "cuda:0,0": cuda:0 is there twice; allowed: each GPU once'],
    [
      'cuda,cuda:00',
      two,
      'device is "cuda,cuda:00": cuda:0 is there twice; allowed: each GPU once',
    ],
    [
      'cuda:1,cuda:all',
      two,
      'device is "cuda:1,cuda:all": cuda:1 is there twice; allowed: each GPU once',
    ],
    ['cpu,1', two, `device is "cpu,1"; allowed: ${forms}`],
    ['auto,cpu', two, `device is "auto,cpu"; allowed: ${forms}`],
    ['cpu,', two, `device is "cpu,"; allowed: ${forms}`],
    ['tpu', machine(null), `device is "tpu"; allowed: ${forms}`],
    ['cuda:x', machine(['H100']), `device is "cuda:x"; allowed: ${forms}`],
  ])('refuses %s %#', (asked, features, refusal) => {
    expect(resolveDevices(asked, features)).toEqual({ devices: null, refusal });
  });

  it('refuses more devices than anybody has', () => {
    const asked = Array(65).fill('cpu').join();
    expect(resolveDevices(asked, unbuilt).refusal).toMatch(/: 65 devices; allowed: up to 64$/);
  });
});

describe('groupDevices', () => {
  const four = ['cuda:0', 'cuda:1', 'cuda:2', 'cuda:3'] as const;

  it('makes a worker of so many neighbours', () => {
    expect(groupDevices(four, 1).groups).toEqual(four.map((device) => [device]));
    expect(groupDevices(four, 2).groups).toEqual([
      ['cuda:0', 'cuda:1'],
      ['cuda:2', 'cuda:3'],
    ]);
    expect(groupDevices(four, 4).groups).toEqual([four]);
    expect(groupDevices(['cpu', 'cpu'], 1).groups).toEqual([['cpu'], ['cpu']]);
  });

  it('refuses what does not come out even, and groups of two kinds', () => {
    expect(groupDevices(four, 3).refusal).toBe(
      'engine.tensor_parallel is 3, and 4 devices are named (cuda:0, cuda:1, cuda:2, cuda:3); allowed: 1, 2, 4, or more devices (--device cuda:all)',
    );
    expect(groupDevices(['cuda:0'], 2).refusal).toBe(
      'engine.tensor_parallel is 2, and 1 device is named (cuda:0); allowed: 1, or more devices (--device cuda:all)',
    );
    const onCpu = (ranks: number) => groupDevices(['cpu'], ranks).refusal;
    const one = 'and 1 device is named (cpu); allowed: 1, or more devices';
    expect(onCpu(2)).toBe(`engine.tensor_parallel is 2, ${one} (--device cpu,cpu)`);
    expect(onCpu(9)).toBe(
      `engine.tensor_parallel is 9, ${one} (--device cpu,cpu,cpu,cpu,..., 9 times)`,
    );
    expect(groupDevices(['cuda:0', 'cpu'], 2).refusal).toBe(
      'engine.tensor_parallel is 2, and cuda:0, cpu cannot compute a model together; allowed: devices of one kind',
    );
    expect(groupDevices(['cpu', 'cpu', ...four], 2).groups?.[0]).toEqual(['cpu', 'cpu']);
  });
});

describe('locateDevices', () => {
  it('is where telemetry finds each device, once', () => {
    const types = { activationType: 'fp16', kvCacheType: 'fp16' } as const;
    const at = (...devices: ('cpu' | `cuda:${number}`)[]) => ({ devices, ...types });
    const two = machine(['H100', 'H100']);
    expect(locateDevices(null, two)).toEqual([]);
    expect(locateDevices([at('cpu'), at('cpu')], unbuilt)).toEqual(['cpu']);
    expect(locateDevices([at('cuda:0', 'cuda:1'), at('cpu')], two)).toEqual([
      { pciBusId: '0000:00:00.0' },
      { pciBusId: '0000:01:00.0' },
      'cpu',
    ]);
  });
});

describe('nameDevice', () => {
  it('is the name by the driver, or the device itself', () => {
    expect(nameDevice('cuda:1', machine(['H100', 'H200']))).toBe('H200');
    expect(nameDevice('cuda:2', machine(['H100']))).toBe('cuda:2');
    expect(nameDevice('cpu', unbuilt)).toBe('cpu');
  });
});

describe('chooseWorkers', () => {
  const defaults = runFields.check(undefined, '', []);

  function choose(engine: Partial<typeof defaults.engine>, gpus: readonly string[] = []) {
    const faults: Fault[] = [];
    const run = { ...defaults, engine: { ...defaults.engine, ...engine } };
    const resolve = (device: string) => resolveDevices(device, machine(gpus));
    const workers = chooseWorkers(run, resolve, (...path) => path.join('.'), faults);
    return {
      workers,
      target: workers?.[0],
      faults: faults.map(({ where, message }) => `${where}: ${message}`),
    };
  }

  it('fills in the types that suit the device', () => {
    expect(choose({}).workers).toEqual([
      { devices: ['cpu'], activationType: 'int8', kvCacheType: 'fp16' },
    ]);
    const gpu = choose({}, ['H100']).target;
    expect(gpu).toEqual({ devices: ['cuda:0'], activationType: 'fp16', kvCacheType: 'fp16' });
    const bf16 = choose({ activations: 'bf16' }, ['H100']).target;
    expect(bf16).toMatchObject({ activationType: 'bf16', kvCacheType: 'bf16' });
    const fp8 = choose({ activations: 'bf16', kvCache: 'fp8' }, ['H100']).target;
    expect(fp8).toMatchObject({ activationType: 'bf16', kvCacheType: 'fp8' });
  });

  it('refuses what the device has not, with what it has', () => {
    expect(choose({ activations: 'bf16', kvCache: 'fp8' }).faults).toEqual([
      'engine.activations: engine.activations is "bf16"; allowed on cpu: auto, int8, fp32',
      'engine.kv_cache: engine.kv_cache is "fp8"; allowed on cpu: auto, fp32, fp16, bf16',
    ]);
    expect(choose({ activations: 'int8', kvCache: 'fp32' }, ['H100']).faults).toEqual([
      'engine.activations: engine.activations is "int8"; allowed on cuda:0: auto, fp16, bf16',
      'engine.kv_cache: engine.kv_cache is "fp32"; allowed on cuda:0: auto, fp16, bf16, fp8',
    ]);
  });

  it('gives each worker the types of its own device', () => {
    const { workers, faults } = choose({ device: 'cuda:0,cpu' }, ['H100']);
    expect(faults).toEqual([]);
    expect(workers).toEqual([
      { devices: ['cuda:0'], activationType: 'fp16', kvCacheType: 'fp16' },
      { devices: ['cpu'], activationType: 'int8', kvCacheType: 'fp16' },
    ]);
    expect(choose({ device: 'cuda:0,cpu', kvCache: 'fp8' }, ['H100']).faults).toEqual([
      'engine.kv_cache: engine.kv_cache is "fp8"; allowed on cpu: auto, fp32, fp16, bf16',
    ]);
    expect(choose({ device: 'cuda:0,1', activations: 'int8' }, ['H100', 'H100']).faults).toEqual([
      'engine.activations: engine.activations is "int8"; allowed on cuda:0: auto, fp16, bf16',
    ]);
  });

  it('takes faults of the workers there are, as they can fail', () => {
    const two = { device: 'cpu,cpu,cpu,cpu', tensorParallel: 2 };
    const refusals = (engine: typeof two, fault: string) => choose({ ...engine, fault }).faults;
    expect(refusals(two, 'worker=1,rank=1,step=3;worker=0,after=50%')).toEqual([]);
    expect(refusals(two, 'worker=2,step=3')).toEqual([
      'engine.fault: engine.fault is "worker=2,step=3": there is no worker 2; allowed: 0 to 1',
    ]);
    expect(refusals({ ...two, device: 'cpu,cpu' }, 'worker=0,rank=2,step=3')).toEqual([
      'engine.fault: engine.fault is "worker=0,rank=2,step=3": worker 0 has no rank 2; allowed: 0 to 1',
    ]);
    expect(refusals(two, 'worker=0,step=3,kind=device-fault')).toEqual([
      'engine.fault: engine.fault is "worker=0,step=3,kind=device-fault", and worker 0 is on the CPU; allowed there: kind=exception, out-of-memory, thread-death',
    ]);
  });

  it('groups devices by tensor_parallel, and says where they cannot be', () => {
    const gpus = ['H100', 'H100', 'H100', 'H100'];
    const { workers } = choose({ device: 'cuda:all', tensorParallel: 2 }, gpus);
    expect(workers?.map(({ devices }) => devices)).toEqual([
      ['cuda:0', 'cuda:1'],
      ['cuda:2', 'cuda:3'],
    ]);
    expect(choose({ device: 'cuda:0,1,2', tensorParallel: 2 }, gpus)).toMatchObject({
      workers: null,
      faults: [
        expect.stringMatching(/^engine.tensor_parallel: engine.tensor_parallel is 2, and 3/),
      ],
    });
  });

  it('profiles kernels on a GPU, and refuses on a CPU, which has none', () => {
    expect(choose({ profileSteps: 50 }, ['H100']).faults).toEqual([]);
    expect(choose({ profileSteps: 50 }).faults).toEqual([
      'engine.profile_steps: engine.profile_steps is 50, and the CPU engine has no kernels to profile; allowed: 0, or a GPU (--device cuda)',
    ]);
  });

  it('takes CUDA graphs off where a worker is on a GPU, and refuses where none is', () => {
    const off = { cudaGraphs: false } as const;
    expect(choose(off, ['H100']).faults).toEqual([]);
    expect(choose({ ...off, device: 'cpu,cuda:0' }, ['H100']).faults).toEqual([]);
    expect(choose({ ...off, device: 'cuda:0,1', tensorParallel: 2 }, ['H', 'H']).faults).toEqual(
      [],
    );
    const refusal =
      'engine.cuda_graphs: engine.cuda_graphs is false, and the CPU engine has no CUDA graphs; allowed: true, or a GPU (--device cuda)';
    expect(choose(off).faults).toEqual([refusal]);
    expect(choose({ ...off, device: 'cpu,cpu' }, ['H100']).faults).toEqual([refusal]);
  });

  it('asks for no device where nothing computes, but for one that was named', () => {
    const faults: Fault[] = [];
    const resolve = (device: string) => resolveDevices(device, machine(null));
    const at = (device: string, tensorParallel = 1) =>
      chooseWorkers(
        { ...defaults, sut: 'null', engine: { ...defaults.engine, device, tensorParallel } },
        resolve,
        () => 'here',
        faults,
      );
    expect([at('auto'), faults]).toEqual([null, []]);
    expect(at('cuda')).toBeNull();
    expect(faults).toHaveLength(1);
    expect([at('cpu,cpu', 2), at('auto', 3)]).toEqual([null, null]);
    expect(faults.slice(1)).toEqual([
      { where: 'here', message: expect.stringMatching(/^engine.tensor_parallel is 3, and 1/) },
    ]);
  });
});
