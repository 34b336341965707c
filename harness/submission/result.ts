// One result as a check sees it: its folder, what it claims to be, and its two detail logs read.

import { readFileSync, statSync } from 'node:fs';
import type { Benchmark, Division, ScenarioName, SubmissionRound } from './benchmarks.js';
import { type DetailLog, parseDetailLog } from './detail-log.js';
import type { ResultFolder } from './submission-tree.js';

/** What a result claims to be; what nothing says is null. */
export interface ResultClaim {
  readonly round: SubmissionRound;
  /** null outside a submission tree. */
  readonly division: Division | null;
  readonly scenario: ScenarioName | null;
  readonly benchmark: Benchmark | null;
  /** Rows of the data set; that of the benchmark, or what a run says of itself. */
  readonly sampleCount: number | null;
  /** In a submission tree: files besides the logs are asked for too, and lengths are MLPerf's. */
  readonly isSubmission: boolean;
}

export interface Result extends ResultClaim {
  readonly folder: ResultFolder;
  /** null where the file is missing. */
  readonly performance: DetailLog | null;
  readonly accuracy: DetailLog | null;
}

/** Reads the logs of a result. */
export function readResult(folder: ResultFolder, claim: ResultClaim): Result {
  return {
    ...claim,
    folder,
    performance: readLog(folder.performance('detail')),
    accuracy: readLog(folder.accuracy('detail')),
  };
}

function readLog(file: string): DetailLog | null {
  const text = readText(file);
  return text === null ? null : parseDetailLog(text);
}

/** A file's text; null where there is no such file. */
export function readText(file: string): string | null {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true
    ? readFileSync(file, 'utf8')
    : null;
}

/** Length in bytes; null where there is no such file. */
export function sizeOf(file: string): number | null {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat?.isFile() === true ? stat.size : null;
}
