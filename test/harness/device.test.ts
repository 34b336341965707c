import { describe, expect, it } from 'vitest';
import { chooseTarget, nameDevice, resolveDevice } from '../../harness/device.js';
import type { Fault } from '../../harness/errors.js';
import { runFields } from '../../harness/run-config.js';
import type { HostFeatures } from '../../native/index.js';

/** A machine with these GPUs, as a build with CUDA sees it; null is a build without. */
function machine(gpus: readonly string[] | null): () => HostFeatures {
  const devices = (gpus ?? []).map((name) => ({
    name,
    memoryBytes: 1,
    computeCapability: '9.0',
    multiprocessors: 1,
    peakBandwidthGBs: null,
    pciBusId: '0000:0f:00.0',
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

describe('resolveDevice', () => {
  it.each([
    ['auto', machine(['H100']), 'cuda:0'],
    ['auto', machine([]), 'cpu'],
    ['auto', machine(null), 'cpu'],
    ['auto', unbuilt, 'cpu'],
    ['cpu', unbuilt, 'cpu'],
    ['cuda', machine(['H100']), 'cuda:0'],
    ['cuda:1', machine(['H100', 'H100']), 'cuda:1'],
  ])('%s %#', (asked, features, device) => {
    expect(resolveDevice(asked, features)).toEqual({ device, refusal: null });
  });

  it.each([
    ['cuda', machine(null), 'device is "cuda": this build has no CUDA backend; allowed: auto, cpu'],
    ['cuda:0', machine([]), 'device is "cuda:0": no CUDA driver; allowed: auto, cpu'],
    ['cuda:0', unbuilt, 'device is "cuda:0": the native engine is not built; allowed: auto, cpu'],
    ['cuda:1', machine(['H100']), 'device is "cuda:1"; allowed: auto, cpu, cuda:0 (H100)'],
    [
      'cuda:0,1',
      machine(['H100', 'H100']),
      'device is "cuda:0,1": several GPUs at once are not in this version; allowed: auto, cpu, cuda, cuda:N',
    ],
    ['tpu', machine(null), 'device is "tpu"; allowed: auto, cpu, cuda, cuda:N'],
    ['cuda:x', machine(['H100']), 'device is "cuda:x"; allowed: auto, cpu, cuda, cuda:N'],
  ])('refuses %s %#', (asked, features, refusal) => {
    expect(resolveDevice(asked, features)).toEqual({ device: null, refusal });
  });
});

describe('nameDevice', () => {
  it('is the name by the driver, or the device itself', () => {
    expect(nameDevice('cuda:1', machine(['H100', 'H200']))).toBe('H200');
    expect(nameDevice('cuda:2', machine(['H100']))).toBe('cuda:2');
    expect(nameDevice('cpu', unbuilt)).toBe('cpu');
  });
});

describe('chooseTarget', () => {
  const defaults = runFields.check(undefined, '', []);

  function choose(engine: Partial<typeof defaults.engine>, gpus: readonly string[] = []) {
    const faults: Fault[] = [];
    const run = { ...defaults, engine: { ...defaults.engine, ...engine } };
    const resolve = (device: string) => resolveDevice(device, machine(gpus));
    const target = chooseTarget(run, resolve, (...path) => path.join('.'), faults);
    return { target, faults: faults.map(({ where, message }) => `${where}: ${message}`) };
  }

  it('fills in the types that suit the device', () => {
    expect(choose({}).target).toEqual({
      device: 'cpu',
      activationType: 'int8',
      kvCacheType: 'fp16',
    });
    const gpu = choose({}, ['H100']).target;
    expect(gpu).toEqual({ device: 'cuda:0', activationType: 'fp16', kvCacheType: 'fp16' });
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

  it('profiles kernels on a GPU, and refuses on a CPU, which has none', () => {
    expect(choose({ profileSteps: 50 }, ['H100']).faults).toEqual([]);
    expect(choose({ profileSteps: 50 }).faults).toEqual([
      'engine.profile_steps: engine.profile_steps is 50, and the CPU engine has no kernels to profile; allowed: 0, or a GPU (--device cuda)',
    ]);
  });

  it('asks for no device where nothing computes, but for one that was named', () => {
    const faults: Fault[] = [];
    const resolve = (device: string) => resolveDevice(device, machine(null));
    const at = (device: string) =>
      chooseTarget(
        { ...defaults, sut: 'null', engine: { ...defaults.engine, device } },
        resolve,
        () => 'here',
        faults,
      );
    expect([at('auto'), faults]).toEqual([null, []]);
    expect(at('cuda')).toBeNull();
    expect(faults).toHaveLength(1);
  });
});
