// What did a run have for a machine, and what did that machine do meanwhile? The facts of factor-definitions.ts that are of
// hardware, its driver, its limits and its clocks.

import type { RunRecord } from '../run-record.js';
import type { DeviceSummary } from '../telemetry/device-summary.js';
import type { FactorDefinition, FactorValue } from './factor-definitions.js';

/** A share. Speed is at most proportional to the clock: what is below explains no ratio that anybody acts on. */
const clockTolerance = 0.02;

export const machineFactors: readonly FactorDefinition[] = [
  { name: 'processor', kind: 'machine', of: ({ record }) => record.system.cpu },
  { name: 'cores', kind: 'machine', of: ({ record }) => record.system.cores },
  { name: 'GPUs used', kind: 'machine', of: ({ record }) => countGpus(record) },
  {
    name: 'kind of GPU',
    kind: 'machine',
    of: ({ record }) =>
      countGpus(record) ? listDistinct(record.system.gpus.map(({ name }) => name)) : 'none',
  },
  {
    name: 'GPU driver',
    kind: 'machine',
    of: ({ record }) =>
      countGpus(record) ? listDistinct(record.system.gpus.map(({ driver }) => driver)) : null,
    mayBeUntold: true,
  },
  {
    name: 'power limit, W',
    kind: 'machine',
    of: ({ record }) =>
      listDistinct(usedDevices(record).flatMap(({ powerLimitWatts }) => powerLimitWatts ?? [])),
    mayBeUntold: true,
  },
  {
    name: 'clock, MHz',
    kind: 'course',
    of: ({ record }) => meanClock(record),
    isAlike: areNear,
    mayBeUntold: true,
  },
];

function countGpus({ sut }: RunRecord): number | null {
  return sut?.devices.filter((device) => device.startsWith('cuda')).length ?? null;
}

function usedDevices({ telemetry }: RunRecord): DeviceSummary[] {
  return telemetry?.devices.filter(({ isUsed }) => isUsed) ?? [];
}

/** The mean over the pass and the devices that computed: a GPU's multiprocessors', else the processors'. */
function meanClock(record: RunRecord): number | null {
  const clocks = usedDevices(record).flatMap(
    ({ smClockMhz, clockMhz }) => (smClockMhz ?? clockMhz)?.mean ?? [],
  );
  if (clocks.length === 0) return null;
  return Math.round(clocks.reduce((sum, clock) => sum + clock, 0) / clocks.length);
}

function areNear(a: FactorValue, b: FactorValue): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  return Math.abs(a - b) <= clockTolerance * Math.max(a, b);
}

/** null of none. */
function listDistinct(values: readonly (string | number)[]): string | null {
  return values.length === 0 ? null : [...new Set(values)].join(', ');
}
