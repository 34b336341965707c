// Which run goes where in a submission, and why can it not be made? Everything that is wrong is told before anything is
// written.

import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { type Fault, messageOf } from '../errors.js';
import type { Division, ScenarioName, SubmissionRound } from './benchmarks.js';
import { type PackagedPass, type PackagedRun, readPackagedRun } from './packaged-run.js';
import { checkSystem } from './rules/system-rules.js';
import { measurementFields } from './system-description.js';
import { findUnlikeRuns, findUnlikeSystems } from './unlike-runs.js';

export interface PackageRequest {
  readonly runs: readonly string[];
  readonly division: Division;
  readonly submitter: string;
  /** The JSON that describes the system. */
  readonly system: string;
  readonly round: SubmissionRound;
  readonly out: string;
  readonly benchmark: string | null;
  /** JSON laid over the measurements that the system's file holds and that the runs tell. */
  readonly measurements: string | null;
}

/** One results/<system>/<benchmark>/<scenario>. */
export interface PlannedResult {
  readonly benchmark: string;
  readonly scenario: ScenarioName;
  readonly runs: Readonly<Partial<Record<PackagedPass, PackagedRun>>>;
}

export interface PackagePlan {
  readonly request: PackageRequest;
  readonly systemName: string;
  readonly system: Readonly<Record<string, unknown>>;
  /** What the submitter says of how the results were made. */
  readonly measurements: Readonly<Record<string, unknown>>;
  readonly results: readonly PlannedResult[];
}

/** The plan, or null where faults were noted. */
export function planPackage(request: PackageRequest, faults: Fault[]): PackagePlan | null {
  checkNames(request, faults);
  const described = readSystem(request, faults);
  const measurements = readMeasurements(request, described, faults);
  const runs = request.runs.flatMap((path) => {
    const run = readPackagedRun(path, request, faults);
    return run === null ? [] : [run];
  });
  checkFolders(runs, request, faults);
  faults.push(...findUnlikeSystems(runs));
  const results = groupRuns(runs, faults);
  checkPasses(results, request, faults);
  if (request.division !== 'open') checkScenarios(results, faults);
  if (faults.length > 0 || described === null) return null;
  const systemName = basename(request.system, '.json');
  const { system } = described;
  return { request, systemName, system, measurements, results };
}

function checkNames({ submitter, out, system }: PackageRequest, faults: Fault[]): void {
  const allowed = /^[\w][\w.+-]*$/;
  if (!allowed.test(submitter)) {
    const message = `is "${submitter}"; allowed: letters, digits and . _ + -, since it names a folder`;
    faults.push({ where: '--submitter', message });
  }
  if (!allowed.test(basename(system, '.json'))) {
    const message = `is called "${basename(system)}"; allowed: letters, digits and . _ + -, since it names a folder`;
    faults.push({ where: '--system', message });
  }
  const path = resolve(out);
  const isThere = existsSync(path);
  const isFolder = isThere && statSync(path).isDirectory();
  if (isThere && !(isFolder && readdirSync(path).length === 0)) {
    const problem = isFolder ? 'is not empty' : 'is not a folder';
    faults.push({
      where: '--out',
      message: `"${path}" ${problem}; allowed: a new or empty folder`,
    });
  }
}

function readJson(
  file: string,
  where: string,
  faults: Fault[],
): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
    faults.push({ where, message: `"${file}" is not a JSON object` });
  } catch (error) {
    faults.push({ where, message: `"${file}" cannot be read: ${messageOf(error)}` });
  }
  return null;
}

interface DescribedSystem {
  /** For systems/<system>.json. */
  readonly system: Readonly<Record<string, unknown>>;
  /** The file's section for measurements.json. */
  readonly measurements: unknown;
}

/** The description with division and submitter filled in where it leaves them open. */
function readSystem(request: PackageRequest, faults: Fault[]): DescribedSystem | null {
  const { system: file, division, submitter } = request;
  const read = readJson(file, '--system', faults);
  if (read === null) return null;
  const { measurements, ...given } = read;
  const filled = {
    ...given,
    division: given.division || division,
    submitter: given.submitter || submitter,
  };
  const findings = checkSystem(filled, { file, division, submitter });
  for (const { value, required, why } of findings) {
    const message = `${value === null ? 'lacks' : `has ${value} for`} ${required}. ${why}`;
    faults.push({ where: file, message });
  }
  return { system: filled, measurements };
}

/** Of the system's file and then of --measurements: what only the submitter knows has to stand in one of them. */
function readMeasurements(
  request: PackageRequest,
  described: DescribedSystem | null,
  faults: Fault[],
): Readonly<Record<string, unknown>> {
  const { measurements: file, system } = request;
  const inSystem = described?.measurements ?? {};
  if (typeof inSystem !== 'object' || Array.isArray(inSystem)) {
    const message = 'has no JSON object for "measurements"; allowed: the section of the template';
    faults.push({ where: system, message });
  }
  const own = file === null ? {} : readJson(file, '--measurements', faults);
  if (own === null || described === null) return {};
  const given: Readonly<Record<string, unknown>> = { ...(inSystem as object), ...own };
  for (const [key, meaning] of Object.entries(measurementFields)) {
    const value = given[key];
    if (typeof value === 'string' && value.trim() !== '') continue;
    const found = value === undefined ? 'lacks' : `has ${JSON.stringify(value)} for`;
    const message =
      `${found} "${key}" in "measurements", which only the submitter knows; allowed: a text, ${meaning} ` +
      '(or --measurements FILE with it)';
    faults.push({ where: file ?? system, message });
  }
  return given;
}

/** No run twice, and none that the tree would be written into. */
function checkFolders(
  runs: readonly PackagedRun[],
  { out }: PackageRequest,
  faults: Fault[],
): void {
  const tree = withoutLinks(resolve(out)) + sep;
  const seen = new Set<string>();
  for (const { folder } of runs) {
    const path = realpathSync(folder.path);
    if (seen.has(path)) {
      faults.push({ where: folder.path, message: 'is given twice; allowed: each run once' });
    }
    seen.add(path);
    if (!tree.startsWith(path + sep)) continue;
    const message = `lies in the run ${folder.path}, which is not to be changed; allowed: a folder elsewhere`;
    faults.push({ where: '--out', message });
  }
}

/** A path that need not exist, its links followed as far as it does. */
function withoutLinks(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  return dirname(path) === path ? path : join(withoutLinks(dirname(path)), basename(path));
}

/** Puts every pass in its place; two for one place are a fault. */
function groupRuns(runs: readonly PackagedRun[], faults: Fault[]): PlannedResult[] {
  const places = new Map<
    string,
    { benchmark: string; scenario: ScenarioName; runs: Partial<Record<PackagedPass, PackagedRun>> }
  >();
  for (const run of runs) {
    const key = `${run.benchmark.name}/${run.scenario}`;
    const place = places.get(key) ?? {
      benchmark: run.benchmark.name,
      scenario: run.scenario,
      runs: {},
    };
    places.set(key, place);
    for (const pass of run.passes) {
      const other = place.runs[pass];
      if (other === undefined) {
        place.runs[pass] = run;
        continue;
      }
      const message = `has the ${pass} pass of ${key}, and so has ${other.folder.path}; allowed: one`;
      faults.push({ where: run.folder.path, message });
    }
  }
  return [...places.values()];
}

function checkPasses(
  results: readonly PlannedResult[],
  { division }: PackageRequest,
  faults: Fault[],
): void {
  for (const { benchmark, scenario, runs } of results) {
    const place = `${benchmark}/${scenario}`;
    faults.push(...findUnlikeRuns(place, Object.values(runs)));
    for (const pass of ['performance', 'accuracy'] as const) {
      if (runs[pass] !== undefined) continue;
      faults.push({
        where: place,
        message: `has no ${pass} pass; allowed: runs that bring both passes`,
      });
    }
    const audits = (runs.performance ?? runs.accuracy)?.benchmark.audits ?? [];
    if (division !== 'open' && audits.includes('TEST06') && runs.audit === undefined) {
      const message = `has no audit, which the ${division} division asks for; allowed: a run with --audit TEST06 besides`;
      faults.push({ where: place, message });
    }
  }
}

/** Outside the open division a benchmark is measured in all of its scenarios. */
function checkScenarios(results: readonly PlannedResult[], faults: Fault[]): void {
  for (const name of new Set(results.map(({ benchmark }) => benchmark))) {
    const own = results.filter(({ benchmark }) => benchmark === name);
    const given = own.map(({ scenario }) => scenario);
    const [run] = own.flatMap(({ runs }) => Object.values(runs));
    if (run === undefined) continue;
    const { requiredScenarios, oneOfScenarios } = run.benchmark;
    const missing: string[] = requiredScenarios.filter((scenario) => !given.includes(scenario));
    const hasOne = oneOfScenarios.some((scenario) => given.includes(scenario));
    if (oneOfScenarios.length > 0 && !hasOne) missing.push(oneOfScenarios.join(' or '));
    for (const scenario of missing) {
      const message = `has no ${scenario}, which only the open division goes without; given: ${given.join(', ')}`;
      faults.push({ where: name, message });
    }
  }
}
