// What the requested settings come to for one sample library: scenario-free, frozen, and with LoadGen's own complaints.

import { LoadgenError } from './errors.js';
import { formatGeneral } from './log/number-format.js';
import type { SampleSetOrder, Scenario, TestMode, TestSettings } from './settings.js';

/** The settings a test is run and judged by. */
export interface EffectiveSettings {
  readonly scenario: Scenario;
  readonly mode: TestMode;
  readonly samplesPerQuery: number;
  /** Queries per second (Offline: samples per second). */
  readonly targetQps: number;
  /** 0 except in Server. */
  readonly targetLatencyNs: number;
  /** In 0..1. */
  readonly targetLatencyPercentile: number;
  /** Queries outstanding at most: Server ends beyond it (0: never), SingleStream waits for it. */
  readonly maxAsyncQueries: number;
  readonly coalesceQueries: boolean;
  /** How long queries are generated and issued; 0 in Offline. */
  readonly targetDurationMs: number;
  readonly minDurationMs: number;
  readonly maxDurationMs: number;
  readonly minQueryCount: number;
  readonly maxQueryCount: number;
  readonly minSampleCount: number;
  readonly qslRngSeed: bigint;
  readonly sampleIndexRngSeed: bigint;
  readonly scheduleRngSeed: bigint;
  readonly accuracyLogRngSeed: bigint;
  readonly accuracyLogProbability: number;
  readonly accuracyLogSamplingTarget: number;
  readonly printTimestamps: boolean;
  readonly performanceIssueUnique: boolean;
  readonly performanceIssueSame: boolean;
  readonly performanceIssueSameIndex: number;
  readonly performanceSampleCount: number;
  readonly accuracySampleCount: number;
  readonly sampleConcatenatePermutation: boolean;
  readonly sampleSetOrder: SampleSetOrder;
  readonly issueLagShareLimit: number;
  readonly useTokenLatencies: boolean;
  readonly serverTtftLatencyNs: number;
  readonly serverTpotLatencyNs: number;
  readonly inferTokenLatencies: boolean;
  readonly tokenLatencyScalingFactor: number;
}

/** The two counts a sample library reports. */
export interface LibraryCounts {
  readonly totalSampleCount: number;
  readonly performanceSampleCount: number;
}

/** Effective settings, and what LoadGen would log as error_invalid_test_settings. */
export interface Resolution {
  readonly effective: EffectiveSettings;
  readonly complaints: readonly string[];
}

interface ScenarioTargets {
  readonly requestedQps: number;
  readonly qpsField: string;
  readonly targetLatencyNs: number;
  readonly percentile: number;
  readonly maxAsyncQueries: number;
  readonly samplesPerQuery: number;
}

function scenarioTargets(settings: TestSettings): ScenarioTargets {
  switch (settings.scenario) {
    case 'SingleStream':
      return {
        requestedQps:
          (settings.singleStreamConcurrency * 1e9) / settings.singleStreamExpectedLatencyNs,
        qpsField: 'single_stream_expected_latency_ns',
        targetLatencyNs: 0,
        percentile: settings.singleStreamTargetLatencyPercentile,
        maxAsyncQueries: settings.singleStreamConcurrency,
        samplesPerQuery: 1,
      };
    case 'MultiStream':
      return {
        requestedQps: 1e9 / settings.multiStreamExpectedLatencyNs,
        qpsField: 'multi_stream_expected_latency_ns',
        targetLatencyNs: 0,
        percentile: settings.multiStreamTargetLatencyPercentile,
        maxAsyncQueries: 1,
        samplesPerQuery: settings.multiStreamSamplesPerQuery,
      };
    case 'Server':
      return {
        requestedQps: settings.serverTargetQps,
        qpsField: 'server_target_qps',
        targetLatencyNs: settings.serverTargetLatencyNs,
        percentile: settings.serverTargetLatencyPercentile,
        maxAsyncQueries: settings.serverMaxAsyncQueries,
        samplesPerQuery: 1,
      };
    case 'Offline':
      return {
        requestedQps: settings.offlineExpectedQps,
        qpsField: 'offline_expected_qps',
        targetLatencyNs: 0,
        percentile: 0.99,
        maxAsyncQueries: 1,
        samplesPerQuery: 1,
      };
  }
}

interface Amounts {
  samplesPerQuery: number;
  minQueryCount: number;
  targetDurationMs: number;
}

/** Samples a query, queries at least, and for how long: where the scenarios differ. */
function resolveAmounts(
  settings: TestSettings,
  targets: ScenarioTargets,
  targetQps: number,
  performanceSampleCount: number,
  library: LibraryCounts,
): Amounts {
  const amounts: Amounts = {
    samplesPerQuery: targets.samplesPerQuery,
    minQueryCount: settings.minQueryCount,
    targetDurationMs: settings.minDurationMs,
  };
  const seconds = settings.minDurationMs / 1000;
  if (settings.scenario === 'Offline') {
    amounts.samplesPerQuery = settings.performanceIssueUnique
      ? performanceSampleCount
      : Math.max(settings.minQueryCount, Math.trunc(1.1 * seconds * targetQps));
    amounts.minQueryCount = 1;
    amounts.targetDurationMs = 0;
  } else if (settings.scenario === 'SingleStream' && settings.sampleConcatenatePermutation) {
    const expected = Math.trunc(2 * seconds * targetQps);
    const least = Math.max(settings.minQueryCount, expected);
    const pass = library.performanceSampleCount;
    amounts.minQueryCount = least + (pass - (least % pass));
  }
  return amounts;
}

function checkLibrary(library: LibraryCounts): void {
  for (const [field, value] of Object.entries({
    totalSampleCount: library.totalSampleCount,
    performanceSampleCount: library.performanceSampleCount,
  })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new LoadgenError(
        'invalid-library',
        `${field} is ${value}; a sample library needs a whole number of at least 1.`,
      );
    }
  }
}

/** Turns requested settings into effective ones; complaints are logged by the caller and do not stop the test. */
export function resolveSettings(settings: TestSettings, library: LibraryCounts): Resolution {
  checkLibrary(library);
  const complaints: string[] = [];
  const targets = scenarioTargets(settings);
  const targetQps = targets.requestedQps < 0 ? 1 : targets.requestedQps;
  if (targets.requestedQps < 0) {
    complaints.push(
      `Invalid value for ${targets.qpsField} requested. requested: ${formatGeneral(targets.requestedQps)} using: 1`,
    );
  }
  const performanceSampleCount =
    settings.performanceSampleCountOverride || library.performanceSampleCount;
  const amounts = resolveAmounts(settings, targets, targetQps, performanceSampleCount, library);
  complaints.push(...issueComplaints(settings, performanceSampleCount));
  const effective: EffectiveSettings = {
    scenario: settings.scenario,
    mode: settings.mode,
    samplesPerQuery: amounts.samplesPerQuery,
    targetQps,
    targetLatencyNs: targets.targetLatencyNs,
    targetLatencyPercentile: targets.percentile,
    maxAsyncQueries: targets.maxAsyncQueries,
    coalesceQueries: settings.scenario === 'Server' && settings.serverCoalesceQueries,
    targetDurationMs: amounts.targetDurationMs,
    minDurationMs: settings.minDurationMs,
    maxDurationMs: settings.maxDurationMs,
    minQueryCount: amounts.minQueryCount,
    maxQueryCount: settings.maxQueryCount,
    minSampleCount: amounts.minQueryCount * amounts.samplesPerQuery,
    qslRngSeed: settings.qslRngSeed,
    sampleIndexRngSeed: settings.sampleIndexRngSeed,
    scheduleRngSeed: settings.scheduleRngSeed,
    accuracyLogRngSeed: settings.accuracyLogRngSeed,
    accuracyLogProbability: settings.accuracyLogProbability,
    accuracyLogSamplingTarget: settings.accuracyLogSamplingTarget,
    printTimestamps: settings.printTimestamps,
    performanceIssueUnique: settings.performanceIssueUnique,
    performanceIssueSame: settings.performanceIssueSame,
    performanceIssueSameIndex: settings.performanceIssueSameIndex,
    performanceSampleCount,
    accuracySampleCount: settings.accuracySampleCountOverride || library.totalSampleCount,
    sampleConcatenatePermutation: settings.sampleConcatenatePermutation,
    sampleSetOrder: settings.sampleSetOrder,
    issueLagShareLimit: settings.issueLagShareLimit,
    useTokenLatencies: settings.useTokenLatencies,
    serverTtftLatencyNs: settings.serverTtftLatencyNs,
    serverTpotLatencyNs: settings.serverTpotLatencyNs,
    inferTokenLatencies: settings.inferTokenLatencies,
    tokenLatencyScalingFactor: settings.tokenLatencyScalingFactor,
  };
  return { effective: Object.freeze(effective), complaints };
}

function issueComplaints(settings: TestSettings, performanceSampleCount: number): string[] {
  const complaints: string[] = [];
  if (
    settings.performanceIssueSame &&
    settings.performanceIssueSameIndex >= performanceSampleCount
  ) {
    complaints.push(
      'Sample Idx to be repeated in performance_issue_same mode cannot be greater than loaded performance_sample_count.' +
        ` performance_issue_same_index: ${settings.performanceIssueSameIndex} performance_sample_count: ${performanceSampleCount}`,
    );
  }
  if (settings.performanceIssueUnique && settings.performanceIssueSame) {
    complaints.push(
      'Performance_issue_unique and performance_issue_same, both cannot be true at the same time.' +
        ' performance_issue_unique: 1 performance_issue_same: 1',
    );
  }
  return complaints;
}
