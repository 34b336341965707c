// Where does everything of a submission lie? The layout that MLCommons' checker reads since round v6.0, in one place.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Division } from './benchmarks.js';

/** Names of the files that both passes of a result leave. */
export const logFiles = {
  summary: 'mlperf_log_summary.txt',
  detail: 'mlperf_log_detail.txt',
  accuracy: 'mlperf_log_accuracy.json',
} as const;

/** results/<system>/<benchmark>/<scenario>, or any folder laid out like one. */
export class ResultFolder {
  constructor(readonly path: string) {}

  performance(name: keyof typeof logFiles): string {
    return join(this.path, 'performance', 'run_1', logFiles[name]);
  }

  accuracy(name: keyof typeof logFiles): string {
    return join(this.path, 'accuracy', logFiles[name]);
  }

  get accuracyText(): string {
    return join(this.path, 'accuracy', 'accuracy.txt');
  }

  get measurements(): string {
    return join(this.path, 'measurements.json');
  }

  get userConf(): string {
    return join(this.path, 'user.conf');
  }

  get readme(): string {
    return join(this.path, 'README.md');
  }

  /** What a compliance test left, such as TEST06. */
  audit(test: string): AuditFolder {
    return new AuditFolder(join(this.path, test));
  }
}

/** The evidence of one compliance test. */
export class AuditFolder {
  constructor(readonly path: string) {}

  get verdict(): string {
    return join(this.path, 'verify_accuracy.txt');
  }

  /** Of TEST09, which judges the length of the answers. */
  get lengthVerdict(): string {
    return join(this.path, 'verify_output_len.txt');
  }

  performance(name: keyof typeof logFiles): string {
    return join(this.path, 'performance', 'run_1', logFiles[name]);
  }

  /** The sampled answers. */
  get accuracyLog(): string {
    return join(this.path, 'accuracy', logFiles.accuracy);
  }
}

/** <root>/<division>/<submitter> */
export class SubmitterFolder {
  readonly path: string;

  constructor(
    root: string,
    readonly division: Division,
    readonly submitter: string,
  ) {
    this.path = join(root, division, submitter);
  }

  get results(): string {
    return join(this.path, 'results');
  }

  get source(): string {
    return join(this.path, 'src');
  }

  get systems(): string {
    return join(this.path, 'systems');
  }

  system(name: string): string {
    return join(this.systems, `${name}.json`);
  }

  result(system: string, benchmark: string, scenario: string): ResultFolder {
    return new ResultFolder(join(this.results, system, benchmark, scenario));
  }

  /** Open division: which benchmarks folders of other names stand for. */
  get modelMapping(): string {
    return join(this.path, 'model_mapping.json');
  }

  sourceReadme(benchmark: string): string {
    return join(this.source, benchmark, 'README.md');
  }
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Names of the files in a folder, sorted; none where it does not exist. */
export function listFiles(path: string): string[] {
  if (!isFolder(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}

/** Names of the folders in a folder, sorted; none where it does not exist. */
export function listFolders(path: string): string[] {
  if (!isFolder(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}
