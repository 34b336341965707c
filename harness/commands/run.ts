// `bench run`: configuration -> pieces -> passes -> record -> summary, told top to bottom.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Dataset } from '../../datasets/dataset.js';
import { hostFeatures } from '../../native/index.js';
import { formatAccuracyText } from '../accuracy/index.js';
import {
  type AuditPlan,
  type ConsistencyReport,
  checkConsistency,
  formatVerification,
  planAudit,
  readAuditedLog,
} from '../audit/index.js';
import { applyConfFiles } from '../conf-files.js';
import { loadRunConfig, type RunConfig } from '../config.js';
import { locateDevices, nameDevice, resolveDevices } from '../device.js';
import { listIntervals, writeIntervals } from '../engine-course.js';
import { type Fault, messageOf } from '../errors.js';
import { listEvidence, writeEvidence } from '../evidence.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { askForProfile, buildProfile, type KernelProfile } from '../kernel-profile.js';
import { MetricsServer } from '../metrics/metrics-server.js';
import type { Override } from '../overrides.js';
import { findPackageRoot } from '../package-root.js';
import { type PassResult, runPass } from '../pass.js';
import { formatProfile } from '../report/profile-table.js';
import { ProgressReporter, type TextStream } from '../report/progress.js';
import { formatSummary } from '../report/summary.js';
import { DatasetShelf } from '../run-dataset.js';
import { createRunFolder, findOutputFaults, type RunFolder } from '../run-folder.js';
import { buildPieces, type RunPieces } from '../run-pieces.js';
import {
  buildRunRecord,
  formatRunRecord,
  type RunMaterial,
  type RunRecord,
} from '../run-record.js';
import { scorePass } from '../scoring.js';
import type { MeasuredSut } from '../sut/measured-sut.js';
import { writeTelemetry } from '../telemetry/telemetry-file.js';
import type { TelemetryMaterial } from '../telemetry/telemetry-record.js';
import { TelemetryRecorder } from '../telemetry/telemetry-recorder.js';
import { buildTestSettings, measuredPass, type PassName } from '../test-settings.js';
import { writeTrace } from '../trace-file.js';
import { longEnoughS, type WarmUp, warmUp } from '../warm-up.js';

export interface RunOptions {
  readonly config: string;
  readonly overrides: readonly Override[];
  /** What the command line asked for and this version does not have. */
  readonly faults: readonly Fault[];
  readonly output: string | null;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Write trace.json of each pass. */
  readonly trace: boolean;
  /** Write report.html. */
  readonly report: boolean;
  /** As typed, for run.json. */
  readonly command: readonly string[];
}

export interface Streams {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
}

export async function runBenchmark(
  options: RunOptions,
  streams: Streams,
  signal: AbortSignal,
): Promise<ExitCode> {
  const shelf = new DatasetShelf();
  const config = await loadRunConfig(options.config, options.overrides, {
    root: findPackageRoot().folder,
    openDataset: (...asked) => shelf.open(...asked),
    resolveDevices: (asked) => resolveDevices(asked, hostFeatures),
    faults: [...options.faults, ...findOutputFaults(options.output)],
    onWarning: ({ where, message }) =>
      streams.stderr.write(`bench: warning: ${where}: ${message}\n`),
  });
  const audit = await planAudit(config, shelf.opened?.kind ?? 'generation');
  const metrics = await MetricsServer.start(config);
  try {
    return await runConfigured({ config, audit, dataset: shelf.opened, metrics }, options, {
      streams,
      signal,
    });
  } finally {
    await metrics?.close();
  }
}

/** A run that was checked, and the port it may serve its figures at. */
interface CheckedRun {
  readonly config: RunConfig;
  readonly audit: AuditPlan | null;
  readonly dataset: Dataset | null;
  readonly metrics: MetricsServer | null;
}

async function runConfigured(
  { config, audit, dataset, metrics }: CheckedRun,
  options: RunOptions,
  { streams, signal }: { readonly streams: Streams; readonly signal: AbortSignal },
): Promise<ExitCode> {
  const progress = new ProgressReporter(streams.stderr, options.quiet);
  if (metrics !== null) progress.note(`live figures at ${metrics.url}`);
  const startedAt = new Date();
  const folder = createRunFolder(config.name, options.output, startedAt);
  const pieces = await loadPieces(config, dataset, startedAt, folder, progress);
  let telemetry: TelemetryRecorder | null = null;
  try {
    const compute = locateDevices(config.workers, hostFeatures);
    telemetry = TelemetryRecorder.start(config, compute);
    if (telemetry !== null) metrics?.watch(telemetry);
    const beside = { telemetry, metrics };
    const passes = await runPasses(config, pieces, beside, folder, signal);
    const sampled = telemetry?.finish() ?? null;
    const material = scoreRun(config, pieces, { ...passes, telemetry: sampled }, options.command, {
      plan: audit,
      signal,
    });
    const record = await writeRun(material, folder, options.trace);
    const page = options.report ? await writePage(record, pieces, folder, streams) : '';
    streams.stdout.write(
      options.json
        ? formatRunRecord(record)
        : formatSummary(record, folder.path, streams.stdout.isTTY === true) +
            page +
            (material.profile === null ? '' : `\n${formatProfile(material.profile)}\n`),
    );
    return judgeRun(material, record);
  } finally {
    telemetry?.stop();
    await pieces.sut.close();
  }
}

/** Leaves no empty folder behind where nothing could be started. */
async function loadPieces(
  config: RunConfig,
  dataset: Dataset | null,
  startedAt: Date,
  folder: RunFolder,
  progress: ProgressReporter,
): Promise<RunPieces> {
  try {
    if (dataset === null) throw new Error('a checked run has opened its dataset');
    return await buildPieces(config, dataset, startedAt, progress);
  } catch (error) {
    folder.discard();
    throw error;
  }
}

interface Passes {
  readonly accuracy: PassResult | null;
  readonly performance: PassResult | null;
  readonly warmUp: WarmUp | null;
}

/** What goes along with the passes. */
interface Beside {
  readonly telemetry: TelemetryRecorder | null;
  readonly metrics: MetricsServer | null;
}

/** Accuracy first, which warms up and tells how fast it goes. */
async function runPasses(
  config: RunConfig,
  pieces: RunPieces,
  { telemetry, metrics }: Beside,
  folder: RunFolder,
  signal: AbortSignal,
): Promise<Passes> {
  const { library, sut, progress, clock } = pieces;
  const idleMs = config.watchdogS * 1000;
  let isSilent = false;
  const sampled = <T>(name: 'warm-up' | PassName, part: () => Promise<T>): Promise<T> =>
    telemetry === null ? part() : telemetry.during(name, part);
  const observer = metrics?.figures ?? null;
  const isOver = () => signal.aborted || sut.brokenBy !== null || isSilent;
  const run = async (pass: PassName, measuredQps: number | null): Promise<PassResult> => {
    const asked = buildTestSettings(config, {
      pass,
      sampleCount: library.totalSampleCount,
      hasTokens: library.dataset.kind === 'generation',
      measuredQps,
    });
    const test = applyConfFiles(asked, config.confFiles);
    if (pass === measuredPass(config.mode)) askForProfile(sut, config.engine, true);
    observer?.begin(pass, sut);
    const result = await sampled(pass, () =>
      runPass(pass, { ...pieces, test, signal, idleMs, observer }),
    );
    observer?.end();
    // Whoever stopped answering would only be waited for once more.
    isSilent = result.outcome.stalled;
    folder.writeLogs(pass, result.outcome.logs);
    return result;
  };
  askForProfile(sut, config.engine, false);
  const isTimedOnly = config.mode === 'performance' || config.mode === 'find-peak';
  const accuracy = isTimedOnly || isOver() ? null : await run('accuracy', null);
  if (config.mode === 'accuracy' || isOver()) {
    return { accuracy, performance: null, warmUp: null };
  }
  let before = describeAccuracyPass(accuracy);
  if (before === null) {
    progress.note('warming up');
    before = await sampled('warm-up', () => warmUp(sut, library, signal, idleMs, clock));
  }
  if (!isOver()) await telemetry?.measureIdle(signal);
  const performance = isOver() ? null : await run('performance', before.samplesPerSecond);
  return { accuracy, performance, warmUp: before };
}

/** An accuracy pass is a warm-up too, if it was long enough; in Server its rate is that of the arrivals. */
function describeAccuracyPass(accuracy: PassResult | null): WarmUp | null {
  const metrics = accuracy?.outcome.metrics;
  if (!metrics || metrics.durationNs < longEnoughS * 1e9) return null;
  const { sampleCount: samples, durationNs, samplesPerSecond } = metrics;
  return { kind: 'accuracy pass', samples, seconds: durationNs / 1e9, samplesPerSecond };
}

function scoreRun(
  config: RunConfig,
  { library, sut, startedAt, progress }: RunPieces,
  passes: Passes & { readonly telemetry: TelemetryMaterial | null },
  command: readonly string[],
  { plan, signal }: { readonly plan: AuditPlan | null; readonly signal: AbortSignal },
): RunMaterial {
  const { accuracy, performance } = passes;
  if (accuracy !== null) progress.note('scoring');
  const scored = accuracy === null ? null : scorePass(accuracy.outcome, library, config.model);
  const audit = performance === null ? null : verifyAnswers(performance, plan, config.scenario);
  const found = { scored, audit, profile: readProfile(config, sut), interrupted: signal.aborted };
  return { ...passes, ...found, config, command, startedAt, library, sut };
}

function readProfile({ engine, workers }: RunConfig, sut: MeasuredSut): KernelProfile | null {
  if (engine.profileSteps === 0 || workers === null) return null;
  return buildProfile(sut.profile, nameDevice(workers[0]!.devices[0]!, hostFeatures));
}

/** Looks at the answers where an auditor would: in the log. */
function verifyAnswers(
  { outcome }: PassResult,
  plan: AuditPlan | null,
  scenario: string,
): ConsistencyReport | null {
  if (plan === null) return null;
  const answers = readAuditedLog(outcome.logs.accuracy, 'mlperf_log_accuracy.json');
  return checkConsistency(answers, { scenario, eosIds: plan.eosIds });
}

async function writeRun(
  material: RunMaterial,
  folder: RunFolder,
  withTrace: boolean,
): Promise<RunRecord> {
  const { accuracy, performance, scored, audit, profile, library } = material;
  if (scored !== null) writeFileSync(folder.accuracyText, formatAccuracyText(scored.score));
  for (const result of [accuracy, performance]) {
    if (result === null) continue;
    const rows = listEvidence(result, library, result.pass === 'accuracy' ? scored : null);
    writeEvidence(folder.samples(result.pass), rows);
    const course = listIntervals(result.readings, result.outcome.startedAtNs);
    if (course.length > 0) writeIntervals(folder.engineCourse(result.pass), course);
    if (withTrace) writeTrace(folder.trace(result.pass), result);
  }
  if (audit !== null) {
    const { text, json } = folder.verification(audit.test);
    mkdirSync(dirname(text), { recursive: true });
    writeFileSync(text, formatVerification(audit));
    writeFileSync(json, `${JSON.stringify(audit, null, 2)}\n`);
  }
  if (profile !== null) writeFileSync(folder.profileJson, `${JSON.stringify(profile, null, 2)}\n`);
  if (material.telemetry !== null) {
    const reported = performance ?? accuracy;
    writeTelemetry(folder.telemetry, material.telemetry, reported?.outcome.startedAtNs ?? 0);
  }
  const record = await buildRunRecord(material);
  writeFileSync(folder.runJson, formatRunRecord(record));
  return record;
}

/** Returns the summary's line about the page. A run is none the worse for a page that failed. */
async function writePage(
  record: RunRecord,
  { library }: RunPieces,
  folder: RunFolder,
  streams: Streams,
): Promise<string> {
  const startMs = performance.now();
  try {
    // As it will be read later: seeds are texts there.
    const written: RunRecord = JSON.parse(formatRunRecord(record));
    const findSample = (index: number) => library.sample(index);
    const { readRunEvidence, quickEvidence } = await import('../run-evidence.js');
    const { writeRunPage } = await import('../run-report.js');
    const evidence = await readRunEvidence(written, folder.runJson, quickEvidence, findSample);
    writeRunPage(evidence, folder.reportHtml);
  } catch (error) {
    streams.stderr.write(`bench: warning: report.html was not written: ${messageOf(error)}\n`);
    return '';
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(2);
  return `Report      ${folder.reportHtml} (${seconds} s)\n`;
}

function judgeRun({ sut, accuracy, performance }: RunMaterial, record: RunRecord): ExitCode {
  if (record.interrupted) return exitCodes.interrupted;
  const outcomes = [accuracy, performance].flatMap((pass) => pass?.outcome ?? []);
  const failed = outcomes.some((o) => o.failed.length > 0 || o.sutFaults.length > 0);
  if (failed || sut?.brokenBy) return exitCodes.sutFailed;
  // An audit is too short for LoadGen's early stopping; what counts is what its answers look like.
  if (record.audit !== null) return record.audit.passed ? exitCodes.ok : exitCodes.auditFailed;
  if (!record.valid) return exitCodes.invalid;
  return record.accuracy?.passed === false ? exitCodes.belowTarget : exitCodes.ok;
}
