import { describe, expect, it } from 'vitest';
import type { Gpu } from '../../harness/environment.js';
import { findDatasheet, findPeakRates } from '../../harness/peak-rates.js';

function gpu(name: string): Gpu {
  return { name, memoryBytes: 80 * 2 ** 30, driver: '570.1', ...findDatasheet(name) };
}

describe('findDatasheet', () => {
  it.each([
    ['NVIDIA H100 80GB HBM3', 3350, 989],
    ['NVIDIA H200', 4800, 989],
    ['NVIDIA A100-SXM4-80GB', 2039, 312],
    ['NVIDIA L40S', 864, 362],
    ['NVIDIA GeForce RTX 4090', 1008, 165],
  ])('knows %s', (name, peakBandwidthGBs, peakTflops) => {
    expect(findDatasheet(name)).toEqual({ peakBandwidthGBs, peakTflops });
  });

  it.each(['NVIDIA H100 PCIe', 'NVIDIA H200 NVL', 'NVIDIA A100-SXM4-40GB', 'NVIDIA L40', ''])(
    'does not take %s for its neighbour',
    (name) => {
      expect(findDatasheet(name)).toEqual({ peakBandwidthGBs: null, peakTflops: null });
    },
  );
});

describe('findPeakRates', () => {
  const h100 = gpu('NVIDIA H100 80GB HBM3');

  it('takes the GPU that computes, by whatever number where all are alike', () => {
    const found = { bandwidthGBs: 3350, tflops: 989, absentBecause: null };
    expect(findPeakRates(['cuda:1'], { gpus: [h100, h100] })).toEqual(found);
    expect(findPeakRates(['cuda:3'], { gpus: [h100] })).toEqual(found);
    const both = { bandwidthGBs: 6700, tflops: 1978, absentBecause: null };
    expect(findPeakRates(['cuda:0', 'cuda:1'], { gpus: [h100, h100] })).toEqual(both);
  });

  it.each([
    [['cpu'], [h100], /known of GPUs only/],
    [[], [], /known of GPUs only/],
    [['cuda:0', 'cpu'], [h100], /known of GPUs only/],
    [['cuda:0'], [], /nvidia-smi does not list the GPU behind cuda:0/],
    [['cuda:0'], [h100, gpu('NVIDIA L40S')], /several kinds/],
    [['cuda:0'], [gpu('NVIDIA H100 PCIe')], /of NVIDIA H100 PCIe are not listed/],
  ])('says why it knows none: %j %#', (devices, gpus, reason) => {
    const { bandwidthGBs, tflops, absentBecause } = findPeakRates(devices, { gpus });
    expect([bandwidthGBs, tflops]).toEqual([null, null]);
    expect(absentBecause).toMatch(reason);
  });
});
