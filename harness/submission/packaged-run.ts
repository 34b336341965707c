// What does a run of loadmark bring to a submission? Decides the benchmark and the scenario folder that the run belongs
// in; reading it and judging it is run-reader.ts's and run-admission.ts's business.

import { resolve } from 'node:path';
import type { Fault } from '../errors.js';
import { RunFolder } from '../run-folder.js';
import type { RunRecord } from '../run-record.js';
import {
  type Benchmark,
  benchmarkNames,
  findBenchmark,
  type ScenarioName,
  type SubmissionRound,
} from './benchmarks.js';
import { refuseRun } from './run-admission.js';
import { readRun } from './run-reader.js';

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
  const record = readRun(folder, path, faults);
  if (record === null) return null;
  const before = faults.length;
  for (const message of refuseRun(folder, record, terms.round)) {
    faults.push({ where: path, message });
  }
  const benchmark = chooseBenchmark(record, path, terms, faults);
  const scenario = benchmark === null ? null : chooseScenario(record, benchmark);
  const passes = listPasses(record);
  if (passes.length === 0) {
    const message = 'the run has neither a performance nor an accuracy pass';
    faults.push({ where: path, message });
  }
  if (faults.length > before || benchmark === null || scenario === null) return null;
  return { folder, record, benchmark, scenario, passes };
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

function listPasses(record: RunRecord): PackagedPass[] {
  if (record.audit !== null) return ['audit'];
  return (['performance', 'accuracy'] as const).filter((pass) => record[pass] !== null);
}
