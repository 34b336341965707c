// A run's configuration in LoadGen's words: which settings each pass asks LoadGen for.

import { defaultSettings, type TestSettings } from '../loadgen/index.js';
import type { RunConfig } from './config.js';

export type PassName = 'accuracy' | 'performance';

/** A measured rate may ask for this many samples at most: more is asked for by name (offline.target_qps). */
const maxEstimatedSamples = 100_000;

export interface PassTerms {
  readonly pass: PassName;
  /** Samples of the library. */
  readonly sampleCount: number;
  /** Answers are made of tokens, and judged by them. */
  readonly hasTokens: boolean;
  /** Offline's expected samples/s, where it had to be measured. */
  readonly estimatedQps: number | null;
}

/** What the pass asks of LoadGen. */
export function buildTestSettings(config: RunConfig, terms: PassTerms): TestSettings {
  const common: TestSettings = {
    ...defaultSettings,
    scenario: config.scenario,
    mode: terms.pass === 'accuracy' ? 'AccuracyOnly' : 'PerformanceOnly',
    qslRngSeed: config.seeds.qsl,
    sampleIndexRngSeed: config.seeds.sampleIndex,
    scheduleRngSeed: config.seeds.schedule,
    useTokenLatencies: terms.hasTokens,
  };
  return config.scenario === 'Offline'
    ? { ...common, ...offlineSettings(config, terms) }
    : { ...common, ...serverSettings(config, terms) };
}

function offlineSettings(config: RunConfig, terms: PassTerms): Partial<TestSettings> {
  const { targetQps, minDurationS, minQueryCount } = config.offline;
  const cap = maxEstimatedSamples / Math.max(1.1 * minDurationS, 1e-9);
  const qps = targetQps ?? Math.min(terms.estimatedQps ?? defaultSettings.offlineExpectedQps, cap);
  return {
    offlineExpectedQps: qps,
    minDurationMs: Math.round(minDurationS * 1000),
    minQueryCount: minQueryCount ?? terms.sampleCount,
  };
}

function serverSettings(config: RunConfig, terms: PassTerms): Partial<TestSettings> {
  const { targetQps, accuracyQps, minDurationS, minQueryCount, targetPercentile } = config.server;
  const { ttftMs, tpotMs, queryMs } = config.model.latency;
  return {
    serverTargetQps: terms.pass === 'accuracy' ? (accuracyQps ?? targetQps) : targetQps,
    serverTargetLatencyNs: terms.hasTokens ? 0 : Math.round(queryMs * 1e6),
    serverTargetLatencyPercentile: targetPercentile / 100,
    serverTtftLatencyNs: Math.round(ttftMs * 1e6),
    serverTpotLatencyNs: Math.round(tpotMs * 1e6),
    minDurationMs: Math.round(minDurationS * 1000),
    minQueryCount,
  };
}

/** How many samples a performance pass of these settings issues. */
export function countPlannedSamples(settings: TestSettings): number {
  const seconds = settings.minDurationMs / 1000;
  const byDuration =
    settings.scenario === 'Offline'
      ? 1.1 * seconds * settings.offlineExpectedQps
      : seconds * settings.serverTargetQps;
  return Math.max(settings.minQueryCount, Math.trunc(byDuration));
}
