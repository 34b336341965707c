// Can this machine offer the device that was asked for? `auto` is the best there is, which in this version is the CPU.

import { spawnSync } from 'node:child_process';

const deviceForms = 'auto, cpu';

/** A sentence with the reason, or null when the device is there. */
export function refuseDevice(device: string): string | null {
  if (device === 'auto' || device === 'cpu') return null;
  if (/^cuda(:\d+(,\d+)*)?$/.test(device)) {
    return `device is "${device}": ${explainNoCuda()}; allowed: ${deviceForms}`;
  }
  return `device is "${device}"; allowed: ${deviceForms}`;
}

function explainNoCuda(): string {
  const here = 'the engine of this version computes on the CPU only';
  const survey = spawnSync('nvidia-smi', ['-L'], { encoding: 'utf8', timeout: 10_000 });
  if (survey.error !== undefined) {
    return `this machine has no NVIDIA driver (nvidia-smi was not found), and ${here}`;
  }
  const gpus = survey.stdout.split('\n').filter((line) => line.startsWith('GPU ')).length;
  if (survey.status !== 0 || gpus === 0) return `nvidia-smi finds no GPU, and ${here}`;
  return `there are ${gpus} GPUs here, but ${here}`;
}
