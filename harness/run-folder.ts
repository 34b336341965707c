// Where does everything of a run lie? The layout of results/, in one place.

import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { LogTexts } from '../loadgen/index.js';
import { InputError, messageOf } from './errors.js';
import type { PassName } from './test-settings.js';

export class RunFolder {
  constructor(readonly path: string) {}

  get runJson(): string {
    return join(this.path, 'run.json');
  }

  get accuracyText(): string {
    return join(this.path, 'accuracy', 'accuracy.txt');
  }

  /** One JSON object a line, one line a sample. */
  samples(pass: PassName): string {
    return join(this.path, `samples-${pass}.jsonl`);
  }

  /** Where LoadGen's four files of a pass lie, in the layout that MLCommons' tools read. */
  logs(pass: PassName): string {
    return pass === 'accuracy'
      ? join(this.path, 'accuracy')
      : join(this.path, 'performance', 'run_1');
  }

  writeLogs(pass: PassName, texts: LogTexts): void {
    const folder = this.logs(pass);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'mlperf_log_summary.txt'), texts.summary);
    writeFileSync(join(folder, 'mlperf_log_detail.txt'), texts.detail);
    writeFileSync(join(folder, 'mlperf_log_accuracy.json'), texts.accuracy);
    writeFileSync(join(folder, 'mlperf_log_trace.json'), texts.trace);
  }
}

/**
 * Makes the folder of a new run: `output`, or results/<name>/<UTC time> below the working directory.
 * @throws InputError when it cannot be made or holds a run already.
 */
export function createRunFolder(name: string, output: string | null, startedAt: Date): RunFolder {
  checkOutput(output);
  const stamp = startedAt.toISOString().replaceAll(':', '').replace('.', '');
  const path = output === null ? resolve('results', name, stamp) : resolve(output);
  try {
    makeFolder(path);
  } catch (error) {
    const where = output === null ? 'results' : '--output';
    throw new InputError([{ where, message: `"${path}" cannot be made: ${messageOf(error)}` }]);
  }
  return new RunFolder(path);
}

/** @throws InputError when a run's evidence would be overwritten: to be asked before anything starts. */
export function checkOutput(output: string | null): void {
  if (output === null) return;
  const { runJson, path } = new RunFolder(resolve(output));
  const message = existsSync(runJson)
    ? `"${path}" holds a run already (run.json); allowed: a folder without one`
    : statSync(path, { throwIfNoEntry: false })?.isFile()
      ? `"${path}" is a file; allowed: a folder`
      : null;
  if (message !== null) throw new InputError([{ where: '--output', message }]);
}

/** Level by level: node's own recursive form never returns where a file system refuses new folders (/proc). */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}
