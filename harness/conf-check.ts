// Can a run be started with what MLPerf's files made of its settings? Told before anything starts; what the files say is
// conf-files.ts's business.

import { checkSettings, LoadgenError, type TestSettings } from '../loadgen/index.js';
import { applyConfFiles } from './conf-files.js';
import type { RunConfig } from './config.js';
import { shorten } from './config-files.js';
import type { Fault } from './errors.js';
import { maxSamples, sectionOf } from './run-config.js';
import { buildTestSettings, countPlannedSamples } from './test-settings.js';

type WhereIs = (...path: string[]) => string;

/** Settings of a run that MLPerf's files may set as well. */
const sharedSettings: Readonly<Record<string, keyof TestSettings>> = {
  'offline.target_qps': 'offlineExpectedQps',
  'server.target_qps': 'serverTargetQps',
  'server.ttft_ms': 'serverTtftLatencyNs',
  'server.tpot_ms': 'serverTpotLatencyNs',
  'server.query_ms': 'serverTargetLatencyNs',
  'server.target_percentile': 'serverTargetLatencyPercentile',
  'single_stream.expected_latency_ms': 'singleStreamExpectedLatencyNs',
  'single_stream.target_percentile': 'singleStreamTargetLatencyPercentile',
  'multi_stream.expected_latency_ms': 'multiStreamExpectedLatencyNs',
  'multi_stream.target_percentile': 'multiStreamTargetLatencyPercentile',
  'multi_stream.samples_per_query': 'multiStreamSamplesPerQuery',
  'loadgen.sample_concatenate_permutation': 'sampleConcatenatePermutation',
  'loadgen.performance_sample_count': 'performanceSampleCountOverride',
  'loadgen.performance_issue_unique': 'performanceIssueUnique',
  'loadgen.performance_issue_same': 'performanceIssueSame',
  'loadgen.performance_issue_same_index': 'performanceIssueSameIndex',
  'loadgen.coalesce_queries': 'serverCoalesceQueries',
  'loadgen.max_async_queries': 'serverMaxAsyncQueries',
  'loadgen.max_duration_s': 'maxDurationMs',
  'loadgen.max_query_count': 'maxQueryCount',
  'loadgen.accuracy_log_probability': 'accuracyLogProbability',
  'loadgen.accuracy_log_sampling_target': 'accuracyLogSamplingTarget',
  'loadgen.accuracy_log_rng_seed': 'accuracyLogRngSeed',
  'seeds.round': 'qslRngSeed',
  'seeds.qsl': 'qslRngSeed',
  'seeds.sample_index': 'sampleIndexRngSeed',
  'seeds.schedule': 'scheduleRngSeed',
};

/** Every reason against the run that lies in its MLPerf files. */
export function findConfFaults(config: RunConfig, sampleCount: number, whereIs: WhereIs): Fault[] {
  const { confFiles } = config;
  if (confFiles === null) return [];
  const terms = { sampleCount, hasTokens: true, measuredQps: null };
  const asked = buildTestSettings(config, { ...terms, pass: 'performance' });
  const { settings, audited } = applyConfFiles(asked, confFiles);
  const { mlperfConf, userConf, auditConf } = confFiles;
  const faults = findOverridden(config, asked, settings, whereIs);

  const last = auditConf ?? userConf ?? mlperfConf;
  const where = last === null ? 'mlperf' : shorten(last.path);
  const isAudit = auditConf !== null || settings.test05;
  if (isAudit && config.mode !== 'performance') {
    const message = `an audit is a performance pass, and mode is ${config.mode}; allowed: --mode performance`;
    faults.push({ where, message });
  }
  if (audited.mode !== settings.mode) {
    faults.push({ where, message: `mode is ${audited.mode}; allowed: 2, PerformanceOnly` });
  }
  const refusal = refuseSettings(audited, sampleCount);
  if (refusal !== null) faults.push({ where, message: refusal });
  return faults;
}

/** An option of the command line that a file sets to something else would be lost without a word. */
function findOverridden(
  { scenario }: RunConfig,
  asked: TestSettings,
  settings: TestSettings,
  whereIs: WhereIs,
): Fault[] {
  const own = sectionOf(scenario);
  const shared: readonly (readonly [path: string, field: keyof TestSettings])[] = [
    ...Object.entries(sharedSettings),
    [`${own}.min_duration_s`, 'minDurationMs'],
    [`${own}.min_query_count`, 'minQueryCount'],
  ];
  return shared.flatMap(([path, field]): Fault[] => {
    const [section = '', key = ''] = path.split('.');
    if (section !== own && section !== 'seeds' && section !== 'loadgen') return [];
    const where = whereIs(section, key);
    if (!where.startsWith('--') || settings[field] === asked[field]) return [];
    const file = section === 'seeds' ? 'that mlperf.conf' : 'the user.conf';
    const message =
      `MLPerf's files come after the options and make ${field} ${settings[field]} of ` +
      `${asked[field]}; set it in ${file}`;
    return [{ where, message }];
  });
}

/** Why LoadGen or the machine's memory would not take these settings, or null. */
function refuseSettings(settings: TestSettings, sampleCount: number): string | null {
  try {
    checkSettings(settings);
  } catch (error) {
    if (!(error instanceof LoadgenError)) throw error;
    return error.message;
  }
  const { scenario, multiStreamSamplesPerQuery: together } = settings;
  if (scenario === 'MultiStream' && together > sampleCount) {
    return `multiStreamSamplesPerQuery is ${together}; allowed: 1 to ${sampleCount}, the samples of the run`;
  }
  const planned = countPlannedSamples(settings);
  if (planned <= maxSamples) return null;
  return `these files come to ${planned} samples; allowed: up to ${maxSamples}`;
}
