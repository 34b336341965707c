// Is a submission tree laid out as it has to be, and is every result in it right?

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Benchmark,
  benchmarkNames,
  divisions,
  findBenchmark,
  type ScenarioName,
  type SubmissionRound,
  scenarioNames,
} from './benchmarks.js';
import { type Finding, findError } from './finding.js';
import { readResult } from './result.js';
import { checkResult } from './result-check.js';
import { tellMissing } from './rules/file-rules.js';
import { checkSystemFile } from './rules/system-rules.js';
import { listFolders, SubmitterFolder } from './submission-tree.js';

/** What a tree holds and what is wrong with it. */
export interface TreeFindings {
  /** Folders of results. */
  readonly results: readonly string[];
  readonly findings: readonly Finding[];
}

export function checkTree(root: string, round: SubmissionRound): TreeFindings {
  const results: string[] = [];
  const findings: Finding[] = [];
  const found = divisions.filter((division) => existsSync(join(root, division)));
  for (const name of listFolders(root)) {
    if ((divisions as readonly string[]).includes(name)) continue;
    const required = `folders ${divisions.join(', ')}`;
    const why = "MLCommons' checker passes over any other folder, and over what it holds.";
    findings.push(
      findError('unknown-folder', { file: join(root, name) }, { value: name, required, why }),
    );
  }
  for (const division of found) {
    for (const submitter of listFolders(join(root, division))) {
      const place = new SubmitterFolder(root, division, submitter);
      findings.push(...checkSubmitter(place, round, results));
    }
  }
  if (results.length === 0) {
    const why = "An empty tree has nothing wrong with it: MLCommons' checker calls it OK.";
    const required = '<division>/<submitter>/results/<system>/<benchmark>/<scenario>/';
    findings.unshift(
      findError('no-results', { file: root }, { value: 'no result', required, why }),
    );
  }
  return { results, findings };
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
    findings.push(...checkSystemFile({ file: place.system(system), division, submitter }));
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
  { requiredScenarios, oneOfScenarios, name }: Benchmark,
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
