// A run's configuration in LoadGen's words: which settings each pass asks LoadGen for.

import { defaultSettings, type TestSettings } from '../loadgen/index.js';
import type { RunConfig } from './config.js';
import type { LoadgenSettings } from './loadgen-config.js';
import { leastQueries } from './run-config.js';

export type PassName = 'accuracy' | 'performance';

/** The pass that a run is about; one before it checks, or warms up. */
export function measuredPass(mode: RunConfig['mode']): PassName {
  return mode === 'accuracy' ? 'accuracy' : 'performance';
}

/**
 * A measured rate may ask for this many samples at most: more is asked for by name (offline.target_qps). Enough for what
 * the null system answers in ten seconds.
 */
const maxEstimatedSamples = 4_000_000;
/** By how much the next pass may be faster than what was measured. */
const margin = 1.5;

export interface PassTerms {
  readonly pass: PassName;
  /** Samples of the library. */
  readonly sampleCount: number;
  /** Answers are made of tokens, and judged by them. */
  readonly hasTokens: boolean;
  /** Samples/s seen so far, where the configuration does not say what to expect. */
  readonly measuredQps: number | null;
}

/** What the pass asks of LoadGen. */
export function buildTestSettings(config: RunConfig, terms: PassTerms): TestSettings {
  const common: TestSettings = {
    ...defaultSettings,
    scenario: config.scenario,
    mode: modeOf(config, terms.pass),
    qslRngSeed: config.seeds.qsl,
    sampleIndexRngSeed: config.seeds.sampleIndex,
    scheduleRngSeed: config.seeds.schedule,
    sampleSetOrder: config.seeds.sampleSets,
    useTokenLatencies: terms.hasTokens,
  };
  return { ...common, ...loadgenSettings(config.loadgen), ...scenarioSettings(config, terms) };
}

function modeOf({ mode }: RunConfig, pass: PassName): TestSettings['mode'] {
  if (pass === 'accuracy') return 'AccuracyOnly';
  return mode === 'find-peak' ? 'FindPeakPerformance' : 'PerformanceOnly';
}

/** The section `loadgen`, under LoadGen's own names. */
function loadgenSettings(loadgen: LoadgenSettings): Partial<TestSettings> {
  return {
    sampleConcatenatePermutation: loadgen.sampleConcatenatePermutation,
    performanceSampleCountOverride: loadgen.performanceSampleCount ?? 0,
    performanceIssueUnique: loadgen.performanceIssueUnique,
    performanceIssueSame: loadgen.performanceIssueSame,
    performanceIssueSameIndex: loadgen.performanceIssueSameIndex,
    serverCoalesceQueries: loadgen.coalesceQueries,
    serverMaxAsyncQueries: loadgen.maxAsyncQueries,
    maxDurationMs: Math.round(loadgen.maxDurationS * 1000),
    maxQueryCount: loadgen.maxQueryCount,
    accuracyLogProbability: loadgen.accuracyLogProbability,
    accuracyLogSamplingTarget: loadgen.accuracyLogSamplingTarget,
    accuracyLogRngSeed: loadgen.accuracyLogRngSeed,
    serverFindPeakQpsDecimalsOfPrecision: loadgen.findPeakDecimals,
    serverFindPeakQpsBoundaryStepSize: loadgen.findPeakStep,
  };
}

function scenarioSettings(config: RunConfig, terms: PassTerms): Partial<TestSettings> {
  switch (config.scenario) {
    case 'Offline':
      return offlineSettings(config, terms);
    case 'Server':
      return serverSettings(config, terms);
    case 'SingleStream':
      return singleStreamSettings(config, terms);
    case 'MultiStream':
      return multiStreamSettings(config, terms);
  }
}

function offlineSettings(config: RunConfig, terms: PassTerms): Partial<TestSettings> {
  const { targetQps, minDurationS } = config.offline;
  const minQueryCount = config.offline.minQueryCount ?? terms.sampleCount;
  return {
    offlineExpectedQps: targetQps ?? expectQps(terms.measuredQps, minDurationS, minQueryCount),
    minDurationMs: Math.round(minDurationS * 1000),
    minQueryCount,
  };
}

/**
 * The samples/s to tell LoadGen, which then generates 1.1 x duration x rate samples. Where the least count lasts long
 * enough anyway that is the rate as measured; elsewhere it is more, so that a machine that speeds up meets its duration.
 */
function expectQps(measured: number | null, durationS: number, leastCount: number): number {
  if (measured === null) return defaultSettings.offlineExpectedQps;
  const isLongEnough = leastCount / measured >= margin * durationS;
  const wanted = isLongEnough ? measured : margin * measured;
  return Math.min(wanted, maxEstimatedSamples / (1.1 * Math.max(durationS, 1e-3)));
}

function serverSettings({ server, model }: RunConfig, terms: PassTerms): Partial<TestSettings> {
  const { targetQps, accuracyQps, minDurationS, minQueryCount, targetPercentile } = server;
  const limitNs = (name: 'ttftMs' | 'tpotMs' | 'queryMs') =>
    Math.round((server[name] ?? model.latency[name]) * 1e6);
  return {
    serverTargetQps: terms.pass === 'accuracy' ? (accuracyQps ?? targetQps) : targetQps,
    serverTargetLatencyNs: terms.hasTokens ? 0 : limitNs('queryMs'),
    serverTargetLatencyPercentile: targetPercentile / 100,
    serverTtftLatencyNs: limitNs('ttftMs'),
    serverTpotLatencyNs: limitNs('tpotMs'),
    minDurationMs: Math.round(minDurationS * 1000),
    minQueryCount,
  };
}

function singleStreamSettings(
  { singleStream }: RunConfig,
  terms: PassTerms,
): Partial<TestSettings> {
  const { minDurationS, concurrency, targetPercentile } = singleStream;
  return {
    singleStreamExpectedLatencyNs: expectLatencyNs(singleStream, concurrency, terms),
    singleStreamTargetLatencyPercentile: targetPercentile / 100,
    singleStreamConcurrency: concurrency,
    minDurationMs: Math.round(minDurationS * 1000),
    minQueryCount: leastQueries(singleStream),
  };
}

function multiStreamSettings({ multiStream }: RunConfig, terms: PassTerms): Partial<TestSettings> {
  const { minDurationS, minQueryCount, samplesPerQuery, targetPercentile } = multiStream;
  return {
    multiStreamSamplesPerQuery: samplesPerQuery,
    multiStreamExpectedLatencyNs: expectLatencyNs(multiStream, samplesPerQuery, terms),
    multiStreamTargetLatencyPercentile: targetPercentile / 100,
    minDurationMs: Math.round(minDurationS * 1000),
    minQueryCount,
  };
}

/**
 * The latency of a query to tell LoadGen, which then generates twice the queries that fit in the duration and issues
 * what the clock allows. Warm-up rounds measure too short a time, since their samples share batches: that does no harm.
 * @param together samples in flight: of a query, or of as many queries
 */
function expectLatencyNs(
  stream: { readonly expectedLatencyMs: number | null; readonly minDurationS: number },
  together: number,
  { measuredQps }: PassTerms,
): number {
  if (stream.expectedLatencyMs !== null) return stream.expectedLatencyMs * 1e6;
  if (measuredQps === null) return defaultSettings.singleStreamExpectedLatencyNs * together;
  const least = (2 * stream.minDurationS * together) / maxEstimatedSamples;
  return 1e9 * Math.max(least, together / measuredQps);
}

/** How many samples a performance pass of these settings issues: in a stream a guess, since it ends by the clock. */
export function countPlannedSamples(settings: TestSettings): number {
  const seconds = settings.minDurationMs / 1000;
  const most = (queries: number) => Math.max(settings.minQueryCount, Math.trunc(queries));
  switch (settings.scenario) {
    case 'Offline':
      return most(1.1 * seconds * settings.offlineExpectedQps);
    case 'Server':
      return most(seconds * settings.serverTargetQps);
    case 'SingleStream':
      return most(
        (seconds * 1e9 * settings.singleStreamConcurrency) / settings.singleStreamExpectedLatencyNs,
      );
    case 'MultiStream': {
      const queries = most((seconds * 1e9) / settings.multiStreamExpectedLatencyNs);
      return queries * settings.multiStreamSamplesPerQuery;
    }
  }
}
