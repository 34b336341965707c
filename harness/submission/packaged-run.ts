// What does a run of loadmark bring to a submission? Reads run.json as far as packaging needs it, and decides the
// benchmark and the scenario folder that the run belongs in.

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Fault, messageOf } from '../errors.js';
import { RunFolder } from '../run-folder.js';
import type { RunRecord } from '../run-record.js';
import {
  type Benchmark,
  benchmarkNames,
  findBenchmark,
  type ScenarioName,
  type SubmissionRound,
} from './benchmarks.js';

/** A pass of a run, by what it is for. */
export type PackagedPass = 'performance' | 'accuracy' | 'audit';

export interface PackagedRun {
  readonly folder: RunFolder;
  readonly record: RunRecord;
  readonly benchmark: Benchmark;
  readonly scenario: ScenarioName;
  readonly passes: readonly PackagedPass[];
}

export interface ReadTerms {
  readonly round: SubmissionRound;
  /** Given by name; null takes the model's name in MLPerf's files, or that of the model. */
  readonly benchmark: string | null;
}

/** Reads a run; faults say why it cannot be packaged. */
export function readPackagedRun(
  path: string,
  terms: ReadTerms,
  faults: Fault[],
): PackagedRun | null {
  const folder = new RunFolder(resolve(path));
  const record = readRecord(folder, path, faults);
  if (record === null) return null;
  const before = faults.length;
  const refusal = refuseVerdict(record);
  if (refusal !== null) faults.push({ where: path, message: refusal });
  const benchmark = chooseBenchmark(record, path, terms, faults);
  const scenario = benchmark === null ? null : chooseScenario(record, benchmark);
  const passes = listPasses(folder, record);
  if (passes.length === 0) {
    const message = 'the run has neither a performance nor an accuracy pass';
    faults.push({ where: path, message });
  }
  if (faults.length > before || benchmark === null || scenario === null) return null;
  return { folder, record, benchmark, scenario, passes };
}

/** An audit is judged by its answers: it is too short for LoadGen's early stopping. */
function refuseVerdict({ audit, valid, invalidReasons }: RunRecord): string | null {
  if (audit) return audit.passed ? null : `failed ${audit.test}; allowed: audits that were passed`;
  if (valid === true) return null;
  return `is INVALID (${invalidReasons?.[0] ?? 'no reason given'}); allowed: VALID runs`;
}

function readRecord(folder: RunFolder, path: string, faults: Fault[]): RunRecord | null {
  if (!existsSync(folder.runJson)) {
    const message = 'there is no run.json; allowed: folders that bench run wrote';
    faults.push({ where: path, message });
    return null;
  }
  try {
    const record = JSON.parse(readFileSync(folder.runJson, 'utf8')) as RunRecord;
    if (record.schema === 'loadmark/run/1') return record;
    faults.push({
      where: folder.runJson,
      message: `schema is "${record.schema}"; allowed: loadmark/run/1`,
    });
  } catch (error) {
    faults.push({ where: folder.runJson, message: `is not JSON: ${messageOf(error)}` });
  }
  return null;
}

function chooseBenchmark(
  record: RunRecord,
  path: string,
  { round, benchmark }: ReadTerms,
  faults: Fault[],
): Benchmark | null {
  const name = benchmark ?? record.settings?.confFiles?.model ?? record.model.name;
  const found = findBenchmark(name, round);
  if (found === null) {
    const allowed = benchmarkNames(round).join(', ');
    const where = benchmark === null ? path : '--benchmark';
    const message = `the benchmark is "${name}"; allowed in ${round}: ${allowed}${benchmark === null ? ' (--benchmark says which one is meant)' : ''}`;
    faults.push({ where, message });
  }
  return found;
}

/** A Server run under the limits of Interactive is an Interactive one. */
function chooseScenario({ scenario, settings }: RunRecord, { limits }: Benchmark): ScenarioName {
  const interactive = limits.Interactive;
  const ttftNs = settings?.requested.serverTtftLatencyNs ?? Number.POSITIVE_INFINITY;
  const tpotNs = settings?.requested.serverTpotLatencyNs ?? Number.POSITIVE_INFINITY;
  const isInteractive =
    scenario === 'Server' &&
    interactive !== undefined &&
    ttftNs <= interactive.ttftMs * 1e6 &&
    tpotNs <= interactive.tpotMs * 1e6;
  return isInteractive ? 'Interactive' : (scenario as ScenarioName);
}

function listPasses(folder: RunFolder, record: RunRecord): PackagedPass[] {
  const has = (pass: 'performance' | 'accuracy') =>
    existsSync(`${folder.logs(pass)}/mlperf_log_detail.txt`);
  if (record.audit) return has('performance') ? ['audit'] : [];
  return (['performance', 'accuracy'] as const).filter(has);
}
