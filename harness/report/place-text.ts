// On what and when something was measured, in a line.

import type { MeasuredOn } from '../experiment/measured-on.js';

/** "2 x NVIDIA H100 80GB HBM3, 32 cores, 2026-11-27 20:23 UTC" in parts. */
export function describePlace({
  startedAt,
  system,
  devices,
}: Pick<MeasuredOn, 'startedAt' | 'system' | 'devices'>): string[] {
  const gpus = devices.filter((device) => device.startsWith('cuda')).length;
  const gpu = `${gpus > 1 ? `${gpus} \u00d7 ` : ''}${system.gpus[0]?.name ?? 'GPU'}`;
  const minute = startedAt.slice(0, 16).replace('T', ' ');
  return [gpus > 0 ? gpu : system.cpu, `${system.cores} cores`, `${minute} UTC`];
}
