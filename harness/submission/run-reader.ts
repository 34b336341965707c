// Is a folder that of a run, and is all of it there? Reads run.json as far as packaging needs it and finds the logs,
// inside the folder only; what the run says of itself is judged elsewhere.

import { existsSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { Fault } from '../errors.js';
import type { RunFolder } from '../run-folder.js';
import type { RunRecord } from '../run-record.js';
import { parseRunRecord, type RecordFields } from '../run-record-file.js';
import { logFiles } from './submission-tree.js';

/** What packaging reads of every record. */
const neededFields: RecordFields = {
  boolean: ['valid', 'interrupted'],
  number: ['system.cores', 'system.memoryBytes', 'dataset.samples'],
  object: ['command', 'system.gpus', 'config.mlperf', 'settings.requested', 'sut.devices'],
  string: [
    ...['id', 'startedAt', 'version', 'scenario', 'mode', 'clock', 'sut.kind'],
    ...['system.cpu', 'system.os', 'model.name', 'model.path', 'dataset.name', 'dataset.digest'],
  ],
};

/** The record with its logs in place; null where a fault was noted instead. */
export function readRun(folder: RunFolder, path: string, faults: Fault[]): RunRecord | null {
  const refusal = refuseFile(folder.runJson, folder.path);
  if (refusal !== null) {
    const message = `run.json ${refusal}; allowed: folders that bench run wrote`;
    faults.push({ where: path, message });
    return null;
  }
  const record = parseRunRecord(folder.runJson, neededFields);
  if (typeof record === 'string') {
    faults.push({ where: folder.runJson, message: record });
    return null;
  }
  const broken = listFiles(folder, record).flatMap((file): Fault[] => {
    const reason = refuseFile(file, folder.path);
    if (reason === null) return [];
    const name = file.slice(folder.path.length + 1);
    return [
      { where: path, message: `${name} ${reason}; allowed: the folder as bench run left it` },
    ];
  });
  faults.push(...broken);
  return broken.length === 0 ? record : null;
}

/** The files that a submission takes from the run. */
function listFiles(folder: RunFolder, record: RunRecord): string[] {
  const passes = (['accuracy', 'performance'] as const).filter((pass) => record[pass] !== null);
  const logs = passes.flatMap((pass) =>
    Object.values(logFiles).map((name) => join(folder.logs(pass), name)),
  );
  return [
    ...logs,
    ...(record.accuracy === null ? [] : [folder.accuracyText]),
    ...(record.audit === null ? [] : [folder.verification(record.audit.test).text]),
  ];
}

/** Why a file is none of the run's, or null: what a link leads out to was not written by it. */
function refuseFile(file: string, folder: string): string | null {
  // Where a folder on the way is a file, only this form does not throw.
  if (!existsSync(file)) return 'is missing';
  if (!statSync(file).isFile()) return 'is not a file';
  const isInside = realpathSync(file).startsWith(realpathSync(folder) + sep);
  return isInside ? null : 'is a link that leads out of the run';
}
