// `bench package RUNS...`: runs become the tree of a submission, checked before anything is written and after.

import { resolve } from 'node:path';
import { describeSystem } from '../environment.js';
import { type Fault, InputError } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { formatPackageReport } from '../report/package-report.js';
import type { Division, SubmissionRound } from '../submission/benchmarks.js';
import { checkFolder } from '../submission/check.js';
import { planPackage } from '../submission/package-plan.js';
import { writePackage } from '../submission/package-writer.js';
import { fillSystemTemplate } from '../submission/system-template.js';
import type { Streams } from './run.js';

/** As commander read them. */
export interface PackageFlags {
  readonly division?: Division;
  readonly submitter?: string;
  readonly system?: string;
  readonly round?: SubmissionRound;
  readonly out?: string;
  readonly benchmark?: string;
  readonly measurements?: string;
  readonly printSystemTemplate?: boolean;
  readonly json?: boolean;
}

const needed = ['division', 'submitter', 'system', 'round', 'out'] as const;

export async function runPackage(
  runs: readonly string[],
  flags: PackageFlags,
  streams: Streams,
): Promise<ExitCode> {
  if (flags.printSystemTemplate === true) {
    const template = fillSystemTemplate(await describeSystem());
    streams.stdout.write(`${JSON.stringify(template, null, 2)}\n`);
    return exitCodes.ok;
  }
  const faults: Fault[] = needed
    .filter((name) => flags[name] === undefined)
    .map((name) => ({
      where: `--${name}`,
      message: 'is missing; bench package --help says what it is',
    }));
  if (runs.length === 0) {
    faults.push({ where: 'RUNS', message: 'there is none; allowed: folders that bench run wrote' });
  }
  if (faults.length > 0) throw new InputError(faults);
  const request = {
    runs,
    division: flags.division!,
    submitter: flags.submitter!,
    system: flags.system!,
    round: flags.round!,
    out: flags.out!,
    benchmark: flags.benchmark ?? null,
    measurements: flags.measurements ?? null,
  };
  const plan = planPackage(request, faults);
  if (plan === null) throw new InputError(faults);
  const files = writePackage(plan);
  const check = checkFolder(resolve(request.out), { round: request.round, benchmark: null });
  const report = {
    schema: 'loadmark/package/1',
    tree: resolve(request.out),
    files,
    check,
  } as const;
  streams.stdout.write(
    flags.json === true
      ? `${JSON.stringify(report, null, 2)}\n`
      : formatPackageReport(report, streams.stdout.isTTY === true),
  );
  return check.errors === 0 ? exitCodes.ok : exitCodes.checkFailed;
}
