// What is different where weights or prompts are random? Such a run measures speed and is never scored: names its models,
// and refuses what would make an answer count.

import { isSyntheticName, syntheticForms } from '../datasets/index.js';
import type { ModelConfig } from './config.js';
import type { Fault } from './errors.js';
import { suggestName } from './name-suggestion.js';
import { findWhere } from './overrides.js';
import type { DatasetFacts } from './run-check.js';
import { modelFields, type RunSettings } from './run-config.js';
import { quote, type Setting } from './setting-fields.js';

/** The engine knows their dimensions; `tiny` is small enough for tests on a CPU. */
export const syntheticShapes = [
  'llama-1b',
  'llama-2-7b',
  'llama-3-8b',
  'aquila2-34b',
  'llama-2-70b',
  'tiny',
] as const;

const prefix = 'synthetic';
const largestSeed = 2n ** 64n - 1n;
const speedModes: readonly string[] = ['performance', 'find-peak'];

export function isSyntheticModel(name: string): boolean {
  return name === prefix || name.startsWith(`${prefix}:`);
}

/** `synthetic:<shape>[:seed]`; null when a fault was noted instead. */
export function readSyntheticModel(
  given: string,
  where: string,
  faults: Fault[],
): ModelConfig | null {
  const [, shape = '', seed = '1', ...rest] = given.split(':');
  const known = syntheticShapes.some((name) => name === shape);
  const hasSeed = /^\d{1,20}$/.test(seed) && BigInt(seed) <= largestSeed;
  if (!known || !hasSeed || rest.length > 0) {
    const names = syntheticShapes.map((name) => `${prefix}:${name}`);
    const hint = known ? '' : suggestName(`${prefix}:${shape}`, names);
    const message = `model is ${quote(given)}; allowed: ${names.join(', ')}, each also with :<seed> from 0 to ${largestSeed}${hint}`;
    faults.push({ where, message });
    return null;
  }
  const defaults = modelFields.check(undefined, '', faults);
  const path = `${prefix}:${shape}:${BigInt(seed)}`;
  const name = `${prefix}:${shape}`;
  return Object.freeze({ ...defaults, name, path, folder: path, synthetic: true });
}

/**
 * Who asks for random weights or prompts asks for speed: the mode is performance where nobody wrote one, and where a
 * file wrote one that did not know of them, since they came with an option.
 */
export function implyMode(settings: Setting): Setting {
  if (settings.kind !== 'section') return settings;
  const isOption = (where: string | undefined) => where?.startsWith('--') === true;
  const places = [
    placeOf(settings, 'model', isSyntheticModel),
    placeOf(settings, 'dataset', isSyntheticName),
  ];
  const where = places.find(isOption) ?? places.find((place) => place !== undefined);
  if (where === undefined) return settings;
  const written = findWhere(settings, ['mode']);
  if (written !== undefined && (isOption(written) || !isOption(where))) return settings;
  settings.entries.set('mode', {
    setting: { kind: 'value', value: 'performance', where },
    where,
  });
  return settings;
}

/** Where a setting stands whose value is a synthetic name. */
function placeOf(
  settings: Setting & { readonly kind: 'section' },
  name: string,
  isSynthetic: (value: string) => boolean,
): string | undefined {
  const setting = settings.entries.get(name)?.setting;
  if (setting?.kind !== 'value' || typeof setting.value !== 'string') return undefined;
  return isSynthetic(setting.value) ? setting.where : undefined;
}

/** What does not go together with random weights or prompts; `dataset` is null when it could not be opened. */
export function findSyntheticFaults(
  run: RunSettings,
  dataset: DatasetFacts | null,
  whereIs: (...path: string[]) => string,
): Fault[] {
  const faults: Fault[] = [];
  const isModel = isSyntheticModel(run.model);
  if (!isModel && !isSyntheticName(run.dataset)) return faults;
  if (!isSyntheticName(run.dataset)) {
    const message = `model ${quote(run.model)} has random weights and no tokenizer, and is never scored; dataset is ${quote(run.dataset)}; allowed with it: ${syntheticForms}`;
    faults.push({ where: whereIs('model'), message });
  }
  const why = isModel
    ? `${run.model} has random weights and is never scored`
    : `${run.dataset} has random prompts and no right answers, and is never scored`;
  if (!speedModes.includes(run.mode)) {
    const message = `mode is ${run.mode}, and ${why}; allowed: ${speedModes.join(', ')}`;
    faults.push({ where: whereIs('mode'), message });
  }
  if (run.mlperf.audit !== 'none') {
    const message = `mlperf.audit is ${run.mlperf.audit}, and ${why}; allowed: none`;
    faults.push({ where: whereIs('mlperf', 'audit'), message });
  }
  if (dataset?.synthetic !== undefined) faults.push(...findLengthFaults(run, dataset, whereIs));
  return faults;
}

/** Settings of lengths, where the rows have lengths of their own. */
function findLengthFaults(
  { generation, engine, samples, dataset: name }: RunSettings,
  dataset: DatasetFacts,
  whereIs: (...path: string[]) => string,
): Fault[] {
  const faults: Fault[] = [];
  const { maxNewTokens, minNewTokens } = generation;
  for (const [key, value] of Object.entries({
    max_new_tokens: maxNewTokens,
    min_new_tokens: minNewTokens,
  })) {
    if (value === null) continue;
    const message = `generation.${key} is ${value}, and each row of ${name} has its own length; allowed: null`;
    faults.push({ where: whereIs('generation', key), message });
  }
  const longest = dataset.synthetic?.longestSequence(samples ?? dataset.length) ?? 0;
  const { maxSequenceTokens } = engine;
  if (maxSequenceTokens !== null && maxSequenceTokens < longest) {
    const message = `engine.max_sequence_tokens is ${maxSequenceTokens}; allowed with ${name}: at least ${longest}, its longest prompt and answer, or null`;
    faults.push({ where: whereIs('engine', 'max_sequence_tokens'), message });
  }
  return faults;
}
