// LoadGen's own knobs, as a run's section `loadgen` has them, and which of them go together. What each one does to a
// test is LoadGen's business.

import type { Fault } from './errors.js';
import { type Checked, flag, number, optionalNumber, section, seed } from './setting-fields.js';

/** Samples of one pass: LoadGen generates them before it issues the first. */
export const maxSamples = 10_000_000;

const countFromZero = { min: 0, max: maxSamples, whole: true } as const;

/** Settings `loadgen`, all off by default. */
export const loadgenFields = section({
  /** Whole shuffled passes over the samples instead of draws with replacement. */
  sampleConcatenatePermutation: flag(false),
  /** Samples that the performance pass draws from: the first so many; null is all. */
  performanceSampleCount: optionalNumber({ min: 1, max: maxSamples, whole: true }),
  /** Each sample at most once in the performance pass. */
  performanceIssueUnique: flag(false),
  /** One sample over and over in the performance pass: which one, by its position among those that were loaded. */
  performanceIssueSame: flag(false),
  performanceIssueSameIndex: number(countFromZero, 0),
  /** Server: queries that are overdue when one is issued go out with it. */
  coalesceQueries: flag(false),
  /** Server: more outstanding queries than this end the pass; 0 is no limit. */
  maxAsyncQueries: number(countFromZero, 0),
  /** A performance pass stops with an error after this long, or at so many queries; 0 is never. */
  maxDurationS: number({ min: 0, max: 86_400 }, 0),
  maxQueryCount: number(countFromZero, 0),
  /** Share of the performance pass's answers that go to its accuracy log. */
  accuracyLogProbability: number({ min: 0, max: 1 }, 0),
  /** Expected number of them, in place of a share; 0 is off. */
  accuracyLogSamplingTarget: number(countFromZero, 0),
  accuracyLogRngSeed: seed(0n),
  /** find-peak: decimals of the rate found. */
  findPeakDecimals: number({ min: 0, max: 6, whole: true }, 1),
  /** find-peak: by which share a rate that passed is raised for the next probe; a smaller one would probe for ever. */
  findPeakStep: number({ min: 0.01, max: 100 }, 1),
});
export type LoadgenSettings = Checked<typeof loadgenFields>;

/** What of the run these settings have to agree with. */
export interface LoadgenSurroundings {
  /** Samples of the run. */
  readonly sampleCount: number;
  readonly samplesPerQuery: number;
  readonly isOffline: boolean;
  /** Of the scenario. */
  readonly minDurationS: number;
  readonly minQueryCount: number;
}

type WhereIs = (...path: string[]) => string;

/** Every pair of settings that contradict each other. */
export function findLoadgenFaults(
  loadgen: LoadgenSettings,
  around: LoadgenSurroundings,
  whereIs: WhereIs,
): Fault[] {
  const faults: Fault[] = [];
  const refuse = (name: string, message: string) =>
    faults.push({ where: whereIs('loadgen', name), message: `loadgen.${name} ${message}` });
  const loaded = loadgen.performanceSampleCount ?? around.sampleCount;
  if (loaded > around.sampleCount) {
    refuse(
      'performance_sample_count',
      `is ${loaded}; allowed: 1 to ${around.sampleCount}, the samples of the run, or null`,
    );
  } else if (loaded < around.samplesPerQuery) {
    refuse(
      'performance_sample_count',
      `is ${loaded}; allowed: from ${around.samplesPerQuery}, multi_stream.samples_per_query, or null`,
    );
  }
  if (loadgen.performanceIssueSame && loadgen.performanceIssueUnique) {
    refuse('performance_issue_same', 'is true, and so is performance_issue_unique; allowed: one');
  }
  if (loadgen.performanceIssueSame && loadgen.performanceIssueSameIndex >= loaded) {
    refuse(
      'performance_issue_same_index',
      `is ${loadgen.performanceIssueSameIndex}; allowed: 0 to ${loaded - 1}, the samples that are loaded`,
    );
  }
  if (loadgen.accuracyLogProbability > 0 && loadgen.accuracyLogSamplingTarget > 0) {
    refuse(
      'accuracy_log_sampling_target',
      `is ${loadgen.accuracyLogSamplingTarget}, and accuracy_log_probability is ${loadgen.accuracyLogProbability}; allowed: one of them above 0`,
    );
  }
  faults.push(...findLimitFaults(loadgen, around, whereIs));
  return faults;
}

/** A pass that is stopped before it may end can only be INVALID; Offline's one query ends the pass anyway. */
function findLimitFaults(
  { maxDurationS, maxQueryCount }: LoadgenSettings,
  { isOffline, minDurationS, minQueryCount }: LoadgenSurroundings,
  whereIs: WhereIs,
): Fault[] {
  if (isOffline) return [];
  const faults: Fault[] = [];
  const refuse = (name: string, value: number, least: string) => {
    const message = `loadgen.${name} is ${value}; allowed: 0 for none, or from ${least}`;
    faults.push({ where: whereIs('loadgen', name), message });
  };
  if (maxDurationS > 0 && maxDurationS < minDurationS) {
    refuse('max_duration_s', maxDurationS, `min_duration_s, which is ${minDurationS}`);
  }
  if (maxQueryCount > 0 && maxQueryCount < minQueryCount) {
    refuse('max_query_count', maxQueryCount, `min_query_count, which is ${minQueryCount}`);
  }
  return faults;
}
