// Where does everything of a run lie? The layout of results/, in one place.

import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LogTexts } from '../loadgen/index.js';
import type { Fault } from './errors.js';
import { discardFolders, openFolder } from './new-folder.js';
import type { PassName } from './test-settings.js';

export class RunFolder {
  /** @param made the folders that were made for it, the outermost first. */
  constructor(
    readonly path: string,
    readonly made: readonly string[] = [],
  ) {}

  get runJson(): string {
    return join(this.path, 'run.json');
  }

  /** What the kernels of the profiled steps took. */
  get profileJson(): string {
    return join(this.path, 'profile.json');
  }

  /** One JSON object a line, one line a sample of the machine. */
  get telemetry(): string {
    return join(this.path, 'telemetry.jsonl');
  }

  get accuracyText(): string {
    return join(this.path, 'accuracy', 'accuracy.txt');
  }

  /** One JSON object a line, one line a sample. */
  samples(pass: PassName): string {
    return join(this.path, `samples-${pass}.jsonl`);
  }

  /** How busy the engine was in the course of the pass, a JSON object a line. */
  engineCourse(pass: PassName): string {
    return join(this.path, `engine-${pass}.jsonl`);
  }

  /** The page that a person opens. */
  get reportHtml(): string {
    return join(this.path, 'report.html');
  }

  /** For Perfetto and chrome://tracing. */
  trace(pass: PassName): string {
    return join(this.path, `trace-${pass}.json`);
  }

  /** Where LoadGen's four files of a pass lie, in the layout that MLCommons' tools read. */
  logs(pass: PassName): string {
    return pass === 'accuracy'
      ? join(this.path, 'accuracy')
      : join(this.path, 'performance', 'run_1');
  }

  /** What an audit found: the text that MLCommons' checker reads, and the same with every failure. */
  verification(test: string): { readonly text: string; readonly json: string } {
    const folder = join(this.path, test);
    return {
      text: join(folder, 'verify_accuracy.txt'),
      json: join(folder, 'verify_accuracy.json'),
    };
  }

  writeLogs(pass: PassName, texts: LogTexts): void {
    const folder = this.logs(pass);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'mlperf_log_summary.txt'), texts.summary);
    writeFileSync(join(folder, 'mlperf_log_detail.txt'), texts.detail);
    writeFileSync(join(folder, 'mlperf_log_accuracy.json'), texts.accuracy);
    writeFileSync(join(folder, 'mlperf_log_trace.json'), texts.trace);
  }

  /** Takes back what was made, where nothing was put into it. */
  discard(): void {
    discardFolders(this.made);
  }
}

/**
 * Makes the folder of a new run: `output`, or results/<name>/<UTC time> below the working directory.
 * @throws InputError when it cannot be made or written into.
 */
export function createRunFolder(name: string, output: string | null, startedAt: Date): RunFolder {
  const stamp = startedAt.toISOString().replaceAll(':', '').replace('.', '');
  const path = output === null ? resolve('results', name, stamp) : resolve(output);
  return new RunFolder(path, openFolder(path, output === null ? 'results' : '--output'));
}

/** Why a run may not be written there: something in the way, or another run's evidence. */
export function findOutputFaults(output: string | null): Fault[] {
  if (output === null) return [];
  const refuse = (message: string): Fault[] => [{ where: '--output', message }];
  if (output.trim() === '') return refuse('is ""; allowed: the name of a folder');
  const { runJson, path } = new RunFolder(resolve(output));
  if (existsSync(runJson)) {
    return refuse(`"${path}" holds a run already (run.json); allowed: a folder without one`);
  }
  return existsSync(path) && !statSync(path).isDirectory()
    ? refuse(`"${path}" is not a folder; allowed: a new folder, or one without a run`)
    : [];
}
