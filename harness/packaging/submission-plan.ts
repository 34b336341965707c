// Which files make the submission, and what goes into each? Everything is read and checked here, and nothing is written:
// that is tree-writer.ts's business.

import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { formatVerification } from '../audit/index.js';
import { type Fault, InputError } from '../errors.js';
import type { PackageRequest } from '../package-options.js';
import { logFiles, SubmitterFolder } from '../submission/submission-tree.js';
import type { PassName } from '../test-settings.js';
import { findRunFaults } from './admission.js';
import { formatMeasurements, readMeasurements } from './measurements.js';
import { auditedLog, type PackedRun, readPackedRun } from './packed-run.js';
import { nameScenario, type PlacedResult, placeRuns } from './placement.js';
import { formatResultReadme, formatSourceReadme } from './readme-text.js';
import { readSystemFile, type SystemFile } from './system-file.js';
import { appendDigest, digestFile } from './truncated-log.js';
import { formatUserConf } from './user-conf-text.js';

/** A file of the tree: its text, or the file it comes from. */
export interface PlannedFile {
  /** Relative to the tree. */
  readonly path: string;
  readonly content:
    | { readonly kind: 'text'; readonly text: string }
    | { readonly kind: 'copy' | 'truncated'; readonly from: string };
}

export interface SubmissionPlan {
  readonly files: readonly PlannedFile[];
  /** What whoever hands it in should know of the results. */
  readonly remarks: readonly string[];
}

/** @throws InputError with every fault of the options, the system, the runs and what they lack together. */
export function planSubmission(request: PackageRequest): SubmissionPlan {
  const faults: Fault[] = [...request.faults];
  const system = readSystemFile(request, faults);
  const measurements = readMeasurements(request, faults);
  const named = readRuns(request, faults);
  const results = placeRuns(named, request, faults);
  if (faults.length > 0 || system === null || measurements === null) throw new InputError(faults);
  return {
    files: listFiles(request, system, measurements, results),
    remarks: results.flatMap(remarkOn),
  };
}

function remarkOn({ benchmark, scenario, performance: { record } }: PlacedResult): string[] {
  const facts = [
    record.sut?.kind === 'native' ? [] : [`the ${record.sut?.kind} system computes no model`],
    record.clock === 'virtual' ? ['its times are simulated'] : [],
  ].flat();
  return facts.length === 0
    ? []
    : [
        `${benchmark.name}/${scenario} is no measurement: ${facts.join(', and ')}; its README.md says so.`,
      ];
}

function readRuns(request: PackageRequest, faults: Fault[]) {
  const seen = new Map<string, string>();
  const read = (name: string, isInteractive: boolean) => {
    const run = readPackedRun(name, faults);
    if (run === null) return [];
    const path = realpathSync(run.folder.path);
    const twin = seen.get(path);
    if (twin !== undefined) {
      faults.push({
        where: name,
        message: `is the same folder as ${twin}; allowed: each run once`,
      });
      return [];
    }
    seen.set(path, name);
    if (request.out !== '' && `${resolveReal(request.out)}${sep}`.startsWith(`${path}${sep}`)) {
      const message = `lies in the run ${name}, which is not to be changed; allowed: a folder elsewhere`;
      faults.push({ where: '--out', message });
    }
    faults.push(...findRunFaults(run, request.round));
    return nameScenario(run, isInteractive, faults);
  };
  return [
    ...request.runs.flatMap((name) => read(name, false)),
    ...request.interactive.flatMap((name) => read(name, true)),
  ];
}

/** A path without links, as far as it exists. */
function resolveReal(path: string): string {
  const parent = resolve(path, '..');
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return realpathSync(path);
  return parent === path ? path : join(resolveReal(parent), path.slice(parent.length));
}

function listFiles(
  { division, submitter }: PackageRequest,
  system: SystemFile,
  measurements: Readonly<Record<string, unknown>>,
  results: readonly PlacedResult[],
): PlannedFile[] {
  const place = new SubmitterFolder('', division, submitter);
  const firstOf = new Map(results.toReversed().map((result) => [result.benchmark.name, result]));
  const sources = [...firstOf].map(([benchmark, { performance }]) =>
    text(place.sourceReadme(benchmark), formatSourceReadme(benchmark, performance.record)),
  );
  const description = `${JSON.stringify(system.fields, null, 2)}\n`;
  return [
    text(place.system(system.name), description),
    ...sources,
    ...results.flatMap((result) => listResult(place, system.name, result, measurements)),
  ];
}

function listResult(
  place: SubmitterFolder,
  system: string,
  result: PlacedResult,
  measurements: Readonly<Record<string, unknown>>,
): PlannedFile[] {
  const { benchmark, scenario, accuracy, performance, audits } = result;
  const folder = place.result(system, benchmark.name, scenario);
  const accuracyLog = join(logsOf(accuracy, 'accuracy'), logFiles.accuracy);
  const scores = readFileSync(accuracy.folder.accuracyText, 'utf8');
  return [
    ...(['summary', 'detail', 'accuracy'] as const).map((log) =>
      copy(folder.performance(log), join(logsOf(performance, 'performance'), logFiles[log])),
    ),
    ...(['summary', 'detail'] as const).map((log) =>
      copy(folder.accuracy(log), join(logsOf(accuracy, 'accuracy'), logFiles[log])),
    ),
    { path: folder.accuracy('accuracy'), content: { kind: 'truncated', from: accuracyLog } },
    text(folder.accuracyText, appendDigest(scores, digestFile(accuracyLog))),
    text(folder.measurements, formatMeasurements(performance.record, measurements)),
    text(folder.userConf, formatUserConf(performance.record)),
    text(folder.readme, formatResultReadme(result)),
    ...[...audits].flatMap(([test, run]) => listAudit(folder.audit(test), run)),
  ];
}

function listAudit(
  folder: ReturnType<ReturnType<SubmitterFolder['result']>['audit']>,
  run: PackedRun,
): PlannedFile[] {
  const { audit } = run.record;
  const log = auditedLog(run);
  if (audit === null || log === null) throw new Error(`${run.name} was placed as an audit`);
  return [
    text(folder.verdict, formatVerification(audit)),
    copy(folder.accuracyLog, log),
    ...(['summary', 'detail'] as const).map((name) =>
      copy(folder.performance(name), join(logsOf(run, 'performance'), logFiles[name])),
    ),
  ];
}

function logsOf(run: PackedRun, pass: PassName): string {
  return run.folder.logs(pass);
}

function text(path: string, content: string): PlannedFile {
  return { path, content: { kind: 'text', text: content } };
}

function copy(path: string, from: string): PlannedFile {
  return { path, content: { kind: 'copy', from } };
}
