// Whole runs repeated: their scatter holds everything that differs between two runs, which no single run can tell.

import { checkCount, checkPositive, checkSameLength, checkShare } from './argument-checks.js';
import { type IntervalOrReason, meanOf, refuse, varianceOf } from './interval.js';
import { leastInteger } from './root.js';
import { studentQuantile } from './student-t.js';

/** independent: the sides' runs have nothing to do with each other. interleaved: run i of both was made side by side. */
export type RunDesign = 'independent' | 'interleaved';

/** A difference of mean logarithms, how sure it is, and what another number of runs would make of that. */
export interface LogContrast {
  readonly difference: number;
  readonly standardError: number;
  readonly degreesOfFreedom: number;
  /** The squared standard error and degrees of freedom that `runs` a side of the same scatter would have. */
  readonly planned: (runs: number) => { readonly variance: number; readonly df: number };
}

/** The logarithms' contrast; a reason where fewer than two runs a side, or runs without any scatter, leave none. */
export function contrastLogs(
  baseline: readonly number[],
  candidate: readonly number[],
  design: RunDesign,
): LogContrast | string {
  checkPositive('baseline', baseline);
  checkPositive('candidate', candidate);
  if (design === 'interleaved') checkSameLength('baseline', baseline, 'candidate', candidate);
  if (Math.min(baseline.length, candidate.length) < 2) {
    return `${baseline.length} baseline and ${candidate.length} candidate runs: scatter between runs needs at least 2 a side`;
  }
  const from = baseline.map(Math.log);
  const to = candidate.map(Math.log);
  const contrast = design === 'interleaved' ? contrastPairs(from, to) : contrastWelch(from, to);
  // Equal figures differ by what rounding makes of their logarithms.
  return contrast.standardError > 1e-14 ? contrast : noScatter;
}

const noScatter = 'the runs do not scatter at all, so nothing tells how far repeats may differ';

function contrastPairs(from: readonly number[], to: readonly number[]): LogContrast {
  const differences = to.map((value, i) => value - from[i]!);
  const variance = varianceOf(differences);
  return {
    difference: meanOf(differences),
    standardError: Math.sqrt(variance / differences.length),
    degreesOfFreedom: differences.length - 1,
    planned: (runs) => ({ variance: variance / runs, df: runs - 1 }),
  };
}

function contrastWelch(from: readonly number[], to: readonly number[]): LogContrast {
  const variances = [varianceOf(from), varianceOf(to)] as const;
  const combine = (fromRuns: number, toRuns: number) => {
    const [a, b] = [variances[0] / fromRuns, variances[1] / toRuns];
    const [shareA, shareB] = [a / (a + b), b / (a + b)];
    const df = 1 / (shareA ** 2 / (fromRuns - 1) + shareB ** 2 / (toRuns - 1));
    return { variance: a + b, df };
  };
  const { variance, df } = combine(from.length, to.length);
  return {
    difference: meanOf(to) - meanOf(from),
    standardError: Math.sqrt(variance),
    degreesOfFreedom: df,
    planned: (runs) => combine(runs, runs),
  };
}

/**
 * The interval of the ratio of geometric means, candidate / baseline, of repeated runs: on the logarithms, Welch's t for
 * independent runs (Welch 1947, degrees of freedom by Satterthwaite), the paired t for interleaved ones, whose common drift cancels. Swapping the sides inverts
 * it.
 *
 * Null with fewer than two runs a side (one run shows a ratio and no scatter), or where runs do not scatter at all.
 * @param baseline one figure a run, above 0: a rate, a latency, an energy
 * @param candidate likewise; for interleaved runs as many, in the same order
 * @throws RangeError for a figure that is not above 0
 */
export function ratioOfRepeats(
  baseline: readonly number[],
  candidate: readonly number[],
  design: RunDesign,
  alpha: number = 0.05,
): IntervalOrReason {
  checkShare('alpha', alpha);
  const contrast = contrastLogs(baseline, candidate, design);
  if (typeof contrast === 'string') return refuse(contrast);
  const { difference, standardError, degreesOfFreedom } = contrast;
  const reach = studentQuantile(1 - alpha / 2, degreesOfFreedom) * standardError;
  const estimate = Math.exp(difference);
  return {
    interval: {
      estimate,
      lower: Math.exp(difference - reach),
      upper: Math.exp(difference + reach),
      confidence: 1 - alpha,
      standardError: estimate * standardError,
      method: design === 'interleaved' ? 'paired t on logarithms' : "Welch's t on logarithms",
    },
    reason: null,
  };
}

/**
 * The fewest runs a side whose interval would leave 1 out, for a ratio of geometric means and a scatter (standard deviation
 * of the logarithm) as given: independent runs, Student's t. Null where 1,000 would not do.
 */
export function planRatio(ratio: number, scatter: number, alpha: number = 0.05): number | null {
  checkPositive('ratio', [ratio]);
  checkShare('alpha', alpha);
  const shown = (runs: number): boolean =>
    studentQuantile(1 - alpha / 2, 2 * runs - 2) * scatter * Math.sqrt(2 / runs) <
    Math.abs(Math.log(ratio));
  return leastInteger(shown, 2, 1000);
}

/**
 * The least ratio above 1 whose interval would leave 1 out: as many interleaved repeats (2 at least), a scatter (standard
 * deviation of the logarithm of one repeat's ratio) as given, the paired t of `ratioOfRepeats`.
 */
export function leastShownRatio(repeats: number, scatter: number, alpha: number = 0.05): number {
  checkCount('repeats', repeats, 2);
  checkPositive('scatter', [scatter]);
  checkShare('alpha', alpha);
  const reach = studentQuantile(1 - alpha / 2, repeats - 1) * scatter;
  return Math.exp(reach / Math.sqrt(repeats));
}

/** The geometric mean of figures above 0; NaN of none. */
export function geometricMean(figures: readonly number[]): number {
  checkPositive('figures', figures);
  return Math.exp(meanOf(figures.map(Math.log)));
}

/**
 * The interval of the geometric mean of repeated runs: Student's t on the logarithms.
 *
 * Null with fewer than two runs, or where they do not scatter at all.
 * @param figures one a run, above 0
 */
export function geometricMeanInterval(
  figures: readonly number[],
  alpha: number = 0.05,
): IntervalOrReason {
  checkPositive('figures', figures);
  checkShare('alpha', alpha);
  const runs = figures.length;
  if (runs < 2) return refuse(`${runs} run${runs === 1 ? '' : 's'}: scatter needs at least 2`);
  const logs = figures.map(Math.log);
  const standardError = Math.sqrt(varianceOf(logs) / runs);
  if (standardError <= 1e-14) return refuse(noScatter);
  const estimate = geometricMean(figures);
  const reach = studentQuantile(1 - alpha / 2, runs - 1) * standardError;
  return {
    interval: {
      estimate,
      lower: estimate * Math.exp(-reach),
      upper: estimate * Math.exp(reach),
      confidence: 1 - alpha,
      standardError: estimate * standardError,
      method: 't on logarithms',
    },
    reason: null,
  };
}
