// What could the hardware do at most? Datasheet figures by the name that NVIDIA's driver gives a GPU; a GPU that is not
// listed, and a CPU, have none.

import type { System } from './environment.js';

export interface PeakRates {
  /** 10^9 bytes a second. */
  readonly bandwidthGBs: number | null;
  /** 10^12 operations a second, dense bf16 or fp16 with fp32 sums. */
  readonly tflops: number | null;
  /** Why either is null; null when neither is. */
  readonly absentBecause: string | null;
}

interface Datasheet {
  readonly name: RegExp;
  readonly bandwidthGBs: number;
  readonly tflops: number;
}

/**
 * Names are matched whole: other boards of a chip have other memory and clocks. TFLOP/s are without sparsity.
 * Sources, NVIDIA's datasheets: "H100 Tensor Core GPU" (SXM: 3.35 TB/s, 1979 sparse), "H200 Tensor Core GPU" (SXM: 4.8
 * TB/s, 1979 sparse), "A100 80GB" (SXM: 2039 GB/s, 312), "L40S" (864 GB/s, 362.05), and for the RTX 4090 the whitepaper
 * "Ada GPU Architecture", appendix A (1008 GB/s, 165.2 with fp32 sums).
 */
const datasheets: readonly Datasheet[] = [
  { name: /^NVIDIA H100 (80GB HBM3|SXM5?)$/, bandwidthGBs: 3350, tflops: 989 },
  { name: /^NVIDIA H200( SXM5?)?$/, bandwidthGBs: 4800, tflops: 989 },
  { name: /^NVIDIA A100-SXM4-80GB$/, bandwidthGBs: 2039, tflops: 312 },
  { name: /^NVIDIA L40S$/, bandwidthGBs: 864, tflops: 362 },
  { name: /^NVIDIA GeForce RTX 4090$/, bandwidthGBs: 1008, tflops: 165 },
];

/** The datasheet's rates of a GPU; nulls where it is not listed. */
export function findDatasheet(name: string): {
  readonly peakBandwidthGBs: number | null;
  readonly peakTflops: number | null;
} {
  const found = datasheets.find((sheet) => sheet.name.test(name));
  return {
    peakBandwidthGBs: found?.bandwidthGBs ?? null,
    peakTflops: found?.tflops ?? null,
  };
}

/** Of the devices that a system under test computes on, together. */
export function findPeakRates(
  devices: readonly string[],
  { gpus }: Pick<System, 'gpus'>,
): PeakRates {
  const refuse = (absentBecause: string) => ({ bandwidthGBs: null, tflops: null, absentBecause });
  const indices = devices.map((device) => /^cuda:(\d+)$/.exec(device)?.[1]);
  const [index] = indices;
  if (index === undefined || indices.includes(undefined)) {
    return refuse('the rates of a datasheet are known of GPUs only');
  }
  const names = new Set(gpus.map(({ name }) => name));
  // The CUDA driver and nvidia-smi may number GPUs differently.
  if (names.size > 1)
    return refuse('GPUs of several kinds are here: which one computed is not known');
  const gpu = gpus[Number(index)] ?? gpus[0];
  if (gpu === undefined) return refuse(`nvidia-smi does not list the GPU behind ${devices[0]}`);
  const { peakBandwidthGBs: bandwidthGBs, peakTflops: tflops } = gpu;
  if (bandwidthGBs === null || tflops === null) {
    return { bandwidthGBs, tflops, absentBecause: `the peak rates of ${gpu.name} are not listed` };
  }
  const count = devices.length;
  return { bandwidthGBs: count * bandwidthGBs, tflops: count * tflops, absentBecause: null };
}
