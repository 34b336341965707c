// What is wrong with a folder: a submission tree, a single result of one, or a run of loadmark? Says which it is and has
// it checked; how findings are shown is report/'s business.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Fault, InputError, messageOf } from '../errors.js';
import type { RunRecord } from '../run-record.js';
import {
  benchmarkNames,
  divisions,
  findBenchmark,
  type SubmissionRound,
  scenarioNames,
} from './benchmarks.js';
import { type Finding, findError, findWarning } from './finding.js';
import { readResult } from './result.js';
import { checkResult } from './result-check.js';
import { ResultFolder } from './submission-tree.js';
import { checkTree } from './tree-check.js';

/** What was checked and found. */
export interface CheckReport {
  readonly schema: 'loadmark/check/1';
  readonly folder: string;
  readonly kind: 'submission' | 'result' | 'run';
  readonly round: SubmissionRound;
  /** Folders of results, in the order of the findings. */
  readonly results: readonly string[];
  readonly findings: readonly Finding[];
  readonly errors: number;
  readonly warnings: number;
}

export interface CheckOptions {
  readonly round: SubmissionRound;
  /** Names the benchmark of a single result or run; a tree says it by its folders. */
  readonly benchmark: string | null;
}

/** @throws InputError when the folder cannot be checked at all. */
export function checkFolder(folder: string, options: CheckOptions): CheckReport {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    refuse(
      'FOLDER',
      `"${folder}" is not a folder; allowed: a submission tree, one result of it, or a run`,
    );
  }
  if (divisions.some((division) => existsSync(join(folder, division)))) {
    const { results, findings } = checkTree(folder, options.round);
    return reportOf(folder, 'submission', options.round, results, findings);
  }
  if (existsSync(join(folder, 'run.json'))) return checkRun(folder, options);
  const isResult = ['performance', 'accuracy'].some((name) => existsSync(join(folder, name)));
  if (isResult) return checkSingle(folder, options);
  const inside = `${divisions.map((name) => `${name}/`).join(', ')}, performance/, accuracy/ or run.json`;
  return refuse('FOLDER', `"${folder}" holds nothing to check; allowed: a folder with ${inside}`);
}

function refuse(where: string, message: string): never {
  const fault: Fault = { where, message };
  throw new InputError([fault]);
}

function reportOf(
  folder: string,
  kind: CheckReport['kind'],
  round: SubmissionRound,
  results: readonly string[],
  findings: readonly Finding[],
): CheckReport {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  return { schema: 'loadmark/check/1', folder, kind, round, results, findings, errors, warnings };
}

/** One result folder: what it is, its path and its log say. */
function checkSingle(folder: string, { round, benchmark: given }: CheckOptions): CheckReport {
  const name = given ?? basename(dirname(folder));
  const benchmark = findBenchmark(name, round);
  if (given !== null && benchmark === null) refuseBenchmark(given, round);
  const scenario = scenarioNames.find(
    (known) => known.toLowerCase() === basename(folder).toLowerCase(),
  );
  const sampleCount = benchmark?.accuracySampleCount ?? null;
  const claim = { round, division: null, scenario: scenario ?? null, benchmark, sampleCount };
  const result = readResult(new ResultFolder(folder), { ...claim, isSubmission: true });
  const findings = checkResult(result);
  if (benchmark === null || scenario === undefined) {
    const required = 'a folder <benchmark>/<scenario>, or --benchmark';
    const why = 'Without them sizes, limits and targets are not checked.';
    findings.unshift(
      findWarning('unknown-benchmark', { file: folder }, { value: name, required, why }),
    );
  }
  return reportOf(folder, 'result', round, [folder], findings);
}

function refuseBenchmark(name: string, round: SubmissionRound): never {
  const allowed = benchmarkNames(round).join(', ');
  return refuse('--benchmark', `is "${name}"; allowed in ${round}: ${allowed}`);
}

/** A run of loadmark is no submission: its logs are checked, and its lengths are its own. */
function checkRun(folder: string, { round, benchmark: given }: CheckOptions): CheckReport {
  const file = join(folder, 'run.json');
  let run: RunRecord;
  try {
    run = JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
  } catch (error) {
    return refuse(file, `is not JSON: ${messageOf(error)}`);
  }
  const benchmark = given === null ? null : findBenchmark(given, round);
  if (given !== null && benchmark === null) refuseBenchmark(given, round);
  const scenario = scenarioNames.find((known) => known === run.scenario) ?? null;
  const sampleCount = run.dataset?.samples ?? null;
  const claim = { round, division: null, scenario, benchmark, sampleCount, isSubmission: false };
  const findings = checkResult(readResult(new ResultFolder(folder), claim));
  return reportOf(folder, 'run', round, [folder], [...checkVerdict(run, file), ...findings]);
}

function checkVerdict(run: RunRecord, file: string): Finding[] {
  const findings: Finding[] = [];
  if (run.valid !== true) {
    const value = run.invalidReasons?.join('; ') ?? null;
    const judgement = { value, required: 'a VALID run', why: 'An INVALID run is no result.' };
    findings.push(findError('invalid-result', { file }, judgement));
  }
  for (const { metric, value, threshold, pass } of run.accuracy?.targets ?? []) {
    if (pass) continue;
    const judgement = {
      value,
      required: `${metric} of ${threshold}`,
      why: 'The run missed its target.',
    };
    findings.push(findError('below-target', { file }, judgement));
  }
  return findings;
}
