// On which device does the engine compute, and with which types? Resolves `auto`, and says why this machine or the device
// cannot offer what was asked for.

import {
  type DeviceName,
  deviceTypes,
  type EngineOptions,
  type HostFeatures,
} from '../native/index.js';
import { type Fault, messageOf } from './errors.js';
import type { RunSettings } from './run-config.js';

/** What `auto` came to. */
export type EngineTarget = Pick<EngineOptions, 'device' | 'kvCacheType' | 'activationType'>;

export type DeviceChoice =
  | { readonly device: DeviceName; readonly refusal: null }
  | { readonly device: null; readonly refusal: string };

type CudaSurvey = Pick<HostFeatures['cuda'], 'built' | 'reason'> & {
  readonly devices: readonly { readonly name: string; readonly pciBusId?: string }[];
};

const deviceForms = 'auto, cpu, cuda, cuda:N';

/** `auto` is the first GPU where the engine can use one, else the CPU; `cuda` is cuda:0. */
export function resolveDevice(asked: string, features: () => HostFeatures): DeviceChoice {
  const refuse = (reason: string, allowed = deviceForms): DeviceChoice => ({
    device: null,
    refusal: `device is "${asked}"${reason}; allowed: ${allowed}`,
  });
  if (asked === 'cpu') return { device: 'cpu', refusal: null };
  if (asked === 'auto') {
    const { built, devices } = surveyCuda(features);
    return { device: built && devices.length > 0 ? 'cuda:0' : 'cpu', refusal: null };
  }
  if (/^cuda:\d+(,\d+)+$/.test(asked)) {
    return refuse(': several GPUs at once are not in this version');
  }
  const number = /^cuda(?::(\d{1,3}))?$/.exec(asked);
  if (number === null) return refuse('');
  const { built, devices, reason } = surveyCuda(features);
  if (!built || devices.length === 0) {
    return refuse(`: ${reason ?? 'there is no CUDA device'}`, 'auto, cpu');
  }
  const index = Number(number[1] ?? 0);
  if (index < devices.length) return { device: `cuda:${index}`, refusal: null };
  const list = devices.map(({ name }, at) => `cuda:${at} (${name})`).join(', ');
  return refuse('', `auto, cpu, ${list}`);
}

/** Its name by the CUDA driver; the device as it is called here where there is none. */
export function nameDevice(device: string, features: () => HostFeatures): string {
  const index = /^cuda:(\d+)$/.exec(device)?.[1];
  return surveyCuda(features).devices[Number(index ?? -1)]?.name ?? device;
}

/** Where telemetry finds what the engine computes on; null where it computes nothing. */
export function locateDevice(
  target: EngineTarget | null,
  features: () => HostFeatures,
): 'cpu' | { readonly pciBusId: string } | null {
  if (target === null || target.device === 'cpu') return target === null ? null : 'cpu';
  const index = Number(target.device.slice('cuda:'.length));
  return { pciBusId: surveyCuda(features).devices[index]?.pciBusId ?? '' };
}

/** An engine that cannot be loaded has no devices; the run itself says why. */
function surveyCuda(features: () => HostFeatures): CudaSurvey {
  try {
    return features().cuda;
  } catch (error) {
    return { built: false, devices: [], reason: messageOf(error) };
  }
}

/** null where the run has no engine, or a fault was noted instead. */
export function chooseTarget(
  { sut, engine }: RunSettings,
  resolve: (device: string) => DeviceChoice,
  whereIs: (...path: string[]) => string,
  faults: Fault[],
): EngineTarget | null {
  // A GPU that was asked for by name is missed in every run; what `auto` is matters to the engine alone.
  if (sut !== 'native' && engine.device === 'auto') return null;
  const { device, refusal } = resolve(engine.device);
  if (refusal !== null) faults.push({ where: whereIs('engine', 'device'), message: refusal });
  if (sut !== 'native' || device === null) return null;
  if (device === 'cpu' && engine.profileSteps > 0) {
    const message = `engine.profile_steps is ${engine.profileSteps}, and the CPU engine has no kernels to profile; allowed: 0, or a GPU (--device cuda)`;
    faults.push({ where: whereIs('engine', 'profile_steps'), message });
  }
  return resolveTypes(engine, device, whereIs, faults);
}

/**
 * The types of the engine on the device; what the device has not is noted, with what it has. `auto` is int8 on a CPU and
 * fp16 on a GPU; of the KV cache it is fp16, or bf16 where the activations are.
 */
export function resolveTypes(
  engine: Pick<RunSettings['engine'], 'activations' | 'kvCache'>,
  device: DeviceName,
  whereIs: (...path: string[]) => string,
  faults: Fault[],
): EngineTarget {
  const kind = device === 'cpu' ? 'cpu' : 'cuda';
  const types = deviceTypes[kind];
  const check = (key: string, value: string, has: readonly string[]) => {
    if (value === 'auto' || has.includes(value)) return;
    const message = `engine.${key} is "${value}"; allowed on ${device}: auto, ${has.join(', ')}`;
    faults.push({ where: whereIs('engine', key), message });
  };
  check('activations', engine.activations, types.activationTypes);
  check('kv_cache', engine.kvCache, types.kvCacheTypes);
  const bestActivations = kind === 'cpu' ? 'int8' : 'fp16';
  const activationType = engine.activations === 'auto' ? bestActivations : engine.activations;
  const bestKvCache = activationType === 'bf16' ? 'bf16' : 'fp16';
  const kvCacheType = engine.kvCache === 'auto' ? bestKvCache : engine.kvCache;
  return { device, activationType, kvCacheType };
}
