// `bench check FOLDER`: what is wrong with a submission, a result or a run, in plain words or as JSON.

import { resolve } from 'node:path';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { formatCheckReport } from '../report/check-report.js';
import type { SubmissionRound } from '../submission/benchmarks.js';
import { checkFolder } from '../submission/check.js';
import type { Streams } from './run.js';

/** As commander read them. */
export interface CheckFlags {
  readonly round?: SubmissionRound;
  readonly benchmark?: string;
  readonly json?: boolean;
}

export function runCheck(folder: string, flags: CheckFlags, streams: Streams): ExitCode {
  const report = checkFolder(resolve(folder), {
    round: flags.round ?? null,
    benchmark: flags.benchmark ?? null,
  });
  streams.stdout.write(
    flags.json === true
      ? `${JSON.stringify(report, null, 2)}\n`
      : formatCheckReport(report, streams.stdout.isTTY === true),
  );
  return report.errors === 0 ? exitCodes.ok : exitCodes.checkFailed;
}
