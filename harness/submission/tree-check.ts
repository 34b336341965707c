// Which results does a submission tree hold, and what is wrong with the tree and each of them? Folders are judged here,
// results by result-check.ts.

import { basename, join } from 'node:path';
import {
  type Benchmark,
  benchmarkNames,
  divisions,
  findBenchmark,
  type ScenarioName,
  type SubmissionRound,
  type SystemType,
  scenarioNames,
} from './benchmarks.js';
import { type Finding, findError, findWarning } from './finding.js';
import { readResult } from './result.js';
import { checkResult } from './result-check.js';
import { tellMissing } from './rules/file-rules.js';
import { readModelMapping } from './rules/mapping-rules.js';
import { checkSystemFile, readSystemTypes } from './rules/system-rules.js';
import { isFolder, listFiles, listFolders, SubmitterFolder } from './submission-tree.js';

export interface TreeCheck {
  /** Folders of results, in the order of the findings. */
  readonly results: readonly string[];
  readonly findings: readonly Finding[];
}

export function checkTree(root: string, round: SubmissionRound): TreeCheck {
  const results: string[] = [];
  const findings = checkStrangers(root);
  for (const division of divisions) {
    for (const submitter of listFolders(join(root, division))) {
      const place = new SubmitterFolder(root, division, submitter);
      findings.push(...checkSubmitter(place, round, results));
    }
  }
  if (results.length === 0) {
    const why = "An empty tree has nothing wrong with it: MLCommons' checker calls it OK.";
    const required = '<division>/<submitter>/results/<system>/<benchmark>/<scenario>/';
    const judgement = { value: 'no result', required, why };
    findings.unshift(findError('no-results', { file: root }, judgement));
  }
  return { results, findings };
}

function checkStrangers(root: string): Finding[] {
  const required = `${divisions.join(', ')} and nothing beside them`;
  const why = "MLCommons' checker passes over any other folder, and over what it holds.";
  return listFolders(root)
    .filter((name) => !divisions.some((division) => division === name))
    .map((value) =>
      findError('unknown-folder', { file: join(root, value) }, { value, required, why }),
    );
}

function checkSubmitter(
  place: SubmitterFolder,
  round: SubmissionRound,
  results: string[],
): Finding[] {
  const mapping = readModelMapping(place.modelMapping, place.division, round);
  const findings: Finding[] = [
    ...[place.source, place.results].filter((path) => !isFolder(path)).map(tellMissing),
    ...mapping.findings,
    ...checkUnusedSystems(place),
    ...checkSource(place.source),
  ];
  for (const system of listFolders(place.results)) {
    const benchmarks = listFolders(join(place.results, system));
    findings.push(...checkSystemFile({ ...place, file: place.system(system) }));
    if (benchmarks.length === 0) findings.push(tellEmpty(join(place.results, system)));
    for (const folder of benchmarks) {
      const name = mapping.names.get(folder) ?? folder;
      const what = { place, system, folder, benchmark: findBenchmark(name, round), round };
      findings.push(...checkBenchmark(what, results));
    }
  }
  return findings;
}

function checkUnusedSystems(place: SubmitterFolder): Finding[] {
  const measured = listFolders(place.results);
  return listFiles(place.systems)
    .filter((name) => name.endsWith('.json') && !measured.includes(basename(name, '.json')))
    .map((name) => {
      const required = `results/${basename(name, '.json')}/`;
      const judgement = { value: null, required, why: 'The system described has no result.' };
      return findWarning('unused-system', { file: join(place.systems, name) }, judgement);
    });
}

function checkSource(file: string): Finding[] {
  if (!isFolder(file) || listFolders(file).length + listFiles(file).length > 0) return [];
  const why = 'The code that was measured belongs to the submission.';
  const judgement = { value: 'an empty folder', required: 'the source of each benchmark', why };
  return [findWarning('empty-source', { file }, judgement)];
}

function tellEmpty(file: string): Finding {
  const why = "MLCommons' checker passes over an empty folder in silence.";
  return findError('no-results', { file }, { value: 'an empty folder', required: 'results', why });
}

/** A benchmark's folder of a system. */
interface BenchmarkPlace {
  readonly place: SubmitterFolder;
  readonly system: string;
  readonly folder: string;
  readonly benchmark: Benchmark | null;
  readonly round: SubmissionRound;
}

/** All scenarios of one benchmark on one system. */
function checkBenchmark(what: BenchmarkPlace, results: string[]): Finding[] {
  const { place, system, folder, benchmark, round } = what;
  const { division } = place;
  const file = join(place.results, system, folder);
  const given = listFolders(file);
  const findings: Finding[] = given.length === 0 ? [tellEmpty(file)] : [];
  if (benchmark === null) findings.push(tellUnknown(folder, round, file));
  const scenarios: ScenarioName[] = [];
  for (const name of given) {
    const scenario = scenarioNames.find((known) => known.toLowerCase() === name.toLowerCase());
    if (scenario === undefined) {
      const why = 'Other folders are taken for results and refused.';
      const judgement = { value: name, required: scenarioNames.join(', '), why };
      findings.push(findError('unknown-scenario', { file: join(file, name) }, judgement));
      continue;
    }
    if (scenarios.includes(scenario)) findings.push(tellTwice(scenario, join(file, name)));
    scenarios.push(scenario);
    const result = place.result(system, folder, name);
    results.push(result.path);
    const sampleCount = benchmark?.accuracySampleCount ?? null;
    const claim = { round, division, scenario, benchmark, sampleCount, isSubmission: true };
    findings.push(...checkResult(readResult(result, claim)));
  }
  if (division === 'open' || benchmark === null) return findings;
  const types = readSystemTypes(place.system(system));
  return [
    ...findings,
    ...checkSystemType(types, benchmark, file),
    ...checkScenarios(scenarios, benchmark, file),
  ];
}

function tellTwice(scenario: ScenarioName, file: string): Finding {
  const value = `${basename(file)}, which is ${scenario} again`;
  const why = 'Names of scenarios may have small letters, so that two folders are of one scenario.';
  return findError('repeated-scenario', { file }, { value, required: 'one folder of each', why });
}

function tellUnknown(value: string, round: SubmissionRound, file: string): Finding {
  const required = `a benchmark of ${round}: ${benchmarkNames(round).join(', ')}`;
  const why = 'Sizes, limits and targets are those of the benchmark.';
  return findError('unknown-benchmark', { file }, { value, required, why });
}

function checkSystemType(
  types: readonly SystemType[],
  { name, systemTypes }: Benchmark,
  file: string,
): Finding[] {
  // A type that cannot be read is the system's own finding.
  if (types.length === 0 || types.some((type) => systemTypes.includes(type))) return [];
  const required = `a system of type ${systemTypes.join(' or ')}`;
  const why = `Outside the open division ${name} is measured on such systems only.`;
  return [findError('wrong-system-type', { file }, { value: types.join(','), required, why })];
}

function checkScenarios(
  scenarios: readonly ScenarioName[],
  { requiredScenarios, oneOfScenarios, name }: Benchmark,
  file: string,
): Finding[] {
  const missing = requiredScenarios.filter((scenario) => !scenarios.includes(scenario)) as string[];
  const hasOne = oneOfScenarios.some((scenario) => scenarios.includes(scenario));
  if (oneOfScenarios.length > 0 && !hasOne) missing.push(oneOfScenarios.join(' or '));
  const known: readonly ScenarioName[] = [...requiredScenarios, ...oneOfScenarios];
  const value = scenarios.join(', ') || 'none';
  return [
    ...missing.map((required) => {
      const why = `Outside the open division ${name} is measured in all of its scenarios.`;
      return findError('missing-scenario', { file }, { value, required, why });
    }),
    ...scenarios
      .filter((scenario) => !known.includes(scenario))
      .map((scenario) => {
        const why = `Outside the open division ${name} has no such scenario.`;
        const judgement = { value: scenario, required: known.join(', '), why };
        return findError('unknown-scenario', { file: join(file, scenario) }, judgement);
      }),
  ];
}
