// The options of `bench eval`: what may be asked, checked together so that every fault is told at once.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { EngineOptions } from '../native/index.js';
import { findCacheFolder } from './cache-folder.js';
import { loadModel, type ModelConfig } from './config.js';
import { isFile } from './config-files.js';
import { groupDevices, resolveDevices, resolveTypes, type WorkerTarget } from './device.js';
import { type Fault, InputError } from './errors.js';
import { evalTaskNames, evalTasks } from './eval/tasks/catalog.js';
import type { TaskDefinition } from './eval/tasks/task.js';
import { suggestName } from './name-suggestion.js';
import { optionOf, readChoice } from './option-values.js';
import { findPackageRoot } from './package-root.js';
import { deviceHelp, type RunFlag, tensorParallelHelp } from './run-options.js';
import { quote } from './setting-fields.js';

export const evalFlags: readonly RunFlag[] = [
  { flags: '--tasks <name,...>', help: evalTaskNames.join(', ') },
  {
    flags: '--limit <n>',
    help: 'the first n items of each task, of MMLU and C-Eval of each subject',
  },
  {
    flags: '--shots <n>',
    help: 'solved examples before each question (mmlu 5, gsm8k 5, the others 0)',
  },
  {
    flags: '--data <dir>',
    help: "the folder with the tasks' folders: DIR/mmlu, ... (~/.cache/loadmark/datasets)",
  },
  { flags: '--device <name,...>', help: deviceHelp },
  { flags: '--tensor-parallel <n>', help: tensorParallelHelp },
  { flags: '--threads <n>', help: 'threads of each worker on the CPU (all there are, shared)' },
  { flags: '--max-batch <n>', help: 'sequences in flight on each worker (64)' },
  { flags: '--max-length <n>', help: "tokens read at once (the model's own limit)" },
  { flags: '--kv-cache <type>', help: 'auto, fp32, fp16, bf16 or fp8' },
  { flags: '--activations <type>', help: 'auto, int8, fp32, fp16 or bf16' },
  { flags: '--weights <name>', help: 'checkpoint, or int8: rounded at load' },
  { flags: '--output <dir>', help: 'where the results go (results/eval/<model>-<settings>)' },
  { flags: '--fresh', help: 'begin anew where an earlier evaluation lies' },
  { flags: '--json', help: 'print results.json on stdout and nothing else' },
  { flags: '--quiet', help: 'no progress' },
];

/** A task with what was asked of it. */
export interface AskedTask {
  readonly definition: TaskDefinition;
  readonly folder: string;
  readonly shots: number;
}

export interface EvalRequest {
  readonly model: ModelConfig;
  readonly tasks: readonly AskedTask[];
  readonly limit: number | null;
  readonly maxLength: number;
  readonly workers: readonly WorkerTarget[];
  /** Of each worker; null shares those there are. */
  readonly threads: number | null;
  readonly maxBatch: number;
  readonly weights: NonNullable<EngineOptions['weightFormat']>;
  /** null: named by the settings. */
  readonly output: string | null;
  readonly fresh: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

type Parsed = Readonly<Record<string, unknown>>;

/**
 * What commander read, checked.
 * @throws InputError with every fault.
 */
export async function collectEvalOptions(modelName: string, parsed: Parsed): Promise<EvalRequest> {
  const faults: Fault[] = [];
  const root = findPackageRoot().folder;
  const model = loadModel(modelName, 'MODEL', true, root, faults);
  const definitions = readTasks(parsed.tasks, faults);
  const shots = readCount(parsed, 'shots', 0, 100, faults);
  const data = typeof parsed.data === 'string' ? parsed.data : null;
  const request = {
    tasks: definitions.flatMap((definition): AskedTask[] => {
      const folder = findData(definition, data, faults);
      const own = readShots(definition, shots, definitions, faults);
      return folder === null ? [] : [{ definition, folder, shots: own }];
    }),
    limit: readCount(parsed, 'limit', 1, 10_000_000, faults),
    maxLength: await readMaxLength(parsed, model, faults),
    workers: await readWorkers(parsed, faults),
    threads: readCount(parsed, 'threads', 1, 1024, faults),
    maxBatch: readCount(parsed, 'maxBatch', 1, 65_536, faults) ?? 64,
    weights: readChoice(parsed, 'weights', ['checkpoint', 'int8'], faults),
    output: typeof parsed.output === 'string' ? parsed.output : null,
    fresh: parsed.fresh === true,
    json: parsed.json === true,
    quiet: parsed.quiet === true,
  };
  if (faults.length > 0 || model === null || request.workers === null) throw new InputError(faults);
  return { ...request, model, workers: request.workers };
}

function readTasks(value: unknown, faults: Fault[]): TaskDefinition[] {
  const list = evalTaskNames.join(', ');
  if (typeof value !== 'string' || value.trim() === '') {
    faults.push({ where: '--tasks', message: `is missing; allowed: ${list}, with commas between` });
    return [];
  }
  const names = [...new Set(value.split(',').map((name) => name.trim()))];
  return names.flatMap((name) => {
    const found = evalTasks.find((task) => task.name === name);
    if (found !== undefined) return [found];
    const hint = suggestName(name, evalTaskNames);
    faults.push({ where: '--tasks', message: `task is ${quote(name)}; allowed: ${list}${hint}` });
    return [];
  });
}

/** The first of the task's folders below `data`, or `data` itself where it is called by one of their names. */
function findData(
  { name, data: { folders, wanted, name: pulled } }: TaskDefinition,
  data: string | null,
  faults: Fault[],
) {
  const base = data === null ? join(findCacheFolder(), 'datasets') : resolve(data);
  for (const folder of folders) if (existsSync(join(base, folder))) return join(base, folder);
  // Another revision than main is pulled to NAME@REVISION.
  const called = base.replace(/@[^/]*$/, '');
  if (
    data !== null &&
    folders.some((folder) => called.endsWith(`/${folder}`)) &&
    existsSync(base)
  ) {
    return base;
  }
  const places = folders.map((folder) => join(base, folder)).join(' or ');
  const get = `bench pull ${pulled}${data === null ? '' : ', for a call without --data'}`;
  const message = `there is no data of ${name}: wanted in ${places}: ${wanted} (to get it: ${get})`;
  faults.push({ where: '--data', message });
  return null;
}

function readShots(
  { name, defaultShots, maxShots }: TaskDefinition,
  shots: number | null,
  all: readonly TaskDefinition[],
  faults: Fault[],
): number {
  if (shots === null) return defaultShots;
  // Tasks without examples stand aside where the option is for others.
  if (maxShots === 0 && all.some((task) => task.maxShots > 0)) return 0;
  if (shots > maxShots) {
    const message = `shots is ${shots}; allowed for ${name}: 0 to ${maxShots}`;
    faults.push({ where: '--shots', message });
  }
  return shots;
}

async function readWorkers(
  parsed: Parsed,
  faults: Fault[],
): Promise<readonly WorkerTarget[] | null> {
  const { hostFeatures } = await import('../native/index.js');
  const asked = typeof parsed.device === 'string' ? parsed.device : 'auto';
  const { devices, refusal } = resolveDevices(asked, hostFeatures);
  if (refusal !== null) faults.push({ where: '--device', message: refusal });
  const perWorker = readCount(parsed, 'tensorParallel', 1, 64, faults) ?? 1;
  if (devices === null) return null;
  const { groups, refusal: odd } = groupDevices(devices, perWorker);
  if (odd !== null) faults.push({ where: '--tensor-parallel', message: odd });
  if (groups === null) return null;
  const kvCache = readChoice(parsed, 'kvCache', ['auto', 'fp32', 'fp16', 'bf16', 'fp8'], faults);
  const activations = readChoice(
    parsed,
    'activations',
    ['auto', 'int8', 'fp32', 'fp16', 'bf16'],
    faults,
  );
  const whereIs = (_section: string, key: string) => optionOf(key);
  return resolveTypes({ kvCache, activations }, groups, whereIs, faults);
}

async function readMaxLength(
  parsed: Parsed,
  model: ModelConfig | null,
  faults: Fault[],
): Promise<number> {
  const asked = readCount(parsed, 'maxLength', 2, 16_777_215, faults);
  if (asked !== null || model === null) return asked ?? 2;
  if (isFile(model.folder)) {
    const { inspectCheckpoint } = await import('./model-inspection.js');
    try {
      return inspectCheckpoint(model.folder).maxPositions;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      faults.push(...error.faults);
      return 2;
    }
  }
  const file = join(model.folder, 'config.json');
  try {
    const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    for (const name of ['n_positions', 'max_position_embeddings', 'n_ctx']) {
      const limit = config[name];
      if (Number.isInteger(limit) && (limit as number) > 1) return limit as number;
    }
  } catch (error) {
    faults.push({ where: file, message: error instanceof Error ? error.message : String(error) });
    return 2;
  }
  const message = 'does not say how many tokens the model reads at once; give --max-length';
  faults.push({ where: file, message });
  return 2;
}

function readCount(
  parsed: Parsed,
  name: string,
  least: number,
  most: number,
  faults: Fault[],
): number | null {
  const value = parsed[name];
  if (value === undefined) return null;
  const count = /^\d{1,15}$/.test(String(value)) ? Number(value) : Number.NaN;
  if (count >= least && count <= most) return count;
  const message = `is ${quote(String(value))}; allowed: a whole number from ${least} to ${most}`;
  faults.push({ where: optionOf(name), message });
  return null;
}
