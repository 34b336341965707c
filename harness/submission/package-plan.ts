// Which run goes where in a submission, and why can it not be made? Everything that is wrong is told before anything is
// written.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { officialSeeds } from '../../loadgen/index.js';
import { type Fault, messageOf } from '../errors.js';
import type { Division, ScenarioName, SubmissionRound } from './benchmarks.js';
import { type PackagedPass, type PackagedRun, readPackagedRun } from './packaged-run.js';
import { checkSystem } from './rules/system-rules.js';

export interface PackageRequest {
  readonly runs: readonly string[];
  readonly division: Division;
  readonly submitter: string;
  /** The JSON that describes the system. */
  readonly system: string;
  readonly round: SubmissionRound;
  readonly out: string;
  readonly benchmark: string | null;
  /** JSON that measurements.json starts from; null derives it from the runs. */
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
  readonly measurements: Readonly<Record<string, unknown>> | null;
  readonly results: readonly PlannedResult[];
}

/** The plan, or null where faults were noted. */
export function planPackage(request: PackageRequest, faults: Fault[]): PackagePlan | null {
  checkNames(request, faults);
  const system = readSystem(request, faults);
  const measurements =
    request.measurements === null ? null : readJson(request.measurements, '--measurements', faults);
  const runs = request.runs.flatMap((path) => {
    const run = readPackagedRun(path, request, faults);
    return run === null ? [] : [run];
  });
  for (const run of runs) checkSeeds(run, request, faults);
  const results = groupRuns(runs, faults);
  checkPasses(results, request, faults);
  if (faults.length > 0 || system === null) return null;
  const systemName = basename(request.system, '.json');
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
  if (existsSync(path) && readdirSync(path).length > 0) {
    faults.push({
      where: '--out',
      message: `"${path}" is not empty; allowed: a new or empty folder`,
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

/** The description with division and submitter filled in where it leaves them open. */
function readSystem(
  request: PackageRequest,
  faults: Fault[],
): Readonly<Record<string, unknown>> | null {
  const { system: file, division, submitter } = request;
  const given = readJson(file, '--system', faults);
  if (given === null) return null;
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
  return filled;
}

function checkSeeds(
  { record, folder }: PackagedRun,
  { round }: PackageRequest,
  faults: Fault[],
): void {
  const official = officialSeeds(round);
  const requested = record.settings?.requested;
  const isRounds = (['qslRngSeed', 'sampleIndexRngSeed', 'scheduleRngSeed'] as const).every(
    (name) => String(requested?.[name]) === String(official[name]),
  );
  if (isRounds) return;
  const message = `the seeds are not those of ${round}; allowed: a run with --set seeds.round=${round}`;
  faults.push({ where: folder.path, message });
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
