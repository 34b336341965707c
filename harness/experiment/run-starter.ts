// Makes the runs of an experiment one after another, each in a process of its own, and leaves out those that are there.

import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, SystemUnderTestError } from '../errors.js';
import { exitCodes } from '../exit-codes.js';
import { findPackageRoot } from '../package-root.js';
import type { TextStream } from '../report/progress.js';
import { RunFolder } from '../run-folder.js';
import { findRun, type PlannedRun } from './planned-run.js';

/** Makes one run: the words after `bench`, and how it ended. */
export type RunStarter = (
  argv: readonly string[],
  signal: AbortSignal,
) => Promise<{ readonly code: number; readonly stderr: string }>;

/** A process a run, so that none finds another's memory, threads or caches; Ctrl-C is passed on to it. */
export const startProcess: RunStarter = (argv, signal) =>
  new Promise((done, fail) => {
    const program = join(findPackageRoot().folder, 'dist', 'harness', 'cli.js');
    const child = spawn(process.execPath, [program, ...argv], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const pieces: Buffer[] = [];
    const interrupt = () => child.kill('SIGINT');
    signal.addEventListener('abort', interrupt);
    child.stderr.on('data', (piece: Buffer) => pieces.push(piece));
    child.on('error', fail);
    child.on('close', (code) => {
      signal.removeEventListener('abort', interrupt);
      done({ code: code ?? exitCodes.interrupted, stderr: Buffer.concat(pieces).toString('utf8') });
    });
  });

/** A run that LoadGen calls INVALID or that misses its target is a result. */
const results: readonly number[] = [exitCodes.ok, exitCodes.invalid, exitCodes.belowTarget];

/** @throws InputError where other runs lie in the folders of these. */
export function refuseOthers(runs: readonly PlannedRun[]): void {
  const faults = runs
    .filter((run) => findRun(run) === 'other')
    .map(({ folder }) => {
      const message = `"${folder}" holds a run with other settings; allowed: a new folder, or that of the same call`;
      return { where: '--output', message };
    });
  if (faults.length > 0) throw new InputError(faults);
}

export interface Execution {
  readonly start: RunStarter;
  readonly signal: AbortSignal;
  /** Told of every run; null: of none. */
  readonly stderr: TextStream | null;
}

/**
 * Makes those runs that are missing, in their order, until the signal is aborted.
 * @throws SystemUnderTestError where a run could not be made or its system broke.
 */
export async function executeRuns(
  runs: readonly PlannedRun[],
  { start, signal, stderr }: Execution,
): Promise<void> {
  for (const [i, run] of runs.entries()) {
    if (signal.aborted) return;
    const state = findRun(run);
    const isDone = state === 'done';
    stderr?.write(`${run.label}  (${i + 1} of ${runs.length}${isDone ? ', there already' : ''})\n`);
    if (isDone) continue;
    if (state === 'broken off') rmSync(run.folder, { recursive: true });
    const { code, stderr: told } = await start(run.argv, signal);
    if (signal.aborted || code === exitCodes.interrupted) return;
    if (results.includes(code)) continue;
    const where = existsSync(new RunFolder(run.folder).runJson) ? `; see ${run.folder}` : '';
    const what = told.trim() === '' ? `exit status ${code}` : told.trim();
    throw new SystemUnderTestError(`${run.label}: ${what}${where}`);
  }
}

/** Those runs that were made and not broken off. */
export function listDone(runs: readonly PlannedRun[]): PlannedRun[] {
  return runs.filter((run) => findRun(run) === 'done');
}
