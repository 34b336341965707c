// How fast could a device generate with this model at most, and by which kernels? Pure arithmetic: every token reads the
// weights and the cached positions once, and memory gives no more than its rate.

import type { InspectedLinear, ModelInspection } from '../native/index.js';
import type { System } from './environment.js';

export interface DeviceLimit {
  readonly device: string;
  readonly name: string;
  /** Of its memory; null, as the rates that follow from it, where no datasheet is known. */
  readonly bandwidthGBs: number | null;
  readonly bandwidthFrom: 'measured now' | 'datasheet' | 'no known peak';
  /** Beside a measured bandwidth: the machine's load of the last minute, which took its share; null elsewhere. */
  readonly loadAverage1m: number | null;
  /** Read by a step of one sequence, without KV cache. */
  readonly weightBytesPerToken: number;
  readonly kvBytesPerToken: number;
  /** Of one sequence at no context, and at `contextTokens`; null beside faults. */
  readonly tokensPerSecond: number | null;
  readonly contextTokens: number;
  readonly tokensPerSecondAtContext: number | null;
  /** Whether weights and one sequence of `contextTokens` fit its memory. */
  readonly fits: boolean;
  /** Why the engine would not take the model there; null where it would, as far as is known. */
  readonly refusal: string | null;
  /** By what the engine holds a linear as: its kernel and why. */
  readonly kernels: readonly {
    readonly held: string;
    readonly kernel: string;
    readonly why: string;
  }[];
}

/** A usual length to state the second figure at. */
const usualContext = 4096;

export function findDeviceLimits(
  inspection: ModelInspection,
  { gpus, cpu, memoryBytes }: Pick<System, 'gpus' | 'cpu' | 'memoryBytes'>,
  cpuRead: { readonly gbs: number; readonly loadAverage1m: number | null },
): DeviceLimit[] {
  const onCpu = limitOf(inspection, inspection.weightBytesPerToken, cpuRead.gbs, memoryBytes);
  const limits: DeviceLimit[] = [
    {
      device: 'cpu',
      name: cpu,
      bandwidthFrom: 'measured now',
      loadAverage1m: cpuRead.loadAverage1m,
      refusal: null,
      kernels: listCpuKernels(inspection.linears),
      ...onCpu,
    },
  ];
  const gpuBytes = gpuBytesPerToken(inspection);
  for (const [index, gpu] of gpus.entries()) {
    limits.push({
      device: `cuda:${index}`,
      name: gpu.name,
      bandwidthFrom: gpu.peakBandwidthGBs === null ? 'no known peak' : 'datasheet',
      loadAverage1m: null,
      refusal: inspection.gpuRefusal,
      kernels: listGpuKernels(inspection.linears),
      ...limitOf(inspection, gpuBytes, gpu.peakBandwidthGBs, gpu.memoryBytes),
    });
  }
  return limits;
}

function limitOf(
  {
    faults,
    kvBytesPerToken16,
    maxPositions,
    weightBytes,
    weightBytesPerToken,
    windows,
  }: ModelInspection,
  bytesPerToken: number,
  bandwidthGBs: number | null,
  memoryBytes: number,
) {
  const contextTokens = Math.min(usualContext, maxPositions);
  const seen = windows.map((window) =>
    window === 0 ? contextTokens : Math.min(contextTokens, window),
  );
  const meanSeen = seen.reduce((sum, positions) => sum + positions, 0) / seen.length;
  const rate = (positions: number) =>
    // What is at fault has no bytes here, so that the sum lacks them.
    bandwidthGBs === null || faults.length > 0
      ? null
      : (bandwidthGBs * 1e9) / (bytesPerToken + positions * kvBytesPerToken16);
  const held = bytesPerToken + weightBytes - weightBytesPerToken;
  return {
    bandwidthGBs,
    weightBytesPerToken: bytesPerToken,
    kvBytesPerToken: kvBytesPerToken16,
    tokensPerSecond: rate(0),
    contextTokens,
    tokensPerSecondAtContext: rate(meanSeen),
    // Pages are freed behind the widest window.
    fits: held + Math.max(...seen) * kvBytesPerToken16 <= memoryBytes,
  };
}

function gpuBytesPerToken({ linears, weightBytesPerToken }: ModelInspection): number {
  return linears.reduce(
    (bytes, { heldBytes = 0, gpuHeldBytes = 0 }) => bytes + gpuHeldBytes - heldBytes,
    weightBytesPerToken,
  );
}

/** The first linear of each value of `key`, those at fault left out. */
function distinct(linears: readonly InspectedLinear[], key: 'held' | 'stored') {
  const seen = new Map<string, InspectedLinear>();
  for (const linear of linears) {
    const value = linear[key];
    if (value != null && !seen.has(value)) seen.set(value, linear);
  }
  return [...seen.values()];
}

function listCpuKernels(linears: readonly InspectedLinear[]): DeviceLimit['kernels'] {
  return distinct(linears, 'held').map(({ held, cpuKernel }) => ({
    held: held!,
    kernel: cpuKernel!,
    why: isInteger(held!)
      ? 'integer products with activations rounded to int8; engine.activations fp32 keeps them whole'
      : 'the widest instructions this CPU has; floats see fp32 activations',
  }));
}

/** On any GPU that the build has code for. */
export function listGpuKernels(linears: readonly InspectedLinear[]): DeviceLimit['kernels'] {
  const kinds = new Map<string, InspectedLinear[]>();
  for (const linear of linears) {
    if (linear.gpuHeld === undefined) continue;
    const kind = `${linear.gpuHeld} ${describeGpuKernels(linear.gpuKernels!)}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), linear]);
  }
  return [...kinds.values()].map((alike) => ({
    held: alike[0]!.gpuHeld!,
    kernel: describeGpuKernels(alike[0]!.gpuKernels!),
    why: explainGpuKernel(alike),
  }));
}

/** "int4_linear_few_rows; for more rows int4_linear_many_rows_mma on sm_80, int4_linear_many_rows_sm90 on sm_90a" */
function describeGpuKernels(kernels: NonNullable<InspectedLinear['gpuKernels']>): string {
  const name = (of: 'oneRow' | 'manyRows') => {
    const names = kernels.map((kernel) => kernel[of]);
    return new Set(names).size === 1
      ? names[0]!
      : kernels.map((kernel) => `${kernel[of]} on ${codeOf(kernel.architecture)}`).join(', ');
  };
  const [one, many] = [name('oneRow'), name('manyRows')];
  return one === many ? one : `${one}; for more rows ${many}`;
}

/** Hopper's own instructions need code for it alone. */
function codeOf(architecture: number): string {
  return architecture === 90 ? 'sm_90a' : `sm_${architecture}`;
}

/** @param linears that are held alike */
function explainGpuKernel(linears: readonly InspectedLinear[]): string {
  const { gpuHeld } = linears[0]!;
  if (gpuHeld === 'int4') {
    return 'few rows are bound by bytes, many by the tensor cores, which wgmma of compute capability 9.0 keeps busy';
  }
  if (gpuHeld === 'int8') return 'the one kernel that reads int8';
  const decoded = linears.filter(({ held }) => isInteger(held!));
  const formats = distinct(decoded, 'stored').map(({ stored }) => stored);
  const read =
    formats.length === 0 ? '' : `no kernel reads ${formats.join(' or ')}, decoded to fp16; `;
  return `without cuBLAS dense_linear_many_rows; ${read}floats are held in 16 bits`;
}

function isInteger(held: string): boolean {
  return held.startsWith('int');
}
