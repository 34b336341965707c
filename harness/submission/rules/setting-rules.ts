// Was a pass made with the settings that its result needs, and does its log hold all that MLCommons' checker reads?
// What came out of the pass is performance-rules.ts's business.

import type { Benchmark } from '../benchmarks.js';
import type { DetailEntry, DetailLog } from '../detail-log.js';
import { type Finding, findError, findWarning } from '../finding.js';
import type { Result } from '../result.js';

/** Entries that the checker reads and no other rule asks for: without them it refuses, or ends with a traceback. */
const readKeys = {
  Offline: [
    'effective_min_query_count',
    'effective_samples_per_query',
    'result_samples_per_second',
  ],
  Server: [
    'effective_min_query_count',
    'effective_samples_per_query',
    'effective_target_latency_ns',
    'result_completed_samples_per_sec',
  ],
  Interactive: [
    'effective_min_query_count',
    'effective_samples_per_query',
    'effective_target_latency_ns',
    'result_completed_samples_per_sec',
  ],
  SingleStream: ['effective_min_query_count', 'early_stopping_latency_ss'],
  MultiStream: ['effective_min_query_count', 'early_stopping_latency_ms'],
} as const;

/** LoadGen's own verdicts; a VALID result has none of them false. */
const metKeys = [
  'result_perf_constraints_met',
  'result_min_duration_met',
  'result_min_queries_met',
] as const;

/** @param file the detail log's own. */
export function checkPerformanceSettings(log: DetailLog, file: string, result: Result): Finding[] {
  const { benchmark, scenario, isSubmission } = result;
  return [
    ...checkMode(log, file, 'PerformanceOnly'),
    ...checkMet(log, file),
    ...checkIssue(log, file),
    ...checkInFlight(log, file),
    ...(scenario === null || !isSubmission ? [] : checkPresence(log, file, readKeys[scenario])),
    ...(benchmark === null ? [] : checkLimits(log, file, result, benchmark)),
    ...(benchmark === null ? [] : checkEqualIssue(log, file, benchmark)),
  ];
}

/** @param file the detail log's own. */
export function checkMode(
  log: DetailLog,
  file: string,
  mode: 'PerformanceOnly' | 'AccuracyOnly',
): Finding[] {
  const entry = log.find('effective_test_mode');
  // A submission run makes both passes and leaves one log of them.
  if (entry === null || entry.value === mode || entry.value === 'SubmissionRun') return [];
  const required = `effective_test_mode ${mode}`;
  const why = 'It is the log of another pass than its folder is for.';
  return [findError('wrong-mode', at(file, entry), { value: entry.value, required, why })];
}

function at(file: string, entry: DetailEntry | null) {
  return { file, line: entry?.line ?? null };
}

function checkMet(log: DetailLog, file: string): Finding[] {
  return metKeys.flatMap((key) => {
    const entry = log.find(key);
    if (entry === null || entry.value === true) return [];
    const why = 'A run that misses a condition is INVALID, whatever its verdict says.';
    const judgement = { value: entry.value, required: `${key} true`, why };
    return [findError('invalid-result', at(file, entry), judgement)];
  });
}

function checkPresence(log: DetailLog, file: string, keys: readonly string[]): Finding[] {
  return keys.flatMap((key) => {
    const entry = log.find(key);
    if (entry !== null && log.number(key) !== null) return [];
    const why = "MLCommons' checker reads it and fails without it.";
    const judgement = { value: entry?.value ?? null, required: `${key} with a number`, why };
    return [findError('missing-entry', at(file, entry), judgement)];
  });
}

/** Settings that compliance tests make and results are not measured with. */
function checkIssue(log: DetailLog, file: string): Finding[] {
  const isOn = (key: string) => {
    const value = log.find(key)?.value;
    return value === true || (typeof value === 'number' && value > 0);
  };
  return [
    'effective_performance_issue_same',
    'effective_performance_issue_unique',
    'effective_accuracy_log_sampling_target',
  ]
    .filter(isOn)
    .map((key) => {
      const entry = log.find(key);
      const required = `${key} off`;
      const why = 'The result was made with a setting of a compliance test.';
      return findError('audit-settings', at(file, entry), { value: entry?.value, required, why });
    });
}

/** A closed loop of several queries calls itself SingleStream in its log. */
function checkInFlight(log: DetailLog, file: string): Finding[] {
  const entry = log.find('effective_max_async_queries');
  const isLoop = log.text('effective_scenario') === 'SingleStream' && entry !== null;
  if (!isLoop || entry.value === 1) return [];
  const required = 'effective_max_async_queries 1';
  const why = 'SingleStream asks one query at a time; this pass had several in flight.';
  return [findError('wrong-scenario', at(file, entry), { value: entry.value, required, why })];
}

/** The limits that LoadGen judged by; its verdict says nothing about tighter ones. */
function checkLimits(
  log: DetailLog,
  file: string,
  { scenario }: Result,
  benchmark: Benchmark,
): Finding[] {
  const limits = scenario === null ? undefined : benchmark.limits[scenario];
  if (limits === undefined) return [];
  const { greatestTargetLatencyMs } = benchmark;
  const most = [
    ['effective_target_latency_ns', greatestTargetLatencyMs],
    ['requested_server_ttft_latency', limits.ttftMs],
    ['requested_server_tpot_latency', limits.tpotMs],
  ] as const;
  const findings = most.flatMap(([key, limitMs]) => {
    const ns = log.number(key);
    if (ns === null || ns <= limitMs * 1e6) return [];
    const required = `${key} of at most ${limitMs * 1e6}, the limit of ${scenario}`;
    const why =
      'LoadGen judged the run, and stopped early, by a wider limit than the benchmark has.';
    const judgement = { value: ns, required, why };
    return [findError('latency-limit', at(file, log.find(key)), judgement)];
  });
  const key = 'effective_target_latency_percentile';
  const percentile = log.number(key);
  // The log prints six significant digits.
  if (percentile === null || percentile > 0.99 - 1e-6) return findings;
  const why = 'LoadGen judged the run by a lower percentile than the benchmark has.';
  const judgement = { value: percentile, required: `${key} of 0.99`, why };
  return [...findings, findError('latency-limit', at(file, log.find(key)), judgement)];
}

function checkEqualIssue(log: DetailLog, file: string, benchmark: Benchmark): Finding[] {
  const key = 'effective_sample_concatenate_permutation';
  const entry = log.find(key);
  if (entry === null || entry.value === true) return [];
  const required = `${key} true, as mlperf.conf has it for ${benchmark.name}`;
  const why = 'Rows differ in length: each has to be asked as often as the others.';
  return [findWarning('unequal-issue', at(file, entry), { value: entry.value, required, why })];
}
