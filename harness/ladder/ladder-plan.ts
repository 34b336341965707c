// Which runs does a ladder take? Rung 0 is the base, rung k the base with the first k factors, the last the optimized; each
// factor alone on the base besides. Every repeat makes all of them in turn, so that a machine's drift meets all alike.

import { join } from 'node:path';
import type { RunConfig } from '../config.js';
import { type Fault, InputError } from '../errors.js';
import { type PlannedRun, RunPlanner } from '../experiment/planned-run.js';
import { type Override, scenarioSection } from '../overrides.js';
import { findPackageRoot } from '../package-root.js';
import {
  findFactors,
  type LadderFactor,
  orderFactors,
  overridesOf,
  type SettingChange,
} from './ladder-factor.js';

export interface LadderRequest {
  readonly base: string;
  readonly optimized: string;
  /** Of the command line, laid over both. */
  readonly overrides: readonly Override[];
  /** Names of factors; empty: as the optimized file has them. */
  readonly order: readonly string[];
  readonly repeats: number;
  readonly alone: boolean;
  readonly output: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly command: readonly string[];
}

/** What lies between two rungs. */
export interface LadderStep extends LadderFactor {
  /** Why factors are one step: what the configuration between them was refused for; null where it is one factor. */
  readonly mergedBecause: string | null;
  /** Why the factor cannot be measured alone; null where it can, or need not since it is the first. */
  readonly notAloneBecause: string | null;
}

/** The repeats of one configuration. */
export interface PlannedSide {
  readonly label: string;
  readonly folder: string;
  readonly runs: readonly PlannedRun[];
}

export interface LadderPlan {
  readonly steps: readonly LadderStep[];
  readonly same: readonly SettingChange[];
  /** One more than steps. */
  readonly rungs: readonly PlannedSide[];
  /** By step; null where it is not measured alone. The first step's is its own rung. */
  readonly alone: readonly (PlannedSide | null)[];
  /** In the order in which they are made. */
  readonly runs: readonly PlannedRun[];
}

/**
 * Short runs of the same work do for ratios: without a least duration, Offline asks each sample once on every rung. The
 * options of `bench run` ask for longer ones. Of 4 steps and the whole at 99 % each, 5 repeats have intervals of 2.1 times the
 * scatter between repeats either way, 3 of 5.7 times, 2 of 45 times (Student's t).
 */
export const ladderDefaults = { samples: 200, minDurationS: 0, repeats: 5 } as const;

/** @throws InputError with what is wrong with either configuration, or with the two together. */
export async function planLadder(request: LadderRequest): Promise<LadderPlan> {
  const { base, optimized } = request;
  const planner = new RunPlanner();
  const [from, to] = await resolveEnds(planner, request);
  const overrides = [...shortenRuns(planner, from, to, request.overrides), ...request.overrides];
  const root = findPackageRoot().folder;
  const found = findFactors({ base, optimized, overrides, root }, [from, to]);
  const refuse = async (factors: readonly LadderFactor[]): Promise<string | null> => {
    try {
      await planner.resolve(base, [...overrides, ...overridesOf(factors)]);
      return null;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return error.faults.map(({ message }) => message).join('; ');
    }
  };
  const steps = await findSteps(orderFactors(found.factors, request.order), refuse);
  // A model or a dataset of random numbers is never scored.
  const isScored = ![from, to].some(
    ({ model, dataset }) => model.synthetic || dataset.startsWith('synthetic:'),
  );
  const planSide = async (label: string, factors: readonly LadderFactor[], scored: boolean) => {
    const folder = join(request.output, label);
    const runs: PlannedRun[] = [];
    for (let repeat = 1; repeat <= request.repeats; repeat++) {
      const mode = scored && repeat === 1 ? 'submission' : 'performance';
      const run = `run-${repeat}`;
      runs.push(
        await planner.plan({
          label: `${label}/${run}`,
          folder: join(folder, run),
          config: base,
          overrides: [
            ...overrides,
            ...overridesOf(factors),
            { path: ['mode'], value: mode, where: '--mode' },
            { path: ['name'], value: label, where: '--set name' },
          ],
        }),
      );
    }
    return { label, folder, runs };
  };
  const rungs: PlannedSide[] = [];
  for (let k = 0; k <= steps.length; k++) {
    rungs.push(await planSide(`rung-${k}`, steps.slice(0, k), isScored));
  }
  const alone: (PlannedSide | null)[] = [];
  for (const [k, step] of steps.entries()) {
    const isMeasured = request.alone && step.notAloneBecause === null;
    if (!isMeasured) alone.push(null);
    else alone.push(k === 0 ? rungs[1]! : await planSide(`alone-${k + 1}`, [step], false));
  }
  const sides = [...new Set([...rungs, ...alone.filter((side) => side !== null)])];
  const runs = Array.from({ length: request.repeats }, (_, i) =>
    sides.map((side) => side.runs[i]!),
  ).flat();
  return { steps, same: found.same, rungs, alone, runs };
}

/** @throws InputError with the faults of both. */
async function resolveEnds(
  planner: RunPlanner,
  { base, optimized, overrides }: LadderRequest,
): Promise<[RunConfig, RunConfig]> {
  const faults: Fault[] = [];
  const configs: RunConfig[] = [];
  for (const config of [base, optimized]) {
    try {
      configs.push(await planner.resolve(config, overrides));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      faults.push(...error.faults);
    }
  }
  const [from, to] = configs;
  if (from === undefined || to === undefined) throw new InputError(faults);
  return [from, to];
}

/** `ladderDefaults`, where neither a file nor an option asks for a number of samples, and no option for a duration. */
function shortenRuns(
  planner: RunPlanner,
  from: RunConfig,
  to: RunConfig,
  overrides: readonly Override[],
): Override[] {
  const short: Override[] = [];
  if (from.samples === null && to.samples === null) {
    const value = Math.min(ladderDefaults.samples, planner.datasetLength);
    short.push({ path: ['samples'], value, where: '--samples' });
  }
  const isAsked = overrides.some(({ path }) => path.at(-1) === 'min_duration_s');
  if (!isAsked) {
    const value = ladderDefaults.minDurationS;
    short.push({ path: [scenarioSection, 'min_duration_s'], value, where: '--min-duration' });
  }
  return short;
}

/**
 * Factors in their order. One that leads to a configuration which is refused moves together with the fewest later ones
 * that make it allowed.
 * @param refuse why the base with these factors is no configuration, or null
 * @throws InputError where no later factors do.
 */
export async function findSteps(
  factors: readonly LadderFactor[],
  refuse: (factors: readonly LadderFactor[]) => Promise<string | null>,
): Promise<LadderStep[]> {
  const steps: LadderStep[] = [];
  let waiting = factors;
  while (waiting.length > 0) {
    const [first, ...rest] = waiting;
    const mergedBecause = await refuse([...steps, first!]);
    let together: readonly LadderFactor[] = [];
    if (mergedBecause !== null) {
      const found = await findAsync(subsetsOf(rest), async (subset) => {
        return (await refuse([...steps, first!, ...subset])) === null;
      });
      if (found === undefined) {
        throw new InputError([{ where: 'bench ladder', message: mergedBecause }]);
      }
      together = found;
    }
    const moved = [first!, ...together];
    const step = {
      name: moved.map(({ name }) => name).join(' + '),
      changes: moved.flatMap(({ changes }) => changes),
    };
    const notAloneBecause = steps.length === 0 ? null : await refuse([step]);
    steps.push({ ...step, mergedBecause, notAloneBecause });
    waiting = rest.filter((factor) => !together.includes(factor));
  }
  return steps;
}

async function findAsync<T>(
  values: Iterable<T>,
  accept: (value: T) => Promise<boolean>,
): Promise<T | undefined> {
  for (const value of values) if (await accept(value)) return value;
  return undefined;
}

/** All but the empty one, the smallest first, those of early elements before others. */
function subsetsOf<T>(values: readonly T[]): T[][] {
  let all: T[][] = [[]];
  for (const value of values) all = all.concat(all.map((subset) => [...subset, value]));
  return all.slice(1).sort((a, b) => a.length - b.length);
}
