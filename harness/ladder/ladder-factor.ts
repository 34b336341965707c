// What differs between two configurations, as the steps from one to the other: settings that mean one thing move together.

import { isDeepStrictEqual } from 'node:util';
import { type RunConfig, readRunSettings } from '../config.js';
import type { WorkerTarget } from '../device.js';
import { type Fault, InputError } from '../errors.js';
import type { Override } from '../overrides.js';
import { scenarioSettings } from '../run-config.js';
import { quote, type Scalar, writtenName } from '../setting-fields.js';

export interface SettingChange {
  /** As `--set` names it. */
  readonly key: string;
  readonly from: Scalar;
  readonly to: Scalar;
}

export interface LadderFactor {
  readonly name: string;
  readonly changes: readonly SettingChange[];
}

/** Settings that make one step; any other setting of the engine is a step by its own key. */
const groups: Readonly<Record<string, readonly string[]>> = {
  weights: ['model', 'engine.weights'],
  batching: ['engine.max_batch'],
  'kv-cache': ['engine.kv_cache', 'engine.kv_cache_bytes', 'engine.page_tokens'],
  activations: ['engine.activations'],
  graphs: ['engine.cuda_graphs'],
  device: ['engine.device', 'engine.tensor_parallel'],
  system: ['sut'],
  script: ['scripted.script'],
};

/** Of a run's record, not of what is measured. */
const ignored: readonly string[] = ['name', 'mode', 'watchdog_s'];

/** Settings whose `auto` may come to what the other side names. */
const resolved: Readonly<Record<string, keyof WorkerTarget>> = {
  'engine.device': 'devices',
  'engine.kv_cache': 'kvCacheType',
  'engine.activations': 'activationType',
};

export interface Ends {
  readonly base: string;
  readonly optimized: string;
  /** Laid over both. */
  readonly overrides: readonly Override[];
  readonly root: string;
}

export interface FoundFactors {
  readonly factors: readonly LadderFactor[];
  /** Settings that are written differently and come to the same here. */
  readonly same: readonly SettingChange[];
}

/**
 * The factors in the order of the optimized file.
 * @param targets what the engine's settings come to on this machine, the base's first
 * @throws InputError with everything that would make the two measure different work, or where nothing differs.
 */
export function findFactors(
  { base, optimized, overrides, root }: Ends,
  targets: readonly [RunConfig, RunConfig],
): FoundFactors {
  const [from, to] = [base, optimized].map((file) => readRunSettings(file, overrides, root));
  const before = flatten(from!.settings);
  const after = flatten(to!.settings);
  const differing = inOrder([...after.keys()], to!.keys)
    .map((key): SettingChange => ({ key, from: before.get(key)!, to: after.get(key)! }))
    .filter((change) => change.from !== change.to && isUsed(change.key, to!.settings.scenario));
  const faults = differing.flatMap((change): Fault[] => {
    if (isOfSystem(change.key)) return [];
    const values = `${quote(change.from)} in ${base} and ${quote(change.to)} in ${optimized}`;
    const message = `${change.key} is ${values}; allowed: the same in both, since a ladder measures one work (--set ${change.key}=VALUE sets both)`;
    return [{ where: 'bench ladder', message }];
  });
  const same = differing.filter(({ key }) => comesToTheSame(key, targets));
  const factors = new Map<string, SettingChange[]>();
  for (const change of differing.filter((one) => !same.includes(one))) {
    const name = nameOf(change.key);
    factors.set(name, [...(factors.get(name) ?? []), change]);
  }
  if (faults.length === 0 && factors.size === 0) {
    const message = `${base} and ${optimized} come to the same settings; allowed: two that differ in the model or the engine`;
    faults.push({ where: 'bench ladder', message });
  }
  if (faults.length > 0) throw new InputError(faults);
  return { factors: [...factors].map(([name, changes]) => ({ name, changes })), same };
}

/**
 * The factors in this order, those that are not named behind them in their own.
 * @throws InputError for a name that is no factor, or is there twice.
 */
export function orderFactors(
  factors: readonly LadderFactor[],
  order: readonly string[],
): LadderFactor[] {
  const names = factors.map(({ name }) => name);
  const faults = order.flatMap((name, i): Fault[] => {
    const what = !names.includes(name)
      ? 'is no step between these two'
      : order.indexOf(name) < i
        ? 'is there twice'
        : null;
    if (what === null) return [];
    return [
      {
        where: '--order',
        message: `${quote(name)} ${what}; allowed: ${names.join(', ')}, each once`,
      },
    ];
  });
  if (faults.length > 0) throw new InputError(faults);
  const named = order.map((name) => factors.find((factor) => factor.name === name)!);
  return [...named, ...factors.filter(({ name }) => !order.includes(name))];
}

/** The factors as options. */
export function overridesOf(factors: readonly LadderFactor[]): Override[] {
  return factors.flatMap(({ changes }) =>
    changes.map(({ key, to }) => ({ path: key.split('.'), value: to, where: `--set ${key}` })),
  );
}

/** Every setting by its key. */
function flatten(settings: object, inside = ''): Map<string, Scalar> {
  const flat = new Map<string, Scalar>();
  for (const [name, value] of Object.entries(settings)) {
    const key = `${inside}${writtenName(name)}`;
    if (typeof value === 'object' && value !== null) {
      for (const [deeper, scalar] of flatten(value, `${key}.`)) flat.set(deeper, scalar);
    } else flat.set(key, value as Scalar);
  }
  return flat;
}

/** Those that a file writes first, in its order. */
function inOrder(keys: readonly string[], written: readonly string[]): string[] {
  const known = new Set(keys);
  return [...new Set([...written.filter((key) => known.has(key)), ...keys])];
}

/** A scenario that is not run may be set as one likes. */
function isUsed(key: string, scenario: keyof typeof scenarioSettings): boolean {
  const section = key.split('.')[0]!;
  const others = Object.entries(scenarioSettings).filter(([name]) => name !== scenario);
  return !ignored.includes(key) && !others.some(([, name]) => writtenName(name) === section);
}

function isOfSystem(key: string): boolean {
  return ['model', 'sut', 'engine', 'scripted', 'null_sut'].includes(key.split('.')[0]!);
}

function comesToTheSame(key: string, [base, optimized]: readonly [RunConfig, RunConfig]): boolean {
  const name = resolved[key];
  const [from, to] = [base.workers, optimized.workers];
  if (name === undefined || from === null || to === null) return false;
  const values = (workers: readonly WorkerTarget[]) => workers.map((worker) => worker[name]);
  return isDeepStrictEqual(values(from), values(to));
}

function nameOf(key: string): string {
  const group = Object.entries(groups).find(([, keys]) => keys.includes(key));
  return group?.[0] ?? key;
}
