// What a test is asked to do: one documented field a knob, with LoadGen's own defaults.
// What those wishes come to for a given sample library is decided in effective-settings.ts.

/** How queries arrive. */
export type Scenario = 'SingleStream' | 'MultiStream' | 'Server' | 'Offline';

/** What is run: accuracy then performance, one of the two, or a search for the highest rate. */
export type TestMode = 'SubmissionRun' | 'AccuracyOnly' | 'PerformanceOnly' | 'FindPeakPerformance';

/** `legacy`: as LoadGen drew the loaded sets up to v5.1, from the whole library. */
export type SampleSetOrder = 'current' | 'legacy';

/** The requested settings of one test; seeds are 64-bit and therefore bigint. */
export interface TestSettings {
  readonly scenario: Scenario;
  readonly mode: TestMode;

  /** SingleStream: guess of one sample's latency; sets how many queries are generated. */
  readonly singleStreamExpectedLatencyNs: number;
  /** SingleStream: the percentile that is the result, in 0..1. */
  readonly singleStreamTargetLatencyPercentile: number;
  /**
   * SingleStream: queries in flight; the next goes when one of them is answered. 1 is MLPerf's scenario, more are a closed
   * loop of so many streams. Not a setting of LoadGen's.
   */
  readonly singleStreamConcurrency: number;

  /** MultiStream: guess of one query's latency; sets how many queries are generated. */
  readonly multiStreamExpectedLatencyNs: number;
  /** MultiStream: the percentile that is the result, in 0..1. */
  readonly multiStreamTargetLatencyPercentile: number;
  /** MultiStream: samples issued together. */
  readonly multiStreamSamplesPerQuery: number;

  /** Server: mean arrival rate of the Poisson process, queries per second. */
  readonly serverTargetQps: number;
  /** Server without token latencies: the limit that the target percentile must keep. */
  readonly serverTargetLatencyNs: number;
  /** Server: the percentile that must keep the limit, in 0..1. */
  readonly serverTargetLatencyPercentile: number;
  /** Server: queries that are overdue when one is issued go out in the same call. */
  readonly serverCoalesceQueries: boolean;
  /** Find peak: decimals to which the highest rate is narrowed down. */
  readonly serverFindPeakQpsDecimalsOfPrecision: number;
  /** Find peak: the upper bound grows by this share of the lower one. */
  readonly serverFindPeakQpsBoundaryStepSize: number;
  /** Server: more outstanding queries than this end the run; 0 means no limit. */
  readonly serverMaxAsyncQueries: number;
  /** Server: LoadGen's registered issue threads; only 0 (none) is supported. */
  readonly serverNumIssueQueryThreads: number;

  /** Offline: expected samples per second; sets how many samples the one query holds. */
  readonly offlineExpectedQps: number;

  /** Sample order is whole shuffled passes over the loaded set instead of draws with replacement. */
  readonly sampleConcatenatePermutation: boolean;

  /** A performance run must last at least this long. */
  readonly minDurationMs: number;
  /** A performance run stops with an error after this long; 0 means never. */
  readonly maxDurationMs: number;
  /** A performance run must issue at least this many queries (Offline: samples). */
  readonly minQueryCount: number;
  /** A performance run stops with an error at this many queries; 0 means never. */
  readonly maxQueryCount: number;

  /** Seed of the order in which samples are loaded. */
  readonly qslRngSeed: bigint;
  /** Seed of the choice of samples. */
  readonly sampleIndexRngSeed: bigint;
  /** Seed of the Poisson schedule. */
  readonly scheduleRngSeed: bigint;
  /** Seed that shifts which samples of a performance run go to the accuracy log. */
  readonly accuracyLogRngSeed: bigint;
  /** Share of a performance run's samples that go to the accuracy log, in 0..1. */
  readonly accuracyLogProbability: number;
  /** Expected number of samples of a performance run in the accuracy log; overrides the share when not 0. */
  readonly accuracyLogSamplingTarget: number;

  /** The audit with other seeds: a performance run with the three below. */
  readonly test05: boolean;
  readonly test05QslRngSeed: bigint;
  readonly test05SampleIndexRngSeed: bigint;
  readonly test05ScheduleRngSeed: bigint;

  /** Printed in the logs and otherwise unused, as in LoadGen. */
  readonly printTimestamps: boolean;

  /** A performance run issues every loaded sample at most once. */
  readonly performanceIssueUnique: boolean;
  /** A performance run issues one sample over and over. */
  readonly performanceIssueSame: boolean;
  /** Which position of the loaded set that sample has. */
  readonly performanceIssueSameIndex: number;
  /** Replaces the library's performance sample count when not 0. */
  readonly performanceSampleCountOverride: number;
  /** Replaces the library's total sample count in accuracy runs when not 0. */
  readonly accuracySampleCountOverride: number;

  /** Which rows a performance run loads, and in which order sets are drawn. Not a setting of LoadGen's. */
  readonly sampleSetOrder: SampleSetOrder;

  /**
   * Server: how late queries may go out at the target percentile, as a share of the latency limit (of the first token,
   * or without token latencies of the answer), before the verdict says so. Not a setting of LoadGen's.
   */
  readonly issueLagShareLimit: number;

  /** First tokens and token counts are reported and judged. */
  readonly useTokenLatencies: boolean;
  /** Server with token latencies: limit of the time to first token. */
  readonly serverTtftLatencyNs: number;
  /** Server with token latencies: limit of the time per output token. */
  readonly serverTpotLatencyNs: number;
  /** Tokens per second are derived from samples per second. */
  readonly inferTokenLatencies: boolean;
  /** Tokens a sample stands for when inferred. */
  readonly tokenLatencyScalingFactor: number;
}

/** LoadGen's defaults (SingleStream performance). */
export const defaultSettings: TestSettings = Object.freeze({
  scenario: 'SingleStream',
  mode: 'PerformanceOnly',
  singleStreamExpectedLatencyNs: 1_000_000,
  singleStreamTargetLatencyPercentile: 0.9,
  singleStreamConcurrency: 1,
  multiStreamExpectedLatencyNs: 8_000_000,
  multiStreamTargetLatencyPercentile: 0.99,
  multiStreamSamplesPerQuery: 8,
  serverTargetQps: 1,
  serverTargetLatencyNs: 100_000_000,
  serverTargetLatencyPercentile: 0.99,
  serverCoalesceQueries: false,
  serverFindPeakQpsDecimalsOfPrecision: 1,
  serverFindPeakQpsBoundaryStepSize: 1,
  serverMaxAsyncQueries: 0,
  serverNumIssueQueryThreads: 0,
  offlineExpectedQps: 1,
  sampleConcatenatePermutation: false,
  minDurationMs: 10_000,
  maxDurationMs: 0,
  minQueryCount: 100,
  maxQueryCount: 0,
  qslRngSeed: 0n,
  sampleIndexRngSeed: 0n,
  scheduleRngSeed: 0n,
  accuracyLogRngSeed: 0n,
  accuracyLogProbability: 0,
  accuracyLogSamplingTarget: 0,
  test05: false,
  test05QslRngSeed: 0n,
  test05SampleIndexRngSeed: 0n,
  test05ScheduleRngSeed: 0n,
  printTimestamps: false,
  performanceIssueUnique: false,
  performanceIssueSame: false,
  performanceIssueSameIndex: 0,
  performanceSampleCountOverride: 0,
  accuracySampleCountOverride: 0,
  sampleSetOrder: 'current',
  issueLagShareLimit: 0.01,
  useTokenLatencies: false,
  serverTtftLatencyNs: 100_000_000,
  serverTpotLatencyNs: 100_000_000,
  inferTokenLatencies: false,
  tokenLatencyScalingFactor: 0,
});

/** The rounds whose official seeds are known. */
export type Round = 'v6.1' | 'v6.0' | 'v5.1' | 'v5.0';

/** The three seeds that MLCommons prescribes for a round. */
export interface OfficialSeeds {
  readonly qslRngSeed: bigint;
  readonly sampleIndexRngSeed: bigint;
  readonly scheduleRngSeed: bigint;
}

const seedsByRound: Readonly<Record<Round, OfficialSeeds>> = {
  'v6.1': {
    qslRngSeed: 2085463073848966840n,
    sampleIndexRngSeed: 2747215439041700203n,
    scheduleRngSeed: 16159082839903944936n,
  },
  'v6.0': {
    qslRngSeed: 2465351861681999779n,
    sampleIndexRngSeed: 14276810075590677512n,
    scheduleRngSeed: 3936089224930324775n,
  },
  'v5.1': {
    qslRngSeed: 1780908523862526354n,
    sampleIndexRngSeed: 14771362308971278857n,
    scheduleRngSeed: 18209322760996052031n,
  },
  'v5.0': {
    qslRngSeed: 6023615788873153749n,
    sampleIndexRngSeed: 15036839855038426416n,
    scheduleRngSeed: 9933818062894767841n,
  },
};

/** The seeds in force in a round (from the tags of MLCommons' inference repository). */
export function officialSeeds(round: Round): OfficialSeeds {
  return seedsByRound[round];
}
