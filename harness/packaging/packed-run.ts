// What does the folder of a run offer to a submission? Reads run.json and finds the logs, inside the folder only; whether
// they may be submitted is admission.ts's business.

import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { type Fault, messageOf } from '../errors.js';
import { RunFolder } from '../run-folder.js';
import { type RunRecord, runSchema } from '../run-record.js';
import { type DetailLog, parseDetailLog } from '../submission/detail-log.js';
import { logFiles } from '../submission/submission-tree.js';
import type { PassName } from '../test-settings.js';

/** The logs of a pass. */
export interface PackedPass {
  readonly pass: PassName;
  readonly folder: string;
  readonly detail: DetailLog;
}

export interface PackedRun {
  /** As given, for messages. */
  readonly name: string;
  readonly folder: RunFolder;
  readonly record: RunRecord;
  readonly passes: readonly PackedPass[];
}

/** Where the sampled answers of an audit lie; null where there was no performance pass. */
export function auditedLog({ passes }: PackedRun): string | null {
  const performance = passes.find(({ pass }) => pass === 'performance');
  return performance === undefined ? null : join(performance.folder, logFiles.accuracy);
}

/** null when a fault was noted instead. */
export function readPackedRun(name: string, faults: Fault[]): PackedRun | null {
  const folder = new RunFolder(resolve(name));
  const before = faults.length;
  const refuse = (message: string): null => {
    faults.push({ where: name, message });
    return null;
  };
  if (statSync(folder.path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return refuse('is not a folder; allowed: the folder of a run');
  }
  const refusal = refuseFile(folder.runJson, folder.path);
  if (refusal !== null) return refuse(`run.json ${refusal}; allowed: the folder of a run`);
  const record = readRecord(folder.runJson);
  if (typeof record === 'string') return refuse(`run.json ${record}`);
  const passes = (['accuracy', 'performance'] as const).flatMap((pass) =>
    record[pass] === null ? [] : readPass(pass, folder, name, faults),
  );
  return faults.length > before ? null : { name, folder, record, passes };
}

/** Fields that packaging reads of a record, by the type that each must have. */
const recordFields: readonly (readonly [path: string, type: 'string' | 'number' | 'object'])[] = [
  ...(['id', 'startedAt', 'version', 'scenario', 'mode', 'clock'] as const).map(
    (path) => [path, 'string'] as const,
  ),
  ...(['system.cpu', 'system.os', 'model.name', 'dataset.name', 'dataset.digest'] as const).map(
    (path) => [path, 'string'] as const,
  ),
  ...(['system.cores', 'system.memoryBytes', 'dataset.samples'] as const).map(
    (path) => [path, 'number'] as const,
  ),
  ...(['command', 'invalidReasons', 'system.gpus', 'config.mlperf', 'sut.features'] as const).map(
    (path) => [path, 'object'] as const,
  ),
  ['sut.kind', 'string'],
  ['settings.requested', 'object'],
];

/** The record, or what is wrong with it. */
function readRecord(file: string): RunRecord | string {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return `is not JSON: ${messageOf(error)}`;
  }
  const schema = valueAt(value, 'schema');
  if (schema !== runSchema) {
    return `has the schema ${JSON.stringify(schema) ?? 'none'}; allowed: "${runSchema}"`;
  }
  const broken = recordFields.filter(([path, type]) => {
    const found = valueAt(value, path);
    return found === null || typeof found !== type;
  });
  if (broken.length > 0) return `has no usable ${broken.map(([path]) => path).join(', ')}`;
  if (!['valid', 'interrupted'].every((name) => typeof valueAt(value, name) === 'boolean')) {
    return 'does not say whether the run is valid';
  }
  const audit = valueAt(value, 'audit') ?? null;
  if (audit !== null && !Array.isArray(valueAt(audit, 'eosIds'))) return 'has no audit.eosIds';
  const optional = { audit, accuracy: null, performance: null };
  return { ...optional, ...(value as RunRecord), audit } as RunRecord;
}

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inside, name) => {
    if (typeof inside !== 'object' || inside === null) return undefined;
    return (inside as Readonly<Record<string, unknown>>)[name];
  }, value);
}

function readPass(pass: PassName, folder: RunFolder, name: string, faults: Fault[]): PackedPass[] {
  const logs = folder.logs(pass);
  const files = Object.values(logFiles).map((log) => join(logs, log));
  if (pass === 'accuracy') files.push(folder.accuracyText);
  const found = files.flatMap((file): Fault[] => {
    const refusal = refuseFile(file, folder.path);
    const message = `${file.slice(folder.path.length + 1)} ${refusal}`;
    return refusal === null ? [] : [{ where: name, message }];
  });
  faults.push(...found);
  if (found.length > 0) return [];
  const detail = parseDetailLog(readFileSync(join(logs, logFiles.detail), 'utf8'));
  return [{ pass, folder: logs, detail }];
}

/** Why a file of the run cannot be taken, or null: what a link leads out to is not of the run. */
function refuseFile(file: string, folder: string): string | null {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return 'is missing';
  if (!stat.isFile()) return 'is not a file';
  return realpathSync(file).startsWith(realpathSync(folder) + sep)
    ? null
    : 'is a link that leads out of the run; allowed: files of the run itself';
}
