// The detail log's account of a test before its first query: who wrote it, what was asked and what came of it.

import type { QuerySampleLibrary } from '../contracts.js';
import type { EffectiveSettings } from '../effective-settings.js';
import type { TestSettings } from '../settings.js';
import { type DetailLog, type DetailValue, double } from './detail.js';

type Entry = readonly [key: string, value: DetailValue];

const notAvailable = 'NA';
const settingsFile = 'test_settings_internal.cc';

/** The header; Differs from loadgen: it names the program that wrote the log, and no build of LoadGen. */
export function logWriter(log: DetailLog, writer: { name: string; version: string }): void {
  log.add('version.cc', 'loadgen_version', `${writer.version} @ ${writer.name}`);
  for (const key of [
    'loadgen_build_date_local',
    'loadgen_build_date_utc',
    'loadgen_git_commit_date',
    'loadgen_git_log_message',
    'loadgen_git_status_message',
    'loadgen_file_sha1',
  ]) {
    log.add('version.cc', key, notAvailable);
  }
}

function pad(value: number): string {
  return value.toString().padStart(2, '0');
}

/** Local time under a UTC sign, as LoadGen prints it. */
function localDatetime(unixMs: number): string {
  const d = new Date(unixMs);
  const date = `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
  return `${date}T${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}Z`;
}

/** Who is tested. */
export interface Parties {
  readonly startedAtUnixMs: number;
  readonly sutName: string;
  /** How long asking for the name took. */
  readonly sutNameNs: number;
  readonly library: QuerySampleLibrary;
}

/** Names and counts of the two parties. */
export function logParties(log: DetailLog, parties: Parties): void {
  const { library } = parties;
  log.add('loadgen.cc', 'test_datetime', localDatetime(parties.startedAtUnixMs));
  log.add('loadgen.cc', 'sut_name', parties.sutName);
  log.add('loadgen.cc', 'get_sut_name_duration_ns', parties.sutNameNs);
  log.add('loadgen.cc', 'qsl_name', library.name);
  log.add('loadgen.cc', 'qsl_reported_total_count', library.totalSampleCount);
  log.add('loadgen.cc', 'qsl_reported_performance_count', library.performanceSampleCount);
}

function scenarioRequests(s: TestSettings): Entry[] {
  switch (s.scenario) {
    case 'SingleStream':
      return [
        ['single_stream_expected_latency_ns', double(s.singleStreamExpectedLatencyNs)],
        ['single_stream_target_latency_percentile', double(s.singleStreamTargetLatencyPercentile)],
      ];
    case 'MultiStream':
      return [
        ['multi_stream_expected_latency_ns', double(s.multiStreamExpectedLatencyNs)],
        ['multi_stream_target_latency_percentile', double(s.multiStreamTargetLatencyPercentile)],
        ['multi_stream_samples_per_query', s.multiStreamSamplesPerQuery],
      ];
    case 'Server':
      return [
        ['server_target_qps', double(s.serverTargetQps)],
        ['server_target_latency_ns', s.serverTargetLatencyNs],
        ['server_target_latency_percentile', double(s.serverTargetLatencyPercentile)],
        ['server_coalesce_queries', s.serverCoalesceQueries],
        ['server_find_peak_qps_decimals_of_precision', s.serverFindPeakQpsDecimalsOfPrecision],
        ['server_find_peak_qps_boundary_step_size', double(s.serverFindPeakQpsBoundaryStepSize)],
        ['server_max_async_queries', s.serverMaxAsyncQueries],
        ['server_num_issue_query_threads', s.serverNumIssueQueryThreads],
      ];
    case 'Offline':
      return [['offline_expected_qps', double(s.offlineExpectedQps)]];
  }
}

/** What both the requested and the effective list end with. */
function issueEntries(s: TestSettings | EffectiveSettings): Entry[] {
  return [
    ['qsl_rng_seed', s.qslRngSeed],
    ['sample_index_rng_seed', s.sampleIndexRngSeed],
    ['schedule_rng_seed', s.scheduleRngSeed],
    ['accuracy_log_rng_seed', s.accuracyLogRngSeed],
    ['accuracy_log_probability', double(s.accuracyLogProbability)],
    ['accuracy_log_sampling_target', s.accuracyLogSamplingTarget],
    ['print_timestamps', s.printTimestamps],
    ['performance_issue_unique', s.performanceIssueUnique],
    ['performance_issue_same', s.performanceIssueSame],
    ['performance_issue_same_index', s.performanceIssueSameIndex],
  ];
}

/** The settings as they were asked for. */
export function logRequested(log: DetailLog, s: TestSettings): void {
  const entries: Entry[] = [
    ['scenario', s.scenario],
    ['test_mode', s.mode],
    ...scenarioRequests(s),
    ['min_duration_ms', s.minDurationMs],
    ['max_duration_ms', s.maxDurationMs],
    ['min_query_count', s.minQueryCount],
    ['max_query_count', s.maxQueryCount],
    ...issueEntries(s),
    ['performance_sample_count_override', s.performanceSampleCountOverride],
    ['accuracy_sample_count_override', s.accuracySampleCountOverride],
    ['sample_concatenate_permutation', s.sampleConcatenatePermutation],
  ];
  if (s.useTokenLatencies) {
    entries.push(['use_token_latencies', true]);
    if (s.scenario !== 'Offline') {
      entries.push(['server_ttft_latency', s.serverTtftLatencyNs]);
      entries.push(['server_tpot_latency', s.serverTpotLatencyNs]);
    }
  }
  for (const [key, value] of entries) log.add(settingsFile, `requested_${key}`, value);
}

/** The settings that are run by. */
export function logEffective(log: DetailLog, s: EffectiveSettings): void {
  const entries: Entry[] = [
    ['scenario', s.scenario],
    ['test_mode', s.mode],
    ['samples_per_query', s.samplesPerQuery],
    ['target_qps', double(s.targetQps)],
    ['target_latency_ns', s.targetLatencyNs],
    ['target_latency_percentile', double(s.targetLatencyPercentile)],
    ['max_async_queries', s.maxAsyncQueries],
    ['target_duration_ms', s.targetDurationMs],
    ['min_duration_ms', s.minDurationMs],
    ['max_duration_ms', s.maxDurationMs],
    ['min_query_count', s.minQueryCount],
    ['max_query_count', s.maxQueryCount],
    ['min_sample_count', s.minSampleCount],
    ...issueEntries(s),
    ['performance_sample_count', s.performanceSampleCount],
    ['accuracy_sample_count', s.accuracySampleCount],
    ['sample_concatenate_permutation', s.sampleConcatenatePermutation],
  ];
  for (const [key, value] of entries) log.add(settingsFile, `effective_${key}`, value);
}
