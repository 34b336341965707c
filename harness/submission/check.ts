// What is wrong with a folder: a submission tree, results of one, or a run of loadmark? Tells them apart, finds out which
// round's rules hold and has them checked; how findings are shown is report/'s business.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { officialSeeds } from '../../loadgen/index.js';
import { type Fault, InputError } from '../errors.js';
import {
  type Benchmark,
  benchmarkNames,
  divisions,
  findBenchmark,
  type ScenarioName,
  type SubmissionRound,
  scenarioNames,
  submissionRounds,
} from './benchmarks.js';
import { parseDetailLog } from './detail-log.js';
import { type Finding, findError, findWarning } from './finding.js';
import { readResult } from './result.js';
import { checkResult } from './result-check.js';
import { checkScores, checkVerdict, readRunVerdict } from './run-verdict.js';
import { listFolders, logFiles, ResultFolder } from './submission-tree.js';
import { checkTree } from './tree-check.js';

/** What was checked and found. */
export interface CheckReport {
  readonly schema: 'loadmark/check/1';
  readonly folder: string;
  readonly kind: 'submission' | 'result' | 'run';
  readonly round: SubmissionRound;
  readonly roundBy: 'option' | 'seeds' | 'default';
  /** Folders of results, in the order of the findings. */
  readonly results: readonly string[];
  readonly findings: readonly Finding[];
  readonly errors: number;
  readonly warnings: number;
}

export interface CheckOptions {
  /** null takes the round whose seeds the first log holds, or the newest where it holds none's. */
  readonly round: SubmissionRound | null;
  /** Names the benchmark of a single result or run; a tree says it by its folders. */
  readonly benchmark: string | null;
}

/** What one kind of folder comes to. */
interface Checked {
  readonly kind: CheckReport['kind'];
  readonly results: readonly string[];
  readonly findings: readonly Finding[];
}

/** @throws InputError when the folder cannot be checked at all. */
export function checkFolder(
  folder: string,
  { round: given, benchmark }: CheckOptions,
): CheckReport {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const message = `"${folder}" is not a folder; allowed: a submission tree, one result of it, or a run`;
    refuse('FOLDER', message);
  }
  const seen = given === null ? findRound(folder) : null;
  const round = given ?? seen ?? newestRound;
  const { kind, results, findings } = checkKind(folder, round, benchmark);
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return {
    schema: 'loadmark/check/1',
    folder,
    kind,
    round,
    roundBy: given !== null ? 'option' : seen !== null ? 'seeds' : 'default',
    results,
    findings,
    errors,
    warnings: findings.length - errors,
  };
}

function checkKind(folder: string, round: SubmissionRound, benchmark: string | null): Checked {
  const holds = (name: string) => existsSync(join(folder, name));
  if (divisions.some(holds)) {
    if (benchmark === null) return { kind: 'submission', ...checkTree(folder, round) };
    refuse('--benchmark', 'is for a single result or a run; a tree says it by its folders');
  }
  if (holds('run.json')) return checkRun(folder, round, benchmark);
  if (isResult(folder)) return checkResults([folder], round, benchmark);
  const inner = listFolders(folder)
    .filter((name) => findScenario(name) !== null)
    .map((name) => join(folder, name))
    .filter(isResult);
  if (inner.length > 0) return checkResults(inner, round, benchmark);
  if (holds('results')) {
    const message = `"${folder}" lies inside a tree; allowed: the folder that holds the divisions`;
    refuse('FOLDER', message);
  }
  const inside = `${divisions.map((name) => `${name}/`).join(', ')}, performance/, accuracy/ or run.json`;
  return refuse('FOLDER', `"${folder}" holds nothing to check; allowed: a folder with ${inside}`);
}

function refuse(where: string, message: string): never {
  const fault: Fault = { where, message };
  throw new InputError([fault]);
}

const newestRound: SubmissionRound = 'v6.1';

/** The round whose seeds the first detail log in a folder holds; null where there is none. */
function findRound(folder: string): SubmissionRound | null {
  const name = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .find((path) => basename(path) === logFiles.detail);
  if (name === undefined) return null;
  const log = parseDetailLog(readFileSync(join(folder, name), 'utf8'));
  const seed = log.find('effective_sample_index_rng_seed')?.value;
  return submissionRounds.find((round) => officialSeeds(round).sampleIndexRngSeed === seed) ?? null;
}

function isResult(folder: string): boolean {
  return ['performance', 'accuracy'].some((name) => existsSync(join(folder, name)));
}

function findScenario(name: string): ScenarioName | null {
  return scenarioNames.find((known) => known.toLowerCase() === name.toLowerCase()) ?? null;
}

/** Results outside the walk of a tree: what each is, its path says. */
function checkResults(
  results: readonly string[],
  round: SubmissionRound,
  benchmark: string | null,
): Checked {
  const findings = results.flatMap((path) => checkSingle(path, round, benchmark));
  return { kind: 'result', results, findings };
}

function checkSingle(folder: string, round: SubmissionRound, given: string | null): Finding[] {
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
function checkRun(folder: string, round: SubmissionRound, given: string | null): Checked {
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
  const findings = [
    ...checkVerdict(run, file),
    ...checkScores(run, file, result.folder.accuracyText),
    ...checkResult(result),
  ];
  if (result.performance === null && result.accuracy === null) {
    const required = 'the logs of a pass, in performance/run_1/ or accuracy/';
    const why = 'Without its logs there is nothing to judge the run by.';
    findings.unshift(findError('no-results', { file: folder }, { value: 'no log', required, why }));
  }
  return { kind: 'run', results: [folder], findings };
}
