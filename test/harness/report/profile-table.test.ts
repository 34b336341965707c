import { expect, it } from 'vitest';
import { buildProfile } from '../../../harness/kernel-profile.js';
import { formatProfile } from '../../../harness/report/profile-table.js';

it('prints a line a kernel, numbers to the right, and the sum of a step', () => {
  const times = [
    { name: 'gate_up: int4', count: 50, milliseconds: 3, bytes: 6e9, flops: 1.5e12 },
    { name: 'norm', count: 125, milliseconds: 1, bytes: 5e8, flops: 0 },
  ];
  const profile = { firstStep: 100, steps: 50, kernels: times };
  expect(formatProfile(buildProfile(profile, 'NVIDIA H200')!).split('\n')).toEqual([
    'Kernels of steps 100 to 149, NVIDIA H200',
    'kernel         a step  mean us  ms a step    share  GB/s  TFLOP/s',
    'gate_up: int4     1.0    60.00      0.060   75.0 %  2000    500.0',
    'norm              2.5     8.00      0.020   25.0 %   500',
    'sum of a step     3.5               0.080  100.0 %',
  ]);
});
