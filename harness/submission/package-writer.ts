// Writes a planned submission: logs, scores with the hash of what they were made from, truncated accuracy logs, audits
// and descriptions, in the tree that MLCommons' checker reads. Nothing of a run's own folder is changed.

import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { type Fault, InputError, messageOf } from '../errors.js';
import { truncateLog } from './log-truncation.js';
import type { PackagePlan, PlannedResult } from './package-plan.js';
import {
  describeMeasurements,
  describeResult,
  describeSource,
  describeUserConf,
} from './package-texts.js';
import type { PackagedRun } from './packaged-run.js';
import { logFiles, type ResultFolder, SubmitterFolder } from './submission-tree.js';

/** A file that was written. */
export interface WrittenFile {
  /** Below the tree's root. */
  readonly path: string;
  readonly bytes: number;
}

/**
 * Writes the tree and lists its files. It takes its name when it is whole: there is never half a submission.
 * @throws InputError when it cannot be written; what was begun is taken away.
 */
export function writePackage(plan: PackagePlan): WrittenFile[] {
  const tree = resolve(plan.request.out);
  const draft = `${tree}.draft-${process.pid}`;
  try {
    const files = writeTree(plan, draft);
    // Takes the place of an empty folder, and of nothing else.
    renameSync(draft, tree);
    return files;
  } catch (error) {
    if (existsSync(draft)) rmSync(draft, { recursive: true });
    if (error instanceof InputError) throw error;
    const message = `"${tree}" cannot be written: ${messageOf(error)}`;
    throw new InputError([{ where: '--out', message }]);
  }
}

function writeTree(plan: PackagePlan, root: string): WrittenFile[] {
  const { division, submitter } = plan.request;
  const writer = new TreeWriter(root);
  const place = new SubmitterFolder(root, division, submitter);
  writer.write(place.system(plan.systemName), `${JSON.stringify(plan.system, null, 2)}\n`);
  for (const result of plan.results) {
    const { benchmark, scenario, runs } = result;
    const folder = place.result(plan.systemName, benchmark, scenario);
    const { record } = runs.performance!;
    writer.write(place.sourceReadme(benchmark), describeSource(benchmark, record));
    writeResult(writer, folder, result, plan);
  }
  return writer.files;
}

class TreeWriter {
  readonly files: WrittenFile[] = [];
  readonly #root: string;
  readonly #written = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  write(file: string, text: string): void {
    if (this.#written.has(file)) return;
    this.#written.add(file);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    this.files.push({ path: relative(this.#root, file), bytes: Buffer.byteLength(text) });
  }
}

function writeResult(
  writer: TreeWriter,
  folder: ResultFolder,
  { benchmark, scenario, runs }: PlannedResult,
  plan: PackagePlan,
): void {
  const performance = runs.performance!;
  const accuracy = runs.accuracy!;
  for (const name of ['summary', 'detail', 'accuracy'] as const) {
    writer.write(folder.performance(name), readLog(performance, 'performance', logFiles[name]));
  }
  for (const name of ['summary', 'detail'] as const) {
    writer.write(folder.accuracy(name), readLog(accuracy, 'accuracy', logFiles[name]));
  }
  const { text, hash } = truncateLog(readLog(accuracy, 'accuracy', logFiles.accuracy));
  writer.write(folder.accuracy('accuracy'), text);
  const scores = readLog(accuracy, 'accuracy', 'accuracy.txt').trimEnd();
  writer.write(folder.accuracyText, `${scores}\n\nhash=${hash}\n`);
  const measurements = describeMeasurements(performance.record, plan.measurements);
  writer.write(folder.measurements, `${JSON.stringify(measurements, null, 2)}\n`);
  writer.write(folder.userConf, describeUserConf(performance.record));
  const all = [...new Set([performance, accuracy, ...(runs.audit ? [runs.audit] : [])])];
  const title = `${benchmark}, ${scenario}`;
  writer.write(
    folder.readme,
    describeResult(
      title,
      all.map(({ record }) => record),
    ),
  );
  if (runs.audit !== undefined) writeAudit(writer, folder, runs.audit);
}

function writeAudit(writer: TreeWriter, folder: ResultFolder, run: PackagedRun): void {
  const test = run.record.audit!.test;
  const audit = folder.audit(test);
  writer.write(audit.verdict, readText(run.folder.verification(test).text));
  for (const name of ['summary', 'detail'] as const) {
    writer.write(audit.performance(name), readLog(run, 'performance', logFiles[name]));
  }
  writer.write(audit.accuracyLog, readLog(run, 'performance', logFiles.accuracy));
}

function readLog({ folder }: PackagedRun, pass: 'performance' | 'accuracy', name: string): string {
  return readText(join(folder.logs(pass), name));
}

/** Every file of a run that packaging needs was written with run.json: one that is missing was taken away since. */
function readText(file: string): string {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === true)
    return readFileSync(file, 'utf8');
  const fault: Fault = {
    where: file,
    message: 'is missing; allowed: the folder as bench run left it',
  };
  throw new InputError([fault]);
}
