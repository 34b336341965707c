// Is the evidence of TEST06 that of a TEST06, and does it say what the verdict says? The settings that an auditor's file
// makes, LoadGen's own judgement, and the answers, looked at again.

import { accuracyLoggedSamples } from '../../../loadgen/index.js';
import {
  type AuditedAnswer,
  checkConsistency,
  formatVerification,
  readAuditedLog,
} from '../../audit/index.js';
import { InputError } from '../../errors.js';
import type { Benchmark } from '../benchmarks.js';
import { type DetailLog, parseDetailLog } from '../detail-log.js';
import { type Finding, findError } from '../finding.js';
import { type Result, readText } from '../result.js';
import type { AuditFolder } from '../submission-tree.js';
import { checkFigures } from './figure-rules.js';
import { tellMissing } from './file-rules.js';
import { checkSoundness } from './log-rules.js';
import { findUnlike } from './pair-rules.js';
import { checkSummary } from './summary-rules.js';

/** What MLCommons' audit.config of TEST06 makes of a run. */
const settings = [
  ['effective_test_mode', 'PerformanceOnly'],
  ['effective_accuracy_log_rng_seed', '720381539243781796'],
  ['effective_accuracy_log_sampling_target', '100'],
  ['effective_min_duration_ms', '0'],
  ['requested_min_query_count', '100'],
  ['effective_sample_concatenate_permutation', 'false'],
] as const;

/** Everything that has to lie beside the verdict; its own lines are audit-rules.ts's business. */
export function checkTest06(audit: AuditFolder, result: Result, benchmark: Benchmark): Finding[] {
  const file = audit.performance('detail');
  const text = readText(file);
  const log = text === null ? null : parseDetailLog(text);
  const findings =
    log === null
      ? [tellAbsent(file)]
      : checkDetail(log, file, audit.performance('summary'), result);
  const answers = readAnswers(audit.accuracyLog);
  if (!Array.isArray(answers)) return [...findings, answers];
  return [
    ...findings,
    ...(log === null ? [] : checkSampled(answers, log, audit.accuracyLog)),
    ...checkVerdictOf(answers, audit, result, benchmark),
  ];
}

function tellAbsent(file: string): Finding {
  const why = 'Without it nobody can tell what the verdict was reached by.';
  return { ...tellMissing(file), rule: 'missing-audit', why };
}

function checkDetail(log: DetailLog, file: string, summary: string, result: Result): Finding[] {
  const pair =
    result.performance === null
      ? []
      : findUnlike(['sut_name', 'qsl_name'], result.performance, log, file);
  return [
    ...checkSoundness(log, file, result),
    ...checkSettings(log, file),
    ...checkOutcome(log, file),
    ...checkFigures(log, file),
    ...checkSummary(summary, log),
    ...pair,
  ];
}

function checkSettings(log: DetailLog, file: string): Finding[] {
  const why = 'It is not the log of a TEST06, whose audit.config decides these settings.';
  const findings = settings.flatMap(([key, wanted]) => {
    const entry = log.find(key);
    const value = entry === null ? null : String(entry.value);
    if (value === wanted) return [];
    const place = { file, line: entry?.line ?? null };
    return [findError('audit-settings', place, { value, required: `${key} ${wanted}`, why })];
  });
  const isFound = log.entries.some(
    ({ isWarning, value }) => isWarning && String(value).startsWith('Found Audit Config file'),
  );
  if (isFound) return findings;
  const required = 'the warning "Found Audit Config file ..."';
  return [...findings, findError('audit-settings', { file }, { value: null, required, why })];
}

/** A hundred queries are too few for early stopping, which alone may make an audit INVALID. */
function checkOutcome(log: DetailLog, file: string): Finding[] {
  const entry = log.find('result_validity');
  const isShort = entry?.value === 'INVALID' && log.find('early_stopping_met')?.value === false;
  const unmet = ['result_perf_constraints_met', 'result_min_duration_met', 'result_min_queries_met']
    .map((key) => log.find(key))
    .filter((met) => met !== null && met.value !== true);
  const why = 'An audit that misses a condition of its own has shown nothing.';
  const findings = unmet.map((met) =>
    findError(
      'invalid-result',
      { file, line: met!.line },
      { value: String(met!.value), required: `${met!.key} true`, why },
    ),
  );
  if (entry?.value === 'VALID' || isShort) return findings;
  const required = 'result_validity VALID, or INVALID by early stopping alone';
  const place = { file, line: entry?.line ?? null };
  const judgement = { value: entry === null ? null : String(entry.value), required, why };
  return [...findings, findError('invalid-result', place, judgement)];
}

/** The answers, or what is wrong with the file. */
function readAnswers(file: string): AuditedAnswer[] | Finding {
  const text = readText(file);
  if (text === null) return tellAbsent(file);
  try {
    return readAuditedLog(text, file);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const why = 'Sampled answers are submitted whole, as the load generator wrote them.';
    const value = error.faults[0]?.message ?? 'unreadable';
    const judgement = { value, required: 'a JSON array of records', why };
    return findError('unreadable-record', { file }, judgement);
  }
}

/** Which answers of a run are logged follows from its settings: others are those of another run. */
function checkSampled(answers: readonly AuditedAnswer[], log: DetailLog, file: string): Finding[] {
  const number = (key: string) => log.number(`effective_${key}`);
  const seed = log.find('effective_accuracy_log_rng_seed')?.value;
  const queries = log.number('result_query_count');
  const together = log.number('generated_samples_per_query');
  const target = number('accuracy_log_sampling_target');
  const minQueryCount = number('min_query_count');
  const samplesPerQuery = number('samples_per_query');
  const isKnown = typeof seed === 'bigint' || typeof seed === 'number';
  if (!isKnown || queries === null || together === null || target === null) return [];
  if (minQueryCount === null || samplesPerQuery === null) return [];
  const wanted = accuracyLoggedSamples(
    {
      scenario: log.text('effective_scenario') === 'Offline' ? 'Offline' : 'Server',
      accuracyLogRngSeed: BigInt(seed),
      accuracyLogProbability: number('accuracy_log_probability') ?? 0,
      accuracyLogSamplingTarget: target,
      targetQps: number('target_qps') ?? 0,
      minDurationMs: number('min_duration_ms') ?? 0,
      samplesPerQuery,
      minQueryCount,
      minSampleCount: number('min_sample_count') ?? minQueryCount * samplesPerQuery,
    },
    Math.min(queries * together, mostSamples),
  );
  const found = answers.map(({ seqId }) => seqId ?? -1).sort((a, b) => a - b);
  if (found.length === wanted.length && found.every((id, i) => id === wanted[i])) return [];
  const required = `the ${wanted.length} samples that a run of these settings logs`;
  const value = `${answers.length} records, and not of these samples`;
  const why = 'The answers are not those of the run in the detail log beside them.';
  return [findError('audit-settings', { file }, { value, required, why })];
}

/** More than any audit issues, and few enough to draw. */
const mostSamples = 10_000_000;

/** The verdict must be the one that these answers come to. */
function checkVerdictOf(
  answers: readonly AuditedAnswer[],
  audit: AuditFolder,
  { scenario }: Result,
  { endTokens }: Benchmark,
): Finding[] {
  const report = checkConsistency(answers, { scenario: scenario ?? 'Server', eosIds: endTokens });
  const stated = (readText(audit.verdict) ?? '').split('\n').map((row) => row.trim());
  return formatVerification(report)
    .trimEnd()
    .split('\n')
    .flatMap((row) => {
      const [title = '', word = ''] = row.split(': ');
      if (word !== 'False') return [];
      const line = stated.findIndex((text) => text.startsWith(`${title}:`));
      const value = stated[line] ?? null;
      const reasons = Object.values(report.checks).flatMap(({ failures }) => failures);
      const why = `The answers beside it say so: ${reasons[0]?.reason ?? 'they do not hold together'}.`;
      const place = { file: audit.verdict, line: line < 0 ? null : line + 1 };
      return [findError('failed-audit', place, { value, required: row, why })];
    });
}
