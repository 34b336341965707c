// Refuses settings that no test can be run by, before anything starts; what LoadGen merely complains about passes.

import { LoadgenError } from './errors.js';
import type { TestSettings } from './settings.js';

/** A field, what it may be, and whether it is. */
type Rule = readonly [
  field: keyof TestSettings,
  allowed: string,
  isKept: (value: number) => boolean,
];

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const isPositive = (value: number): boolean => Number.isFinite(value) && value > 0;
const isInside = (value: number): boolean => value > 0 && value < 1;

const count = 'a whole number of at least 0';
const counts: readonly (keyof TestSettings)[] = [
  'serverTargetLatencyNs',
  'serverMaxAsyncQueries',
  'minDurationMs',
  'maxDurationMs',
  'minQueryCount',
  'maxQueryCount',
  'accuracyLogSamplingTarget',
  'performanceIssueSameIndex',
  'performanceSampleCountOverride',
  'accuracySampleCountOverride',
  'serverTtftLatencyNs',
  'serverTpotLatencyNs',
  'serverFindPeakQpsDecimalsOfPrecision',
];

const rules: readonly Rule[] = [
  ...counts.map((field): Rule => [field, count, isCount]),
  ['singleStreamTargetLatencyPercentile', 'more than 0 and less than 1', isInside],
  ['multiStreamTargetLatencyPercentile', 'more than 0 and less than 1', isInside],
  ['serverTargetLatencyPercentile', 'more than 0 and less than 1', isInside],
  ['singleStreamExpectedLatencyNs', 'a number above 0', isPositive],
  ['multiStreamExpectedLatencyNs', 'a number above 0', isPositive],
  ['singleStreamConcurrency', 'a whole number of at least 1', (v) => isCount(v) && v > 0],
  ['multiStreamSamplesPerQuery', 'a whole number of at least 1', (v) => isCount(v) && v > 0],
  ['serverFindPeakQpsBoundaryStepSize', 'a number above 0', isPositive],
  ['accuracyLogProbability', 'a number of at least 0', (v) => v >= 0],
  ['issueLagShareLimit', 'a number above 0', isPositive],
  // LoadGen replaces a negative rate by 1 and logs an error; only what would never end is refused.
  ['serverTargetQps', 'a finite number other than 0', (v) => Number.isFinite(v) && v !== 0],
  ['offlineExpectedQps', 'a finite number other than 0', (v) => Number.isFinite(v) && v !== 0],
  ['tokenLatencyScalingFactor', 'a finite number', Number.isFinite],
];

/** A setting that no test can be run by. */
export interface SettingFault {
  readonly field: keyof TestSettings;
  readonly value: string;
  readonly allowed: string;
}

/** Every setting out of its range. */
export function findSettingFaults(settings: TestSettings): SettingFault[] {
  return rules.flatMap(([field, allowed, isKept]) => {
    const value = settings[field];
    const isFine = typeof value === 'number' && isKept(value);
    return isFine ? [] : [{ field, value: String(value), allowed }];
  });
}

/** Throws a LoadgenError naming every setting out of its range, or the first feature that is not there. */
export function checkSettings(settings: TestSettings): void {
  const faults = findSettingFaults(settings).map(
    ({ field, value, allowed }) => `${field} is ${value}; allowed is ${allowed}.`,
  );
  if (faults.length > 0) throw new LoadgenError('invalid-setting', faults.join(' '));
  if (settings.serverNumIssueQueryThreads !== 0) {
    throw new LoadgenError(
      'unsupported-setting',
      `serverNumIssueQueryThreads is ${settings.serverNumIssueQueryThreads}; only 0 is supported: queries are issued from one thread.`,
    );
  }
}
