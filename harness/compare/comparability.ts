// May two sides' speeds be set against each other? Only where the same was asked of the same machine, or where the machine
// is all that differs; otherwise what differs is told, and the call that would make it comparable.

import { commandLike } from './comparable-command.js';
import { graphsOff } from './factor-definitions.js';
import { type Factor, isUntold } from './factors.js';
import type { Impossibility } from './impossible-figures.js';
import type { ComparedRun } from './side.js';

export interface Comparability {
  /** Whether ratios of speed mean anything. */
  readonly speed: boolean;
  /** Whether scores can be set against each other, item by item. */
  readonly quality: boolean;
  /** Why not, one fact each; empty where both can. */
  readonly reasons: readonly string[];
  /** What a reader should know of a comparison that is made; absent in comparisons of earlier versions. */
  readonly remarks?: readonly string[];
  /** A call of `bench` that would make the candidate comparable; null where none is needed, or no option would. */
  readonly command: readonly string[] | null;
}

/** Which rows were asked and how often does not matter to scores of the rows that both have. */
const speedOnly: readonly string[] = [
  'scenario',
  'clock',
  'samples',
  'samples loaded at once',
  'prompt tokens',
  'seed of the sample order',
  'seed of the loaded set',
  'seed of the schedule',
  'queries/s asked for',
  'samples a query',
  'queries in flight',
];

/** `factors` of the two runs alone, the baseline's value first. */
export function judgeComparability(
  factors: readonly Factor[],
  baseline: ComparedRun,
  candidate: ComparedRun,
  impossible: readonly Impossibility[],
): Comparability {
  const differing = factors.filter(({ isSame }) => !isSame);
  const asked = differing.filter(({ kind }) => kind === 'workload');
  const workload = asked.filter((factor) => !isUntold(factor));
  const remarks = [
    ...asked
      .filter(isUntold)
      .map((factor) => `${describe(factor)}: whether the same was asked cannot be told`),
    ...differing
      .filter((factor) => factor.kind === 'course' && !isUntold(factor))
      .map((factor) => `${describe(factor)}: as much of a ratio may be of that`),
  ];
  const machine = differing.filter((factor) => factor.kind === 'machine' && !isUntold(factor));
  const configuration = differing.filter(
    (factor) => factor.kind === 'configuration' && !followsMachine(factor),
  );
  const reasons = workload.map((factor) => `${describe(factor)}: not the same was asked`);
  const isMixed = machine.length > 0 && configuration.length > 0;
  if (isMixed) {
    const all = [...machine, ...configuration].map(describe).join('; ');
    reasons.push(
      `machine and configuration changed at once (${all}): the ratio would be of no single cause; comparable would be runs of which only one of the two changed`,
    );
  }
  const invalid = [baseline, candidate].filter(({ record }) => !record.valid);
  for (const { record } of invalid) {
    reasons.push(
      `${record.name} is INVALID: ${record.invalidReasons.join('; ') || 'no reason is told'}`,
    );
  }
  // A call that asks the same would be refused for these still.
  const isRefused = invalid.length > 0 || impossible.length > 0;
  const quality = workload.every(({ name }) => speedOnly.includes(name));
  // The machine stays what it is: beside another one the configuration is made the same.
  const names = [...workload, ...(isMixed ? configuration : [])].map(({ name }) => name);
  return {
    speed: reasons.length === 0 && impossible.length === 0,
    quality,
    reasons,
    remarks,
    command: names.length === 0 || isRefused ? null : commandLike(candidate, baseline, names),
  };
}

/** A GPU has kernels, devices and types of its own, and more GPUs more workers: they are no second change beside it. */
function followsMachine({ name, values }: Factor): boolean {
  const following = ['kernels', 'device', 'workers', 'tensor parallel'];
  // Graphs that were turned off are no GPU's doing.
  if (name === 'CUDA graphs') return !values.includes(graphsOff) || values.includes(null);
  return [...following, 'threads', 'instruction set'].includes(name);
}

export function describe({ name, values }: Pick<Factor, 'name' | 'values'>): string {
  return `${name}: ${values.map((value) => value ?? 'unknown').join(' against ')}`;
}
