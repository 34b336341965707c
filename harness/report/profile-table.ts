// What a person reads of profile.json: a line a kernel, the longest first, and the sum of a step.

import type { KernelProfile, KernelRow } from '../kernel-profile.js';
import { alignColumns } from './columns.js';

/** Without the last newline. */
export function formatProfile(profile: KernelProfile): string {
  const { gpu, firstStep, steps, totalMs, kernels } = profile;
  const header = ['kernel', 'a step', 'mean us', 'ms a step', 'share', 'GB/s', 'TFLOP/s'];
  const perStep = kernels.reduce((sum, row) => sum + row.perStep, 0);
  const sum = ['sum of a step', perStep.toFixed(1), '', (totalMs / steps).toFixed(3), percent(1)];
  const rows = [header, ...kernels.map((row) => formatRow(row, steps)), [...sum, '', '']];
  // The last column is set to the left: an empty one leaves the numbers to the right.
  const table = alignColumns(rows.map((row) => [...row, '']));
  return `Kernels of steps ${firstStep} to ${firstStep + steps - 1}, ${gpu}\n${table}`;
}

function formatRow(row: KernelRow, steps: number): string[] {
  const { name, perStep, meanUs, totalMs, share, gbs, tflops } = row;
  return [
    name,
    perStep.toFixed(1),
    meanUs.toFixed(2),
    (totalMs / steps).toFixed(3),
    percent(share),
    gbs === null ? '' : gbs.toFixed(0),
    tflops === null ? '' : tflops.toFixed(1),
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
