// Which results lie in a folder, and what is wrong with each? Walks a submission tree, a single result or a run of
// loadmark and asks every rule; how findings are shown is report/'s business.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Fault, InputError, messageOf } from '../errors.js';
import type { RunRecord } from '../run-record.js';
import {
  benchmarkNames,
  type Division,
  divisions,
  findBenchmark,
  type ScenarioName,
  type SubmissionRound,
  scenarioNames,
} from './benchmarks.js';
import { type Finding, findError, findWarning } from './finding.js';
import { type Result, type ResultClaim, readResult } from './result.js';
import { checkAccuracyCount, checkAccuracyText } from './rules/accuracy-rules.js';
import { checkAccuracyLog } from './rules/answer-rules.js';
import { checkAudits } from './rules/audit-rules.js';
import { checkFiles, tellMissing } from './rules/file-rules.js';
import { checkLog } from './rules/log-rules.js';
import { checkPair } from './rules/pair-rules.js';
import { checkPerformance } from './rules/performance-rules.js';
import { checkMode, checkPerformanceSettings } from './rules/setting-rules.js';
import { checkSystem } from './rules/system-rules.js';
import { listFolders, ResultFolder, SubmitterFolder } from './submission-tree.js';

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
  const found = divisions.filter((division) => existsSync(join(folder, division)));
  if (found.length > 0) return checkTree(folder, found, options);
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

/** Everything that is asked of one result. */
function checkResult(result: Result): Finding[] {
  const { folder, performance, accuracy } = result;
  const [performanceFile, accuracyFile] = [folder.performance('detail'), folder.accuracy('detail')];
  return [
    ...checkFiles(result),
    ...(performance === null
      ? []
      : [
          ...checkLog(performance, performanceFile, result),
          ...checkPerformance(performance, performanceFile, result),
          ...checkPerformanceSettings(performance, performanceFile, result),
        ]),
    ...(accuracy === null
      ? []
      : [
          ...checkLog(accuracy, accuracyFile, result),
          ...checkMode(accuracy, accuracyFile, 'AccuracyOnly'),
          ...checkAccuracyCount(accuracy, accuracyFile, result),
        ]),
    ...checkPair(result),
    ...checkAccuracyText(result),
    ...checkAccuracyLog(result),
    ...checkAudits(result),
  ];
}

function checkTree(root: string, found: readonly Division[], options: CheckOptions): CheckReport {
  const results: string[] = [];
  const findings: Finding[] = [];
  for (const division of found) {
    for (const submitter of listFolders(join(root, division))) {
      const place = new SubmitterFolder(root, division, submitter);
      findings.push(...checkSubmitter(place, options.round, results));
    }
  }
  if (results.length === 0) {
    const why = "An empty tree has nothing wrong with it: MLCommons' checker calls it OK.";
    const required = '<division>/<submitter>/results/<system>/<benchmark>/<scenario>/';
    findings.unshift(
      findError('no-results', { file: root }, { value: 'no result', required, why }),
    );
  }
  return reportOf(root, 'submission', options.round, results, findings);
}

function checkSubmitter(
  place: SubmitterFolder,
  round: SubmissionRound,
  results: string[],
): Finding[] {
  const { division, submitter } = place;
  const findings: Finding[] = [];
  for (const folder of [place.source, place.results]) {
    if (!existsSync(folder)) findings.push(tellMissing(folder));
  }
  for (const system of listFolders(place.results)) {
    findings.push(...checkSystem({ file: place.system(system), division, submitter }));
    for (const name of listFolders(join(place.results, system))) {
      findings.push(...checkBenchmark(place, system, name, round, results));
    }
  }
  return findings;
}

/** All scenarios of one benchmark on one system. */
function checkBenchmark(
  place: SubmitterFolder,
  system: string,
  name: string,
  round: SubmissionRound,
  results: string[],
): Finding[] {
  const { division } = place;
  const benchmark = findBenchmark(name, round);
  const file = join(place.results, system, name);
  const findings: Finding[] = [];
  if (benchmark === null) {
    const required = `a benchmark of ${round}: ${benchmarkNames(round).join(', ')}`;
    const why = 'Sizes, limits and targets are those of the benchmark.';
    findings.push(findError('unknown-benchmark', { file }, { value: name, required, why }));
  }
  const scenarios: ScenarioName[] = [];
  for (const given of listFolders(file)) {
    const scenario = scenarioNames.find((known) => known.toLowerCase() === given.toLowerCase());
    if (scenario === undefined) {
      const required = scenarioNames.join(', ');
      const why = 'Other folders are taken for results and refused.';
      const judgement = { value: given, required, why };
      findings.push(findError('unknown-scenario', { file: join(file, given) }, judgement));
      continue;
    }
    scenarios.push(scenario);
    const folder = place.result(system, name, given);
    results.push(folder.path);
    const sampleCount = benchmark?.accuracySampleCount ?? null;
    const claim = { round, division, scenario, benchmark, sampleCount, isSubmission: true };
    findings.push(...checkResult(readResult(folder, claim)));
  }
  if (division !== 'open' && benchmark !== null) {
    findings.push(...checkScenarios(scenarios, benchmark, file));
  }
  return findings;
}

function checkScenarios(
  scenarios: readonly ScenarioName[],
  { requiredScenarios, oneOfScenarios, name }: NonNullable<ResultClaim['benchmark']>,
  file: string,
): Finding[] {
  const missing = requiredScenarios.filter((scenario) => !scenarios.includes(scenario)) as string[];
  const hasOne = oneOfScenarios.some((scenario) => scenarios.includes(scenario));
  if (oneOfScenarios.length > 0 && !hasOne) missing.push(oneOfScenarios.join(' or '));
  return missing.map((required) => {
    const why = `Outside the open division ${name} is measured in all of its scenarios.`;
    const value = scenarios.join(', ') || 'none';
    return findError('missing-scenario', { file }, { value, required, why });
  });
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
