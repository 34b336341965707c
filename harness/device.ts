// On which devices does the engine compute, in how many workers, and with which types? Resolves `auto` and lists of devices,
// and says why this machine or a device cannot offer what was asked for.

import {
  type DeviceName,
  deviceTypes,
  type EngineOptions,
  type HostFeatures,
} from '../native/index.js';
import { refuseFaults } from './engine-fault.js';
import { type Fault, messageOf } from './errors.js';
import type { RunSettings } from './run-config.js';

/** Where a worker computes and with which types, `auto` resolved. Several devices compute its model together. */
export interface WorkerTarget extends Pick<EngineOptions, 'kvCacheType' | 'activationType'> {
  readonly devices: readonly DeviceName[];
}

/** A device as telemetry knows it. */
export type ComputePlace = 'cpu' | { readonly pciBusId: string };

export type DeviceChoice =
  | { readonly devices: readonly DeviceName[]; readonly refusal: null }
  | { readonly devices: null; readonly refusal: string };

type CudaSurvey = Pick<HostFeatures['cuda'], 'built' | 'reason'> & {
  readonly devices: readonly { readonly name: string; readonly pciBusId?: string }[];
};

const deviceForms =
  'auto, cpu, cuda, cuda:N, cuda:all, or several with commas between (cuda:0,1; cuda:0,cpu; cpu,cpu)';
const mostDevices = 64;

/**
 * `auto` is the first GPU where the engine can use one, else the CPU; `cuda` is cuda:0, `cuda:all` every GPU there is. In
 * a list a number alone goes on with GPUs. A GPU can be named once, `cpu` as often as there are to be workers on it.
 */
export function resolveDevices(asked: string, features: () => HostFeatures): DeviceChoice {
  const refuse = (reason: string, allowed = deviceForms): DeviceChoice => ({
    devices: null,
    refusal: `device is "${asked}"${reason}; allowed: ${allowed}`,
  });
  if (asked === 'auto') {
    const { built, devices } = surveyCuda(features);
    return { devices: [built && devices.length > 0 ? 'cuda:0' : 'cpu'], refusal: null };
  }
  const names = spellDevices(asked);
  if (names === null) return refuse('');
  if (names.length > mostDevices) {
    return refuse(`: ${names.length} devices`, `up to ${mostDevices}`);
  }
  if (names.every((name) => name === 'cpu'))
    return { devices: names.map(() => 'cpu'), refusal: null };
  const { built, devices: gpus, reason } = surveyCuda(features);
  if (!built || gpus.length === 0) {
    const why = reason ?? 'there is no CUDA device';
    return refuse(`: ${why}`, 'auto, cpu, or cpu several times (cpu,cpu)');
  }
  const known = gpus.map((_, index): DeviceName => `cuda:${index}`);
  const devices = names.flatMap((name) => (name === 'cuda:all' ? known : (name as DeviceName)));
  const unknown = devices.find((name) => name !== 'cpu' && !known.includes(name));
  if (unknown !== undefined) {
    const list = known.map((name, at) => `${name} (${gpus[at]!.name})`).join(', ');
    return refuse(`: there is no ${unknown}`, `auto, cpu, ${list}`);
  }
  const twice = devices.find((name, at) => name !== 'cpu' && devices.indexOf(name) < at);
  if (twice !== undefined) return refuse(`: ${twice} is there twice`, 'each GPU once');
  return { devices, refusal: null };
}

/** "cuda:0,1,cpu" -> cuda:0, cuda:1, cpu; null where a part is no device. */
function spellDevices(asked: string): string[] | null {
  const names: string[] = [];
  for (const part of asked.split(',').map((text) => text.trim())) {
    const isNumber = /^\d{1,3}$/.test(part) && names.at(-1)?.startsWith('cuda:') === true;
    const written = part === 'cuda' ? 'cuda:0' : isNumber ? `cuda:${part}` : part;
    if (!/^(cpu|cuda:(\d{1,3}|all))$/.test(written)) return null;
    names.push(written.replace(/^cuda:0+(?=\d)/, 'cuda:'));
  }
  return names;
}

export type WorkerGroups =
  | { readonly groups: readonly (readonly DeviceName[])[]; readonly refusal: null }
  | { readonly groups: null; readonly refusal: string };

/** One group a worker: so many devices that stand together in the list. */
export function groupDevices(devices: readonly DeviceName[], perWorker: number): WorkerGroups {
  const refuse = (reason: string): WorkerGroups => ({
    groups: null,
    refusal: `engine.tensor_parallel is ${perWorker}${reason}`,
  });
  if (devices.length % perWorker !== 0) {
    const divisors = devices.map((_, at) => at + 1).filter((n) => devices.length % n === 0);
    const count = devices.length === 1 ? '1 device is' : `${devices.length} devices are`;
    return refuse(
      `, and ${count} named (${devices.join(', ')}); allowed: ${divisors.join(', ')}, or more devices (--device ${adviseDevices(devices, perWorker)})`,
    );
  }
  const groups = devices.flatMap((_, at) =>
    at % perWorker === 0 ? [devices.slice(at, at + perWorker)] : [],
  );
  const mixed = groups.find((group) => group.includes('cpu') && group.some((one) => one !== 'cpu'));
  if (mixed !== undefined) {
    return refuse(
      `, and ${mixed.join(', ')} cannot compute a model together; allowed: devices of one kind`,
    );
  }
  return { groups, refusal: null };
}

/** A list that one worker of so many devices can be made of. */
function adviseDevices(devices: readonly DeviceName[], perWorker: number): string {
  if (devices.some((device) => device !== 'cpu')) return 'cuda:all';
  const most = 4;
  const names = Array(Math.min(perWorker, most)).fill('cpu').join(',');
  return perWorker <= most ? names : `${names},..., ${perWorker} times`;
}

/** Its name by the CUDA driver; the device as it is called here where there is none. */
export function nameDevice(device: string, features: () => HostFeatures): string {
  const index = /^cuda:(\d+)$/.exec(device)?.[1];
  return surveyCuda(features).devices[Number(index ?? -1)]?.name ?? device;
}

/** Where telemetry finds what the engine computes on; empty where it computes nothing. */
export function locateDevices(
  workers: readonly WorkerTarget[] | null,
  features: () => HostFeatures,
): ComputePlace[] {
  const devices = new Set((workers ?? []).flatMap((worker) => worker.devices));
  return [...devices].map((device) => {
    if (device === 'cpu') return 'cpu';
    const index = Number(device.slice('cuda:'.length));
    return { pciBusId: surveyCuda(features).devices[index]?.pciBusId ?? '' };
  });
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
export function chooseWorkers(
  { sut, engine, scenario }: Pick<RunSettings, 'sut' | 'engine' | 'scenario'>,
  resolve: (device: string) => DeviceChoice,
  whereIs: (...path: string[]) => string,
  faults: Fault[],
): readonly WorkerTarget[] | null {
  // Devices that were asked for by name or number are missed in every run; what `auto` is matters to the engine alone.
  const isAsked = engine.device !== 'auto' || engine.tensorParallel > 1;
  if (sut !== 'native' && !isAsked) return null;
  // What stands for a device that was refused is none that was asked for.
  if (faults.some(({ message }) => message.startsWith('engine.device '))) return null;
  const { devices, refusal } = resolve(engine.device);
  if (refusal !== null) faults.push({ where: whereIs('engine', 'device'), message: refusal });
  if (devices === null) return null;
  const { groups, refusal: odd } = groupDevices(devices, engine.tensorParallel);
  if (groups === null) {
    faults.push({ where: whereIs('engine', 'tensor_parallel'), message: odd });
    return null;
  }
  if (sut !== 'native') return null;
  if (devices[0] === 'cpu' && engine.profileSteps > 0) {
    const message = `engine.profile_steps is ${engine.profileSteps}, and the CPU engine has no kernels to profile; allowed: 0, or a GPU (--device cuda)`;
    faults.push({ where: whereIs('engine', 'profile_steps'), message });
  }
  if (devices.every((device) => device === 'cpu') && !engine.cudaGraphs) {
    const message =
      'engine.cuda_graphs is false, and the CPU engine has no CUDA graphs; allowed: true, or a GPU (--device cuda)';
    faults.push({ where: whereIs('engine', 'cuda_graphs'), message });
  }
  const unable = engine.fault === null ? null : refuseFaults(engine.fault, groups, scenario);
  if (unable !== null) faults.push({ where: whereIs('engine', 'fault'), message: unable });
  return resolveTypes(engine, groups, whereIs, faults);
}

/**
 * The types of each worker on its devices; what a device has not is noted, with what it has. `auto` is int8 on a CPU and
 * fp16 on a GPU; of the KV cache it is fp16, or bf16 where the activations are.
 */
export function resolveTypes(
  engine: Pick<RunSettings['engine'], 'activations' | 'kvCache'>,
  groups: readonly (readonly DeviceName[])[],
  whereIs: (...path: string[]) => string,
  faults: Fault[],
): readonly WorkerTarget[] {
  const told = new Set<string>();
  return groups.map((devices) => {
    const kind = devices[0] === 'cpu' ? 'cpu' : 'cuda';
    const types = deviceTypes[kind];
    const check = (key: string, value: string, has: readonly string[]) => {
      if (value === 'auto' || has.includes(value) || told.has(`${kind} ${key}`)) return;
      // Devices of a kind have the same types: one of them speaks for all.
      told.add(`${kind} ${key}`);
      const message = `engine.${key} is "${value}"; allowed on ${devices[0]}: auto, ${has.join(', ')}`;
      faults.push({ where: whereIs('engine', key), message });
    };
    check('activations', engine.activations, types.activationTypes);
    check('kv_cache', engine.kvCache, types.kvCacheTypes);
    const bestActivations = kind === 'cpu' ? 'int8' : 'fp16';
    const activationType = engine.activations === 'auto' ? bestActivations : engine.activations;
    const bestKvCache = activationType === 'bf16' ? 'bf16' : 'fp16';
    const kvCacheType = engine.kvCache === 'auto' ? bestKvCache : engine.kvCache;
    return { devices, activationType, kvCacheType };
  });
}
