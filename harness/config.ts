// Which run was asked for? Reads the run's and the model's YAML, lays the options of the command line over them and
// checks everything before anything starts: every fault at once, each with its file, line and column.
// Which values are allowed stands in run-config.ts. The only file that knows the YAML library.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { findCacheFolder } from './cache-folder.js';
import { findConfFaults } from './conf-check.js';
import { type ConfFiles, readConfFiles } from './conf-files.js';
import { findConfWarnings } from './conf-warnings.js';
import {
  findRunFile,
  findScriptFile,
  isFile,
  listNames,
  readText,
  shorten,
} from './config-files.js';
import { chooseWorkers, type DeviceChoice, type WorkerTarget } from './device.js';
import { type Fault, InputError, messageOf } from './errors.js';
import { suggestPull } from './hub/hub-name.js';
import { type RunSeeds, resolveSeeds } from './mlperf-config.js';
import { suggestName } from './name-suggestion.js';
import { applyOverrides, findWhere, type Override } from './overrides.js';
import { findPromptFaults } from './prompt-writer.js';
import {
  type DatasetFacts,
  findFollowFaults,
  findModeFaults,
  findSampleFaults,
} from './run-check.js';
import {
  type ModelSettings,
  modelFields,
  type RunSettings,
  refuseLengths,
  refuseSize,
  runFields,
} from './run-config.js';
import { findScriptFaults, type Script, scriptFields } from './script-config.js';
import { type Entry, quote, type Scalar, type Setting } from './setting-fields.js';
import {
  findSyntheticFaults,
  implyMode,
  isSyntheticModel,
  readSyntheticModel,
} from './synthetic-run.js';

/** A model's settings with its folder made absolute. */
export interface ModelConfig extends ModelSettings {
  /** Random weights in a known shape: `folder` is then no folder, but what the engine makes them from. */
  readonly synthetic: boolean;
  readonly folder: string;
}

/** Everything a run needs to know, checked and frozen. */
export interface RunConfig extends Omit<RunSettings, 'model' | 'seeds'> {
  readonly file: string;
  readonly model: ModelConfig;
  readonly seeds: RunSeeds;
  /** MLPerf's own files; null where none was asked for. */
  readonly confFiles: ConfFiles | null;
  /** What sut scripted follows; null for the others. */
  readonly script: Script | null;
  /** Where the native engine's workers compute; null for the others. */
  readonly workers: readonly WorkerTarget[] | null;
}

/** What configuration cannot know by itself. */
export interface ConfigContext {
  /** The package: configs/ lies in it. */
  readonly root: string;
  /** The test samples of a dataset; null when a fault was noted instead. */
  readonly openDataset: (
    name: string,
    fields: RunSettings['datasetFields'],
    where: string,
    faults: Fault[],
  ) => Promise<DatasetFacts | null>;
  /** The devices that the setting stands for, or why this machine cannot offer them. */
  readonly resolveDevices: (asked: string) => DeviceChoice;
  /** What was wrong already on the command line. */
  readonly faults: readonly Fault[];
  /** Told of what keeps no run from starting. */
  readonly onWarning?: (warning: Fault) => void;
}

/**
 * Reads and checks a run configuration.
 * @throws InputError with every fault found.
 */
export async function loadRunConfig(
  nameOrFile: string,
  overrides: readonly Override[],
  context: ConfigContext,
): Promise<RunConfig> {
  const faults: Fault[] = [...context.faults];
  const { file, text } = readRunFile(nameOrFile, context);
  const written = parseSettings(text, shorten(file), faults);
  const settings = implyMode(applyOverrides(written, overrides, faults));
  const run = runFields.check(settings, '', faults);
  const whereIs = (...path: string[]) => findWhere(settings, path) ?? shorten(file);
  const asked = [run.dataset, run.datasetFields, whereIs('dataset'), faults] as const;
  const dataset = await context.openDataset(...asked);
  if (dataset !== null) {
    faults.push(...findSampleFaults(run, dataset, whereIs));
    faults.push(...findPromptFaults(run, dataset, whereIs));
  }
  faults.push(...findModeFaults(run, whereIs));
  faults.push(...findSyntheticFaults(run, dataset, whereIs));
  const workers = chooseWorkers(run, context.resolveDevices, whereIs, faults);
  const sizeRefusal = faults.length === 0 ? refuseSize(run) : null;
  if (sizeRefusal !== null) faults.push({ where: shorten(file), message: sizeRefusal });
  const needsCheckpoint = run.sut === 'native';
  const model = isSyntheticModel(run.model)
    ? readSyntheticModel(run.model, whereIs('model'), faults)
    : loadModel(run.model, whereIs('model'), needsCheckpoint, context.root, faults);
  if (model !== null) {
    const refusal = refuseLengths(run, model);
    if (refusal !== null) faults.push({ where: whereIs('generation'), message: refusal });
  }
  const script = readScript(run, context.root, whereIs, faults);
  if (script !== null && dataset !== null && model !== null) {
    faults.push(...findFollowFaults(run, script, dataset, model.folder, whereIs));
  }
  const name = model?.name ?? run.model;
  const confFiles = readConfFiles(run.mlperf, name, context.root, whereIs, faults);
  if (faults.length > 0 || model === null || dataset === null) {
    throw new InputError(withoutRepeats(faults));
  }
  const seeds = resolveSeeds(run.seeds);
  const config = Object.freeze({ ...run, file, model, seeds, confFiles, script, workers });
  const confFaults = findConfFaults(config, run.samples ?? dataset.length, whereIs);
  if (confFaults.length > 0) throw new InputError(confFaults);
  const around = { mode: run.mode, namedModel: run.mlperf.model, whereIs };
  for (const warning of findConfWarnings(confFiles, around)) context.onWarning?.(warning);
  return config;
}

/** The settings of a run as they are written, each in its range; whether they go together is `loadRunConfig`'s to say. */
export interface WrittenRun {
  readonly settings: RunSettings;
  /** Every setting that the file or an option has, as `--set` names it, in the order of the file. */
  readonly keys: readonly string[];
}

/** @throws InputError with every fault of the file and of single settings. */
export function readRunSettings(
  nameOrFile: string,
  overrides: readonly Override[],
  root: string,
): WrittenRun {
  const faults: Fault[] = [];
  const file = findRunFile(nameOrFile, root);
  const written = parseSettings(readText(file, '--config'), shorten(file), faults);
  const laid = applyOverrides(written, overrides, faults);
  const settings = runFields.check(laid, '', faults);
  if (faults.length > 0) throw new InputError(withoutRepeats(faults));
  return { settings, keys: listKeys(laid, '') };
}

function listKeys(setting: Setting, key: string): string[] {
  if (setting.kind !== 'section') return [key];
  const inside = [...setting.entries];
  return inside.flatMap(([name, entry]) =>
    listKeys(entry.setting, key === '' ? name : `${key}.${name}`),
  );
}

/** @throws InputError when there is no such file, together with what the command line had wrong. */
function readRunFile(
  nameOrFile: string,
  context: ConfigContext,
): { readonly file: string; readonly text: string } {
  try {
    const file = findRunFile(nameOrFile, context.root);
    return { file, text: readText(file, '--config') };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError([...context.faults, ...error.faults]);
  }
}

/** The script that the run follows; null where it follows none, or a fault was noted. */
function readScript(
  { sut, scripted }: RunSettings,
  root: string,
  whereIs: (...path: string[]) => string,
  faults: Fault[],
): Script | null {
  if (sut !== 'scripted' || scripted.script === null) return null;
  const where = whereIs('scripted', 'script');
  try {
    const file = findScriptFile(scripted.script, where, root);
    const text = readText(file, where);
    const settings = parseSettings(text, shorten(file), faults);
    const script = scriptFields.check(settings, '', faults);
    const isIn = (...path: string[]) => findWhere(settings, path) ?? shorten(file);
    const isWritten = (...path: string[]) => findWhere(settings, path) !== undefined;
    faults.push(...findScriptFaults(script, isIn, isWritten));
    const sha256 = createHash('sha256').update(text).digest('hex');
    return Object.freeze({ ...script, file: shorten(file), sha256 });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    faults.push(...error.faults);
    return null;
  }
}

/** A configuration's text as settings with their places; faults of the YAML itself are noted. */
export function parseSettings(text: string, file: string, faults: Fault[]): Setting {
  const nothing: Setting = { kind: 'value', value: null, where: file };
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      intAsBigInt: true,
      prettyErrors: false,
      // 'silent' would also keep back that there is a second document.
      logLevel: 'error',
      schema: 'core',
    });
    const at = (offset: number) => {
      const { line, col } = lines.linePos(offset);
      return `${file}:${line}:${col}`;
    };
    for (const error of document.errors) {
      const what =
        error.code === 'MULTIPLE_DOCS' ? 'a second document; allowed: one' : error.message;
      faults.push({ where: at(error.pos[0]), message: `not YAML: ${what}` });
    }
    if (document.errors.length > 0 || document.contents === null) return nothing;
    return readNode(document.contents, at, faults) ?? nothing;
  } catch (error) {
    // The library recurses: thousands of nested brackets end in a RangeError.
    faults.push({ where: file, message: `not a configuration: ${messageOf(error)}` });
    return nothing;
  }
}

/** A value as typed after `--set key=`: numbers, true, false and null are what they would be in YAML. */
export function parseScalar(text: string): Scalar {
  // An option given nothing (an empty shell variable) is not the null that stands for a default.
  if (text.trim() === '') return text;
  const setting = parseSettings(text, '', []);
  return setting.kind === 'value' ? setting.value : text;
}

/** null when a fault was noted instead. */
function readNode(node: Node, at: (offset: number) => string, faults: Fault[]): Setting | null {
  const where = at(node.range?.[0] ?? 0);
  if (isMap(node)) return readMap(node.items, where, at, faults);
  if (isSeq(node)) {
    const items = node.items.flatMap((item) => readNode(item as Node, at, faults) ?? []);
    return { kind: 'list', items, where };
  }
  if (isScalar(node) && isPlain(node.value)) return { kind: 'value', value: node.value, where };
  faults.push({ where, message: 'anchors, aliases and tags are not allowed' });
  return null;
}

function readMap(
  pairs: readonly { readonly key: unknown; readonly value: unknown }[],
  where: string,
  at: (offset: number) => string,
  faults: Fault[],
): Setting {
  const entries = new Map<string, Entry>();
  for (const { key, value } of pairs) {
    if (!isScalar(key) || (typeof key.value !== 'string' && key.value !== null)) {
      faults.push({ where, message: 'a name of a setting is not a plain text' });
      continue;
    }
    const keyWhere = at(key.range?.[0] ?? 0);
    const setting: Setting | null =
      value === null
        ? { kind: 'value', value: null, where: keyWhere }
        : readNode(value as Node, at, faults);
    if (setting !== null) entries.set(String(key.value), { setting, where: keyWhere });
  }
  return { kind: 'section', entries, where };
}

function isPlain(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}

/** A built-in model's name, a model's YAML, a folder with a checkpoint, or a .gguf file. */
export function loadModel(
  nameOrPath: string,
  where: string,
  needsCheckpoint: boolean,
  root: string,
  faults: Fault[],
): ModelConfig | null {
  const folder = join(root, 'configs', 'models');
  const builtIn = nameOrPath.includes('/') ? null : join(folder, `${nameOrPath}.yaml`);
  const path = findModelPath(nameOrPath);
  if (builtIn !== null && isFile(builtIn)) {
    return readModel(builtIn, where, needsCheckpoint, faults);
  }
  if (/\.ya?ml$/.test(nameOrPath) && isFile(path)) {
    return readModel(path, where, needsCheckpoint, faults);
  }
  if (isFile(join(path, 'config.json')) || (/\.gguf$/i.test(path) && isFile(path))) {
    const defaults = modelFields.check(undefined, '', faults);
    const name = basename(path);
    return Object.freeze({ ...defaults, name, path, folder: path, synthetic: false });
  }
  const names = listNames(folder);
  const why = isSyntheticModel(nameOrPath)
    ? ', random weights that are made as the engine loads them: no file to read, and nothing to score; bench run alone takes it, and its run.json says its shape and limits'
    : '';
  faults.push({
    where,
    message: `model is ${quote(nameOrPath)}${why}; allowed: ${names.join(', ')}, a folder that holds config.json and *.safetensors, or a .gguf file${suggestName(nameOrPath, names)}${suggestPull(nameOrPath)}`,
  });
  return null;
}

/** As given, or as `bench pull` left it. */
function findModelPath(nameOrPath: string): string {
  const path = resolve(nameOrPath);
  const pulled = join(findCacheFolder(), 'models', nameOrPath);
  return !existsSync(path) && isFile(join(pulled, 'config.json')) ? pulled : path;
}

function readModel(
  file: string,
  where: string,
  needsCheckpoint: boolean,
  faults: Fault[],
): ModelConfig {
  const settings = parseSettings(readText(file, where), shorten(file), faults);
  const model = modelFields.check(settings, '', faults);
  const folder = isAbsolute(model.path) ? model.path : resolve(dirname(file), model.path);
  if (needsCheckpoint && !isFile(join(folder, 'config.json'))) {
    faults.push({
      where: findWhere(settings, ['path']) ?? shorten(file),
      message: `path is ${quote(model.path)}, but there is no checkpoint: ${join(folder, 'config.json')} does not exist${model.obtain === null ? '' : `; to get it: ${model.obtain}`}`,
    });
  }
  return Object.freeze({ ...model, folder, synthetic: false });
}

function withoutRepeats(faults: readonly Fault[]): Fault[] {
  const seen = new Map(faults.map((fault) => [`${fault.where}\n${fault.message}`, fault]));
  return [...seen.values()];
}
