// `bench package`: from the folders of runs to the tree that MLCommons' submission checker reads; and with
// --system-template, the description of this machine that it asks for.

import { writeFileSync } from 'node:fs';
import { describeSystem } from '../environment.js';
import { InputError, messageOf } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import type { PackageRequest } from '../package-options.js';
import { findPackageRoot } from '../package-root.js';
import { planSubmission } from '../packaging/submission-plan.js';
import { describeForTemplate, listEmptyFields } from '../packaging/system-file.js';
import { type WrittenFile, writeTree } from '../packaging/tree-writer.js';
import { formatPackage, formatTemplate } from '../report/package-report.js';
import type { Streams } from './run.js';

/** What --json prints. */
export interface PackageReport {
  readonly schema: 'loadmark/package/1';
  readonly tree: string;
  readonly round: string;
  readonly files: readonly WrittenFile[];
  readonly remarks: readonly string[];
}

export function packageRuns(request: PackageRequest, streams: Streams): ExitCode {
  const plan = planSubmission(request);
  const files = writeTree(request.out, plan.files);
  const { out: tree, round } = request;
  const { remarks } = plan;
  const report: PackageReport = { schema: 'loadmark/package/1', tree, round, files, remarks };
  streams.stdout.write(
    request.json ? `${JSON.stringify(report, null, 2)}\n` : formatPackage(report),
  );
  return exitCodes.ok;
}

/** Writes the 35 fields of a system, with what this machine tells of itself. */
export async function writeSystemTemplate(
  file: string,
  json: boolean,
  streams: Streams,
): Promise<ExitCode> {
  const fields = describeForTemplate(await describeSystem(), findPackageRoot().version);
  const text = `${JSON.stringify(fields, null, 2)}\n`;
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    const message = `"${file}" cannot be written: ${messageOf(error)}`;
    throw new InputError([{ where: '--system-template', message }]);
  }
  streams.stdout.write(json ? text : formatTemplate(file, listEmptyFields(fields)));
  return exitCodes.ok;
}
