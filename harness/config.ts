// Which run was asked for? Reads the run's and the model's YAML, lays the options of the command line over them and
// checks everything before anything starts: every fault at once, each with its file, line and column.
// Which values are allowed stands in run-config.ts. The only file that knows the YAML library.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { type Fault, InputError, messageOf } from './errors.js';
import { suggestName } from './name-suggestion.js';
import {
  type ModelSettings,
  modelFields,
  type RunSettings,
  refuseSize,
  runFields,
} from './run-config.js';
import { type Entry, quote, type Scalar, type Setting } from './setting-fields.js';

/** One value from the command line, laid over what the files say. */
export interface Override {
  /** As written in YAML: ["engine", "max_batch"]; `scenarioSection` first stands for the section of the scenario. */
  readonly path: readonly string[];
  readonly value: Scalar;
  /** The option, as the user knows it. */
  readonly where: string;
}

/** A model's settings with its folder made absolute. */
export interface ModelConfig extends ModelSettings {
  readonly folder: string;
}

/** Everything a run needs to know, checked and frozen. */
export interface RunConfig extends Omit<RunSettings, 'model'> {
  readonly file: string;
  readonly model: ModelConfig;
}

/** What configuration cannot know by itself. */
export interface ConfigContext {
  /** The package: configs/ lies in it. */
  readonly root: string;
  readonly datasetNames: readonly string[];
  /** Why this machine cannot offer the device, or null. */
  readonly refuseDevice: (device: string) => string | null;
  /** What was wrong already on the command line. */
  readonly faults: readonly Fault[];
}

/** First name of an override's path: "offline" or "server", whichever is run. */
export const scenarioSection = '@scenario';

const maxFileBytes = 1 << 20;

/**
 * Reads and checks a run configuration.
 * @throws InputError with every fault found.
 */
export function loadRunConfig(
  nameOrFile: string,
  overrides: readonly Override[],
  context: ConfigContext,
): RunConfig {
  const faults: Fault[] = [...context.faults];
  const file = findRunFile(nameOrFile, context.root);
  const written = parseSettings(readText(file, '--config'), shorten(file), faults);
  const settings = applyOverrides(written, overrides, faults);
  const run = runFields.check(settings, '', faults);
  const whereIs = (...path: string[]) => findWhere(settings, path) ?? shorten(file);
  if (!context.datasetNames.includes(run.dataset)) {
    faults.push({
      where: whereIs('dataset'),
      message: `dataset is ${quote(run.dataset)}; allowed: ${context.datasetNames.join(', ')}${suggestName(run.dataset, context.datasetNames)}`,
    });
  }
  const refusal = context.refuseDevice(run.engine.device);
  if (refusal !== null) faults.push({ where: whereIs('engine', 'device'), message: refusal });
  const sizeRefusal = faults.length === 0 ? refuseSize(run) : null;
  if (sizeRefusal !== null) faults.push({ where: shorten(file), message: sizeRefusal });
  const model = loadModel(run.model, whereIs('model'), run.sut !== 'null', context.root, faults);
  if (faults.length > 0 || model === null) throw new InputError(withoutRepeats(faults));
  return Object.freeze({ ...run, file, model });
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
      logLevel: 'silent',
      schema: 'core',
    });
    const at = (offset: number) => {
      const { line, col } = lines.linePos(offset);
      return `${file}:${line}:${col}`;
    };
    for (const error of document.errors) {
      faults.push({ where: at(error.pos[0]), message: `not YAML: ${error.message}` });
    }
    if (document.errors.length > 0 || document.contents === null) return nothing;
    return readNode(document.contents, at, faults);
  } catch (error) {
    // The library recurses: thousands of nested brackets end in a RangeError.
    faults.push({ where: file, message: `not a configuration: ${messageOf(error)}` });
    return nothing;
  }
}

/** A value as typed after `--set key=`: numbers, true, false and null are what they would be in YAML. */
export function parseScalar(text: string): Scalar {
  const setting = parseSettings(text, '', []);
  return setting.kind === 'value' ? setting.value : text;
}

function readNode(node: Node, at: (offset: number) => string, faults: Fault[]): Setting {
  const where = at(node.range?.[0] ?? 0);
  if (isMap(node)) return readMap(node.items, where, at, faults);
  if (isSeq(node)) return { kind: 'list', where };
  if (isScalar(node) && isPlain(node.value)) return { kind: 'value', value: node.value, where };
  faults.push({ where, message: 'anchors, aliases and tags are not allowed' });
  return { kind: 'value', value: null, where };
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
    const setting: Setting =
      value === null
        ? { kind: 'value', value: null, where: keyWhere }
        : readNode(value as Node, at, faults);
    entries.set(String(key.value), { setting, where: keyWhere });
  }
  return { kind: 'section', entries, where };
}

function isPlain(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}

function applyOverrides(
  written: Setting,
  overrides: readonly Override[],
  faults: Fault[],
): Setting {
  const isEmpty = written.kind === 'value' && written.value === null;
  const base: Setting = isEmpty ? emptySection(written.where) : written;
  const isGeneral = ({ path }: Override) => path[0] !== scenarioSection;
  // What depends on the scenario comes when the scenario is known.
  const ordered = [...overrides].sort((a, b) => Number(isGeneral(b)) - Number(isGeneral(a)));
  for (const { path, value, where } of ordered) {
    let section = base;
    for (const [depth, given] of path.entries()) {
      const name = given === scenarioSection ? findScenarioSection(base) : given;
      if (section.kind !== 'section') {
        faults.push({ where, message: `${path.slice(0, depth).join('.')} is not a section` });
        break;
      }
      const isLast = depth === path.length - 1;
      const inside = section.entries.get(name)?.setting;
      const next: Setting = isLast
        ? { kind: 'value', value, where }
        : (keepSection(inside) ?? emptySection(where));
      section.entries.set(name, { setting: next, where });
      section = next;
    }
  }
  return base;
}

function findScenarioSection(settings: Setting): string {
  const scenario = settings.kind === 'section' ? settings.entries.get('scenario')?.setting : null;
  const name = scenario?.kind === 'value' ? String(scenario.value) : '';
  return name === 'Server' ? 'server' : 'offline';
}

/** A section without content reads as null and may be written into. */
function keepSection(setting: Setting | undefined): Setting | undefined {
  return setting?.kind === 'value' && setting.value === null ? undefined : setting;
}

function emptySection(where: string): Setting {
  return { kind: 'section', entries: new Map(), where };
}

function findWhere(settings: Setting, path: readonly string[]): string | undefined {
  let setting: Setting | undefined = settings;
  for (const name of path) {
    if (setting?.kind !== 'section') return undefined;
    setting = setting.entries.get(name)?.setting;
  }
  return setting?.where;
}

function findRunFile(nameOrFile: string, root: string): string {
  const folder = join(root, 'configs', 'runs');
  const builtIn = join(folder, `${nameOrFile}.yaml`);
  for (const candidate of [resolve(nameOrFile), resolve(root, nameOrFile)]) {
    if (isFile(candidate)) return candidate;
  }
  if (!nameOrFile.includes('/') && isFile(builtIn)) return builtIn;
  const names = listNames(folder);
  throw new InputError([
    {
      where: '--config',
      message: `there is no file ${quote(nameOrFile)}; built in: ${names.join(', ')}${suggestName(basename(nameOrFile, '.yaml'), names)}`,
    },
  ]);
}

/** A built-in model's name, a model's YAML, or a folder with a checkpoint. */
function loadModel(
  nameOrPath: string,
  where: string,
  needsCheckpoint: boolean,
  root: string,
  faults: Fault[],
): ModelConfig | null {
  const folder = join(root, 'configs', 'models');
  const builtIn = nameOrPath.includes('/') ? null : join(folder, `${nameOrPath}.yaml`);
  const path = resolve(nameOrPath);
  if (builtIn !== null && isFile(builtIn)) {
    return readModel(builtIn, where, needsCheckpoint, faults);
  }
  if (/\.ya?ml$/.test(nameOrPath) && isFile(path)) {
    return readModel(path, where, needsCheckpoint, faults);
  }
  if (isFile(join(path, 'config.json'))) {
    const defaults = modelFields.check(undefined, '', faults);
    return Object.freeze({ ...defaults, name: basename(path), path, folder: path });
  }
  const names = listNames(folder);
  faults.push({
    where,
    message: `model is ${quote(nameOrPath)}; allowed: ${names.join(', ')}, or a folder that holds config.json and *.safetensors${suggestName(nameOrPath, names)}`,
  });
  return null;
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
      message: `path is ${quote(model.path)}, but there is no checkpoint: ${join(folder, 'config.json')} does not exist`,
    });
  }
  return Object.freeze({ ...model, folder });
}

function readText(file: string, where: string): string {
  const refuse = (message: string) => new InputError([{ where, message }]);
  try {
    const { size } = statSync(file);
    if (size > maxFileBytes) {
      throw refuse(`${file} has ${size} bytes; allowed: up to ${maxFileBytes}`);
    }
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw refuse(`${file} cannot be read: ${messageOf(error)}`);
  }
}

function listNames(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => basename(name, '.yaml'))
    .sort();
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** A file as messages name it: from here when it lies below, else in full. */
function shorten(file: string): string {
  const fromHere = relative(process.cwd(), file);
  return fromHere === '' || fromHere.startsWith('..') ? file : fromHere;
}

function withoutRepeats(faults: readonly Fault[]): Fault[] {
  const seen = new Map(faults.map((fault) => [`${fault.where}\n${fault.message}`, fault]));
  return [...seen.values()];
}
