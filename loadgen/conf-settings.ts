// What do the keys of a configuration file set? One table a kind of key: its name, the setting, its unit.
// Reading the file is conf-file.ts's business, which file may come when conf-loader.ts's.

import type { ConfFile } from './conf-file.js';
import { confDouble, confUint64 } from './conf-number.js';
import type { Scenario, TestMode, TestSettings } from './settings.js';

/** Whose file it is: the round's defaults, the submitter's, or an auditor's. */
export type ConfKind = 'mlperf' | 'user' | 'audit';

type FieldsOf<T> = {
  [K in keyof TestSettings]: TestSettings[K] extends T ? K : never;
}[keyof TestSettings];
type Changes = { -readonly [K in keyof TestSettings]?: TestSettings[K] };

/** Where a key is looked up: under the scenario that is run, or always under one. */
type Under = Scenario | 'run';

/** Wrap-around of a product is LoadGen's own: unsigned 64-bit. */
type IntegerKey = readonly [Under, key: string, FieldsOf<number>, unit: bigint];
type DoubleKey = readonly [Under, key: string, FieldsOf<number>, unit: number];
/** `one`: true for 1 alone; `nonzero`: true for all but 0. */
type BooleanKey = readonly [Under, key: string, FieldsOf<boolean>, 'one' | 'nonzero'];
type SeedKey = readonly [key: string, FieldsOf<bigint>];

const nsPerMs = 1_000_000n;
const percent = 0.01;

/** Seeds that only the round's own file may set. */
const roundSeeds: readonly SeedKey[] = [
  ['qsl_rng_seed', 'qslRngSeed'],
  ['sample_index_rng_seed', 'sampleIndexRngSeed'],
  ['schedule_rng_seed', 'scheduleRngSeed'],
  ['test05_qsl_rng_seed', 'test05QslRngSeed'],
  ['test05_sample_index_rng_seed', 'test05SampleIndexRngSeed'],
  ['test05_schedule_rng_seed', 'test05ScheduleRngSeed'],
];

const seeds: readonly SeedKey[] = [['accuracy_log_rng_seed', 'accuracyLogRngSeed']];

const integers: readonly IntegerKey[] = [
  ['MultiStream', 'samples_per_query', 'multiStreamSamplesPerQuery', 1n],
  ['Server', 'target_latency', 'serverTargetLatencyNs', nsPerMs],
  ['run', 'performance_issue_same_index', 'performanceIssueSameIndex', 1n],
  ['run', 'min_duration', 'minDurationMs', 1n],
  ['run', 'max_duration', 'maxDurationMs', 1n],
  ['run', 'min_query_count', 'minQueryCount', 1n],
  ['run', 'max_query_count', 'maxQueryCount', 1n],
  ['run', 'performance_sample_count_override', 'performanceSampleCountOverride', 1n],
  ['run', 'accuracy_sample_count_override', 'accuracySampleCountOverride', 1n],
  ['run', 'accuracy_log_sampling_target', 'accuracyLogSamplingTarget', 1n],
];

/** Read only where token latencies are on. */
const tokenLimits: readonly IntegerKey[] = [
  ['Server', 'ttft_latency', 'serverTtftLatencyNs', nsPerMs],
  ['Server', 'tpot_latency', 'serverTpotLatencyNs', nsPerMs],
];

/** Read only where token latencies are inferred. */
const inferredTokens: readonly IntegerKey[] = [
  ['run', 'token_latency_scaling_factor', 'tokenLatencyScalingFactor', 1n],
];

const doubles: readonly DoubleKey[] = [
  ['SingleStream', 'target_latency_percentile', 'singleStreamTargetLatencyPercentile', percent],
  ['MultiStream', 'target_latency_percentile', 'multiStreamTargetLatencyPercentile', percent],
  ['Server', 'target_latency_percentile', 'serverTargetLatencyPercentile', percent],
  ['SingleStream', 'target_latency', 'singleStreamExpectedLatencyNs', Number(nsPerMs)],
  ['MultiStream', 'target_latency', 'multiStreamExpectedLatencyNs', Number(nsPerMs)],
  ['Server', 'target_qps', 'serverTargetQps', 1],
  ['Offline', 'target_qps', 'offlineExpectedQps', 1],
];

const booleans: readonly BooleanKey[] = [
  ['run', 'use_token_latencies', 'useTokenLatencies', 'one'],
  ['run', 'infer_token_latencies', 'inferTokenLatencies', 'one'],
  ['run', 'sample_concatenate_permutation', 'sampleConcatenatePermutation', 'one'],
  ['run', 'performance_issue_unique', 'performanceIssueUnique', 'nonzero'],
  ['run', 'performance_issue_same', 'performanceIssueSame', 'nonzero'],
  ['Server', 'coalesce_queries', 'serverCoalesceQueries', 'nonzero'],
  ['run', 'print_timestamps', 'printTimestamps', 'nonzero'],
];

/** By the number of the key `mode`. */
const modes: readonly TestMode[] = [
  'SubmissionRun',
  'AccuracyOnly',
  'PerformanceOnly',
  'FindPeakPerformance',
];

/** A key as those need it who explain a file or write one. */
export interface ConfKey {
  readonly key: string;
  readonly field: keyof TestSettings;
  /** `run`: under the scenario that is run; else under this one, whatever is run. */
  readonly under: Under;
  readonly kind: 'integer' | 'double' | 'boolean' | 'seed';
  /** The setting is the value times this. */
  readonly unit: number;
  /** Only the round's own file may set it. */
  readonly isRounds: boolean;
}

const accuracyLogProbability: DoubleKey = [
  'run',
  'accuracy_log_probability',
  'accuracyLogProbability',
  percent,
];
const test05: BooleanKey = ['run', 'test05', 'test05', 'one'];

/** Every key that is read, `mode` apart. */
export const confKeys: readonly ConfKey[] = [
  ...listKeys('integer', [...integers, ...tokenLimits, ...inferredTokens]),
  ...listKeys('integer', [['Server', 'max_async_queries', 'serverMaxAsyncQueries', 1]]),
  ...listKeys('double', doubles),
  ...listKeys('double', [accuracyLogProbability], true),
  ...listKeys('boolean', booleans),
  ...listKeys('boolean', [test05], true),
  ...listKeys('seed', seeds.map(underRun)),
  ...listKeys('seed', roundSeeds.map(underRun), true),
];

type TableRow = readonly [Under, key: string, keyof TestSettings, unit: bigint | number | string];

function listKeys(
  kind: ConfKey['kind'],
  rows: readonly TableRow[],
  isRounds = false,
): readonly ConfKey[] {
  return rows.map(([under, key, field, unit]) => {
    return { key, field, under, kind, unit: kind === 'boolean' ? 1 : Number(unit), isRounds };
  });
}

function underRun([key, field]: SeedKey): TableRow {
  return ['run', key, field, 1];
}

/** The test mode that a value of `mode` means; undefined where it means none. */
export function confMode(word: string): TestMode | undefined {
  return modes[Number(confUint64(word))];
}

/** New settings, and what LoadGen logs as error_invalid_config. */
export interface ConfApplication {
  readonly settings: TestSettings;
  readonly complaints: readonly string[];
}

/** Lays the values of one file over the settings, as far as a file of its kind may set them. */
export function applyConf(
  settings: TestSettings,
  file: ConfFile,
  kind: ConfKind,
  model: string,
): ConfApplication {
  const changes: Changes = {};
  const find = (under: Under, key: string): string | undefined =>
    file.find(model, under === 'run' ? settings.scenario : under, key);

  if (kind === 'mlperf') {
    setSeeds(changes, roundSeeds, find);
    setDoubles(changes, [accuracyLogProbability], find);
    setBooleans(changes, [test05], find);
  }
  setSeeds(changes, seeds, find);
  setBooleans(changes, booleans, find);
  setIntegers(changes, integers, find);
  if (changes.useTokenLatencies ?? settings.useTokenLatencies) {
    setIntegers(changes, tokenLimits, find);
  }
  if (changes.inferTokenLatencies ?? settings.inferTokenLatencies) {
    setIntegers(changes, inferredTokens, find);
  }
  setDoubles(changes, doubles, find);

  const asyncQueries = find('Server', 'max_async_queries');
  // LoadGen keeps this one in a 32-bit int.
  if (asyncQueries !== undefined) {
    changes.serverMaxAsyncQueries = Number(BigInt.asIntN(32, confUint64(asyncQueries)));
  }
  const complaints = setMode(changes, find('run', 'mode'));
  return { settings: { ...settings, ...changes }, complaints };
}

type Find = (under: Under, key: string) => string | undefined;

function setSeeds(changes: Changes, keys: readonly SeedKey[], find: Find): void {
  for (const [key, field] of keys) {
    const text = find('run', key);
    if (text !== undefined) changes[field] = confUint64(text);
  }
}

function setIntegers(changes: Changes, keys: readonly IntegerKey[], find: Find): void {
  for (const [under, key, field, unit] of keys) {
    const text = find(under, key);
    if (text !== undefined) changes[field] = Number(BigInt.asUintN(64, confUint64(text) * unit));
  }
}

function setDoubles(changes: Changes, keys: readonly DoubleKey[], find: Find): void {
  for (const [under, key, field, unit] of keys) {
    const text = find(under, key);
    if (text !== undefined) changes[field] = confDouble(text) * unit;
  }
}

function setBooleans(changes: Changes, keys: readonly BooleanKey[], find: Find): void {
  for (const [under, key, field, truth] of keys) {
    const text = find(under, key);
    if (text === undefined) continue;
    const value = confUint64(text);
    changes[field] = truth === 'one' ? value === 1n : value !== 0n;
  }
}

function setMode(changes: Changes, text: string | undefined): string[] {
  if (text === undefined) return [];
  const mode = confMode(text);
  if (mode === undefined) return ['Invalid value passed to Mode key in config.'];
  changes.mode = mode;
  return [];
}
