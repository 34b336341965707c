// Which results lie in a folder, and what is wrong with each? Tells a submission tree, a single result and a run of
// loadmark apart and finds out which round's rules hold; how findings are shown is report/'s business.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { officialSeeds } from '../../loadgen/index.js';
import { type Fault, InputError, messageOf } from '../errors.js';
import type { RunRecord } from '../run-record.js';
import {
  benchmarkNames,
  divisions,
  findBenchmark,
  type SubmissionRound,
  scenarioNames,
  submissionRounds,
} from './benchmarks.js';
import { parseDetailLog } from './detail-log.js';
import { type Finding, findError, findWarning } from './finding.js';
import { readResult } from './result.js';
import { checkResult } from './result-check.js';
import { logFiles, ResultFolder } from './submission-tree.js';
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
  if (divisions.some(holds)) return { kind: 'submission', ...checkTree(folder, round) };
  if (holds('run.json')) return checkRun(folder, round, benchmark);
  if (holds('performance') || holds('accuracy')) return checkSingle(folder, round, benchmark);
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

/** One result folder: what it is, its path and its log say. */
function checkSingle(folder: string, round: SubmissionRound, given: string | null): Checked {
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
  return { kind: 'result', results: [folder], findings };
}

function refuseBenchmark(name: string, round: SubmissionRound): never {
  const allowed = benchmarkNames(round).join(', ');
  return refuse('--benchmark', `is "${name}"; allowed in ${round}: ${allowed}`);
}

/** A run of loadmark is no submission: its logs are checked, and its lengths are its own. */
function checkRun(folder: string, round: SubmissionRound, given: string | null): Checked {
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
  return { kind: 'run', results: [folder], findings: [...checkVerdict(run, file), ...findings] };
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
