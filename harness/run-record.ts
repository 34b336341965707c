// What does a run's run.json say? The schema loadmark/run/1, and how it is built from what the passes brought.
// Units are in the names; what is absent is null, never 0.

import type { EffectiveSettings, TestOutcome, TestSettings } from '../loadgen/index.js';
import type { JudgedTarget } from './accuracy/index.js';
import type { ConsistencyReport } from './audit/index.js';
import { type ConfFiles, type ConfRecord, recordConfFiles } from './conf-files.js';
import type { RunConfig } from './config.js';
import { describeSystem, type MachineLoad, readCommit, type System } from './environment.js';
import type { KernelProfile } from './kernel-profile.js';
import { findPackageRoot } from './package-root.js';
import type { PassResult } from './pass.js';
import { findPeakRates } from './peak-rates.js';
import { buildPerformance, type PerformanceRecord } from './performance-record.js';
import { hasFoundPeak, listRemarks } from './run-remarks.js';
import type { DatasetLibrary } from './sample-library.js';
import { judgeUnscored, type ScoredPass } from './scoring.js';
import type { MeasuredSut } from './sut/measured-sut.js';
import { describeModel, describeSut, type ModelRecord, type SutRecord } from './sut-record.js';
import {
  buildTelemetryRecord,
  type TelemetryMaterial,
  type TelemetryRecord,
} from './telemetry/telemetry-record.js';
import type { WarmUp } from './warm-up.js';
import { refuseFaulty, refuseSpeed } from './worker-losses.js';

export const runSchema = 'loadmark/run/1';

/** Kinds of a system's mistakes that are told; the detail log has them all. */
const maxToldFaults = 20;

/** run.json */
export interface RunRecord {
  readonly schema: typeof runSchema;
  readonly id: string;
  readonly name: string;
  /** UTC, ISO 8601. */
  readonly startedAt: string;
  /** Version of loadmark. */
  readonly version: string;
  readonly commit: string | null;
  readonly command: readonly string[];
  readonly scenario: string;
  readonly mode: string;
  /** By which the times of the passes are: `virtual` ones are simulated. */
  readonly clock: 'real' | 'virtual';
  readonly valid: boolean;
  readonly invalidReasons: readonly string[];
  /** What a reader should know although it does not decide whether the run counts. */
  readonly remarks: readonly string[];
  readonly interrupted: boolean;
  readonly system: System;
  readonly model: ModelRecord;
  readonly dataset: {
    readonly name: string;
    readonly split: string;
    readonly path: string | null;
    /** Random tokens: made for speed, never scored. */
    readonly synthetic: boolean;
    /** Used in this run; fewer than totalSamples after --samples N. */
    readonly samples: number;
    readonly totalSamples: number;
    /** Of all rows. */
    readonly digest: string;
    /** Of the file, unpacked; null where rows are generated. */
    readonly sha256: string | null;
    /** What the publisher of a file of this name says; null where nobody does. */
    readonly publishedSha256: string | null;
  };
  readonly sut: SutRecord | null;
  /** As given by files and options, defaults filled in. */
  readonly config: Omit<RunConfig, 'confFiles'>;
  /** Of the performance pass, or of the accuracy pass where there is no other. */
  readonly settings: PassSettings | null;
  readonly performance: PerformanceRecord | null;
  readonly accuracy: AccuracyRecord | null;
  /** The machine during the performance pass, or the accuracy pass where there is no other; null: not sampled. */
  readonly telemetry: TelemetryRecord | null;
  /** What the audit found; null without one. */
  readonly audit: ConsistencyReport | null;
}

export interface PassSettings {
  /** MLPerf's files that `requested` comes from besides `config`. */
  readonly confFiles: ConfRecord | null;
  readonly requested: TestSettings;
  readonly effective: EffectiveSettings;
}

export interface AccuracyRecord {
  readonly metrics: Readonly<Record<string, number>>;
  /** Of the metrics that are means over samples, in their units; a single sample has none. */
  readonly standardErrors: Readonly<Record<string, number>>;
  readonly targets: readonly JudgedTarget[];
  readonly samplesIssued: number;
  readonly samplesScored: number;
  readonly failedSamples: number;
  /** null when nothing is judged. */
  readonly passed: boolean | null;
  readonly durationSeconds: number | null;
  readonly settings: PassSettings;
  readonly load: MachineLoad;
}

/** What a run brought; what it did not come to is null. */
export interface RunMaterial {
  readonly config: RunConfig;
  readonly command: readonly string[];
  readonly startedAt: Date;
  readonly library: DatasetLibrary;
  readonly sut: MeasuredSut | null;
  readonly accuracy: PassResult | null;
  readonly scored: ScoredPass | null;
  readonly performance: PassResult | null;
  readonly warmUp: WarmUp | null;
  readonly audit: ConsistencyReport | null;
  /** null where nothing was profiled, or not to its end. */
  readonly profile: KernelProfile | null;
  /** null where nothing was sampled. */
  readonly telemetry: TelemetryMaterial | null;
  readonly interrupted: boolean;
}

export async function buildRunRecord(material: RunMaterial): Promise<RunRecord> {
  const { config, library, startedAt, performance, warmUp } = material;
  const root = findPackageRoot();
  const { confFiles, ...writtenConfig } = config;
  const reported = performance ?? material.accuracy;
  const [system, commit, model] = await Promise.all([
    describeSystem(),
    readCommit(root.folder),
    describeModel(config, material.sut),
  ]);
  const invalidReasons = listInvalidReasons(material);
  const telemetry = recordTelemetry(material.telemetry, reported);
  const known = material.sut?.description;
  const hardware = {
    peaks: findPeakRates(known?.devices ?? [], system),
    cost: known?.model?.cost ?? null,
    refusal: refuseSpeedOf(material),
  };
  return {
    schema: runSchema,
    id: `${config.name}-${startedAt.toISOString().replace(/[-:.]/g, '')}-${process.pid}`,
    name: config.name,
    startedAt: startedAt.toISOString(),
    version: root.version,
    commit,
    command: material.command,
    scenario: config.scenario,
    mode: config.mode,
    clock: config.clock,
    valid: invalidReasons.length === 0,
    invalidReasons,
    remarks: listRemarks(material, telemetry),
    interrupted: material.interrupted,
    system,
    model,
    dataset: {
      name: library.dataset.name,
      split: library.dataset.split,
      path: library.dataset.path ?? null,
      synthetic: library.dataset.synthetic !== undefined,
      samples: library.totalSampleCount,
      totalSamples: library.dataset.length,
      digest: library.dataset.digest(),
      sha256: library.dataset.source?.sha256 ?? null,
      publishedSha256: library.dataset.source?.published?.sha256 ?? null,
    },
    sut: material.sut === null ? null : describeSut(material.sut, reported),
    config: writtenConfig,
    settings: reported === null ? null : settingsOf(reported.outcome, confFiles),
    performance:
      performance === null
        ? null
        : buildPerformance(performance, warmUp, library, hardware, telemetry),
    accuracy: buildAccuracy(material),
    telemetry,
    audit: material.audit,
  };
}

/** run.json's text: 64-bit seeds, which JSON's numbers cannot hold, are strings. */
export function formatRunRecord(record: RunRecord): string {
  const replace = (_key: string, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value;
  return `${JSON.stringify(record, replace, 2)}\n`;
}

/** LoadGen's reasons, and what else makes a run not count. */
function listInvalidReasons(material: RunMaterial): string[] {
  const passes = [material.accuracy, material.performance].filter((pass) => pass !== null);
  const judged = passes.filter(({ outcome }) => !hasFoundPeak(outcome));
  const reasons = judged.flatMap(({ pass, outcome }) =>
    outcome.invalidReasons.map((reason) => `${pass}: ${reason}`),
  );
  for (const { pass, outcome } of judged) {
    if (!outcome.valid && outcome.invalidReasons.length === 0) {
      reasons.push(`${pass}: ${outcome.interrupted ? 'interrupted' : 'INVALID'}`);
    }
  }
  for (const { pass, outcome } of passes) reasons.push(...listSutFaults(pass, outcome));
  const faulty = refuseFaulty(material.config);
  if (faulty !== null) reasons.push(faulty);
  const broken = material.sut?.brokenBy;
  const lost = broken || material.performance === null ? null : refuseSpeedOf(material);
  if (lost !== null) reasons.push(`performance: ${lost}`);
  if (broken) reasons.push(`the system under test broke: ${broken.message}`);
  if (material.interrupted && !reasons.some((reason) => /interrupted/i.test(reason))) {
    reasons.push('interrupted');
  }
  return reasons;
}

function refuseSpeedOf({ sut }: RunMaterial): string | null {
  return refuseSpeed(sut?.losses ?? [], sut?.description.workers ?? 0);
}

/** LoadGen counts these and calls a run VALID all the same; each kind of them once, with its number. */
function listSutFaults(pass: string, { sutFaults, failed }: TestOutcome): string[] {
  const counts = new Map<string, number>();
  for (const { message } of sutFaults) counts.set(message, (counts.get(message) ?? 0) + 1);
  // Samples that were reported as failed are among LoadGen's reasons already.
  const isFailure = (message: string) =>
    failed.some(({ reason }) => message.endsWith(` failed: ${reason}`));
  return [...counts]
    .filter(([message]) => !isFailure(message))
    .slice(0, maxToldFaults)
    .map(([message, count]) => {
      const times = count === 1 ? '' : ` (${count} times)`;
      return `${pass}: the system under test broke LoadGen's rules: ${message}${times}`;
    });
}

function settingsOf({ requested, effective }: TestOutcome, files: ConfFiles | null): PassSettings {
  return { confFiles: recordConfFiles(files), requested, effective };
}

/** Of the reported series, to which the figures of the pass belong. */
function recordTelemetry(
  material: TelemetryMaterial | null,
  pass: PassResult | null,
): TelemetryRecord | null {
  if (material === null || pass === null) return null;
  const { startedAtNs, metrics, reported, series } = pass.outcome;
  const [first, last] = reported === null ? [series[0], series.at(-1)] : [reported, reported];
  if (first === undefined || last === undefined || last.endNs <= first.startNs) return null;
  return buildTelemetryRecord(material, {
    fromNs: startedAtNs + first.startNs,
    toNs: startedAtNs + last.endNs,
    testStartNs: startedAtNs,
    generatedTokens: metrics?.tokenCount ?? null,
  });
}

function buildAccuracy(material: RunMaterial): AccuracyRecord | null {
  const { accuracy, scored, config, library } = material;
  if (accuracy === null) return null;
  const targets = scored?.targets ?? judgeUnscored(library, config.model);
  const { outcome, load } = accuracy;
  return {
    metrics: { ...scored?.score.metrics },
    standardErrors: { ...scored?.score.standardErrors },
    targets,
    samplesIssued: outcome.samples.count,
    samplesScored: scored?.samplesScored ?? 0,
    failedSamples: outcome.failed.length,
    // Targets hold for the whole pass: one that was cut short or lost samples has not met them.
    passed:
      targets.length === 0
        ? null
        : scored?.samplesScored === library.totalSampleCount &&
          targets.every((target) => target.pass),
    durationSeconds: secondsOf(outcome),
    settings: settingsOf(outcome, config.confFiles),
    load,
  };
}

/** From the start of the first series to the last answer of the last; null when there was none. */
function secondsOf({ series }: TestOutcome): number | null {
  const [first, last] = [series[0], series.at(-1)];
  if (first === undefined || last === undefined || last.endNs <= first.startNs) return null;
  return (last.endNs - first.startNs) / 1e9;
}
