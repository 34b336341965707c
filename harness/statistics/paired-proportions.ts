// Right or wrong, by two systems on the same questions: the questions on which they differ decide.

import { checkCount, checkSameLength, checkShare } from './argument-checks.js';
import { binomialCdf, binomialProbability } from './binomial.js';
import type { Interval, TailTest } from './interval.js';
import { normalCdf, normalQuantile } from './normal.js';
import { findRoot } from './root.js';

/** Questions by who was right. */
export interface PairedCounts {
  readonly both: number;
  readonly baselineOnly: number;
  readonly candidateOnly: number;
  readonly neither: number;
}

/**
 * Counts the outcomes of the same questions in the same order.
 * @param baseline true where the baseline is right
 */
export function countOutcomes(
  baseline: readonly boolean[],
  candidate: readonly boolean[],
): PairedCounts {
  checkSameLength('baseline', baseline, 'candidate', candidate);
  const counts = { both: 0, baselineOnly: 0, candidateOnly: 0, neither: 0 };
  baseline.forEach((right, i) => {
    if (right) counts[candidate[i] ? 'both' : 'baselineOnly']++;
    else counts[candidate[i] ? 'candidateOnly' : 'neither']++;
  });
  return counts;
}

export interface McNemarTest {
  /** Questions that only one of the two got right. */
  readonly discordant: number;
  /** Two-sided: twice the smaller binomial tail, at most 1. */
  readonly exact: number;
  /** Two-sided: the same less the probability of what was observed; less conservative, and rarely above its level. */
  readonly midP: number;
}

/**
 * McNemar's test that neither system is right more often: exact conditional, and mid-p as Fagerland, Lydersen and Laake
 * 2013 ("The McNemar test for binary matched-pairs data") recommend. Both are 1 without a discordant question. p-values
 * below the smallest double are 0.
 */
export function testMcNemar(counts: PairedCounts): McNemarTest {
  checkPairs(counts);
  const discordant = counts.baselineOnly + counts.candidateOnly;
  const fewer = Math.min(counts.baselineOnly, counts.candidateOnly);
  if (2 * fewer === discordant) return { discordant, exact: 1, midP: 1 };
  const tail = binomialCdf(fewer, discordant, 0.5);
  const observed = binomialProbability(fewer, discordant, 0.5);
  return { discordant, exact: Math.min(1, 2 * tail), midP: 2 * tail - observed };
}

/**
 * The score interval of the difference of paired proportions, candidate's less baseline's, in shares (0.01 is a point):
 * Tango 1998 ("Equivalence test and confidence interval for the difference in proportions for the paired-sample
 * design"). It has a width without a discordant question too.
 * @throws RangeError for no questions, or counts that are not whole
 */
export function tangoInterval(counts: PairedCounts, alpha: number = 0.05): Interval {
  const n = checkPairs(counts);
  checkShare('alpha', alpha);
  const z = normalQuantile(1 - alpha / 2);
  // The interval is where the score is within z.
  const score = scoreOf(counts);
  const estimate = (counts.candidateOnly - counts.baselineOnly) / n;
  return describe(
    counts,
    alpha,
    findRoot((difference) => z - score(difference), -1, estimate),
    findRoot((difference) => -z - score(difference), estimate, 1),
    'Tango score',
  );
}

/** The test that agrees with Tango's interval: the score's normal tail at the difference supposed, in shares. */
export function tangoTail(counts: PairedCounts): TailTest {
  checkPairs(counts);
  const score = scoreOf(counts);
  return (hypothesis, value) => normalCdf(hypothesis === 'at least' ? score(value) : -score(value));
}

/** Tango's score of a difference supposed, in standard errors; falls as the difference grows. */
function scoreOf(counts: PairedCounts): (difference: number) => number {
  const n = checkPairs(counts);
  const { baselineOnly: c, candidateOnly: b } = counts;
  return (difference) => {
    const linear = -b - c + (2 * n - b + c) * difference;
    const constant = -c * difference * (1 - difference);
    const root = Math.sqrt(Math.max(0, linear ** 2 - 8 * n * constant));
    const losing = Math.max(0, (root - linear) / (4 * n));
    const variance = n * (2 * losing + difference * (1 - difference));
    const distance = b - c - n * difference;
    return distance === 0 ? 0 : distance / Math.sqrt(Math.max(variance, 0));
  };
}

function describe(
  counts: PairedCounts,
  alpha: number,
  lower: number,
  upper: number,
  method: string,
): Interval {
  const { baselineOnly, candidateOnly } = counts;
  const n = checkPairs(counts);
  const estimate = (candidateOnly - baselineOnly) / n;
  const variance = (baselineOnly + candidateOnly) / n - estimate ** 2;
  return {
    estimate,
    lower,
    upper,
    confidence: 1 - alpha,
    standardError: Math.sqrt(Math.max(variance, 0) / n),
    method,
  };
}

function checkPairs(counts: PairedCounts): number {
  for (const [name, count] of Object.entries(counts)) checkCount(name, count, 0);
  const n = counts.both + counts.baselineOnly + counts.candidateOnly + counts.neither;
  checkCount('questions', n, 1);
  return n;
}
