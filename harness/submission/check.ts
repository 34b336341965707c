// What is wrong with a folder: a submission tree, a single result of one, or a run of loadmark? Says which it is and has
// it checked; how findings are shown is report/'s business.

import { existsSync, statSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { type Fault, InputError } from '../errors.js';
import {
  type Benchmark,
  benchmarkNames,
  divisions,
  findBenchmark,
  type ScenarioName,
  type SubmissionRound,
  scenarioNames,
} from './benchmarks.js';
import { type Finding, findError, findWarning } from './finding.js';
import { readResult } from './result.js';
import { checkResult } from './result-check.js';
import { checkVerdict, readRunVerdict } from './run-verdict.js';
import { listFolders, ResultFolder } from './submission-tree.js';
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
    if (options.benchmark !== null) {
      refuse('--benchmark', 'is for a single result or a run; a tree says it by its folders');
    }
    const { results, findings } = checkTree(folder, options.round);
    return reportOf(folder, 'submission', options.round, results, findings);
  }
  if (existsSync(join(folder, 'run.json'))) return checkRun(folder, options);
  if (isResult(folder)) return checkResults(folder, [folder], options);
  const scenarios = listFolders(folder).filter((name) => findScenario(name) !== null);
  const inner = scenarios.map((name) => join(folder, name)).filter(isResult);
  if (inner.length > 0) return checkResults(folder, inner, options);
  if (existsSync(join(folder, 'results'))) {
    refuse(
      'FOLDER',
      `"${folder}" lies inside a tree; allowed: the folder that holds the divisions`,
    );
  }
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

function isResult(folder: string): boolean {
  return ['performance', 'accuracy'].some((name) => existsSync(join(folder, name)));
}

function findScenario(name: string): ScenarioName | null {
  return scenarioNames.find((known) => known.toLowerCase() === name.toLowerCase()) ?? null;
}

/** Results outside the walk of a tree: what each is, its path says. */
function checkResults(
  folder: string,
  paths: readonly string[],
  options: CheckOptions,
): CheckReport {
  const findings = paths.flatMap((path) => checkSingle(path, options));
  return reportOf(folder, 'result', options.round, paths, findings);
}

function checkSingle(folder: string, { round, benchmark: given }: CheckOptions): Finding[] {
  // <division>/<submitter>/results/<system>/<benchmark>/<scenario>
  const [division, , results, , parent = ''] = folder.split(sep).slice(-6);
  const name = given ?? parent;
  const benchmark = given === null ? findBenchmark(name, round) : knownBenchmark(given, round);
  const scenario = findScenario(basename(folder));
  const claim = {
    round,
    division:
      results === 'results' ? (divisions.find((known) => known === division) ?? null) : null,
    scenario,
    benchmark,
    sampleCount: benchmark?.accuracySampleCount ?? null,
    isSubmission: true,
  };
  const findings = checkResult(readResult(new ResultFolder(folder), claim));
  if (benchmark !== null && scenario !== null) return findings;
  const required = 'a folder <benchmark>/<scenario>, or --benchmark';
  const why = 'Without them sizes, limits and targets are not checked.';
  const value = benchmark === null ? name : basename(folder);
  return [
    findWarning('unknown-benchmark', { file: folder }, { value, required, why }),
    ...findings,
  ];
}

function knownBenchmark(name: string, round: SubmissionRound): Benchmark {
  const allowed = benchmarkNames(round).join(', ');
  return (
    findBenchmark(name, round) ??
    refuse('--benchmark', `is "${name}"; allowed in ${round}: ${allowed}`)
  );
}

/** A run of loadmark is no submission: its logs are checked, and its lengths are its own. */
function checkRun(folder: string, { round, benchmark: given }: CheckOptions): CheckReport {
  const file = join(folder, 'run.json');
  const benchmark = given === null ? null : knownBenchmark(given, round);
  const run = readRunVerdict(file);
  const claim = { round, division: null, benchmark, isSubmission: false };
  const { samples: sampleCount } = run;
  const result = readResult(new ResultFolder(folder), {
    ...claim,
    scenario: findScenario(run.scenario),
    sampleCount,
  });
  const findings = [...checkVerdict(run, file), ...checkResult(result)];
  if (result.performance === null && result.accuracy === null) {
    const required = 'the logs of a pass, in performance/run_1/ or accuracy/';
    const why = 'Without its logs there is nothing to judge the run by.';
    findings.unshift(findError('no-results', { file: folder }, { value: 'no log', required, why }));
  }
  return reportOf(folder, 'run', round, [folder], findings);
}
