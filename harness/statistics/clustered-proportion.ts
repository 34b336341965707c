// How sure is a share of a run's samples, where neighbours are alike and repeats of the run ask the same again?
//
// A queue makes slow samples come in clumps, so that a thousand of them tell less than a thousand independent ones; how
// much less is read off batches of consecutive samples and off the repeats, and an exact binomial bound is then taken over
// that many (Korn and Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts
// estimated from survey data"; the design effect is Kish's, 1965).

import { checkShare } from './argument-checks.js';
import { incompleteBeta } from './beta.js';
import { meanOf, type TailTest, varianceOf } from './interval.js';
import { findRoot } from './root.js';
import { studentQuantile } from './student-t.js';

/** Of one run, an element a sample, in the order in which they were asked: 1 where it is counted, else 0. */
export type Indicators = Uint8Array;

/** A share, and how many independent samples would know it as well. */
export interface ClusteredProportion {
  /** Of all samples of all runs, 0..1. */
  readonly share: number;
  /** Of the shortest run. */
  readonly samples: number;
  /** At most `samples`: repeats ask the same queries again, and so are never counted as more of them. */
  readonly effectiveSamples: number;
}

/** As throughput's batch means have: fewer lose degrees of freedom, more cut clumps apart. */
const batchCount = 10;

/**
 * The design effect comes from `probe`, a share that is like the one asked for but never rare: of none out of a thousand no
 * variance can be read, and of a few only a chance one. Batches x runs is a two-way layout; the mean's variance has a part of each, and degrees of freedom
 * by Satterthwaite (1946).
 * @param runs at least one, none empty
 * @param probe of the same samples
 * @param alpha one-sided, of the bounds that will be asked for
 * @throws RangeError for runs without samples
 */
export function weighProportion(
  runs: readonly Indicators[],
  probe: readonly Indicators[],
  alpha: number,
): ClusteredProportion {
  checkShare('alpha', alpha);
  const samples = Math.min(...runs.map(({ length }) => length));
  if (!(samples >= 1 && samples < Number.POSITIVE_INFINITY)) {
    throw new RangeError(
      `${runs.length} runs, the shortest of ${samples} samples; at least 1 each`,
    );
  }
  const share = pooledShare(runs);
  const { variance, df } = splitVariance(probe.map((run) => batchShares(run, samples)));
  const probed = pooledShare(probe);
  const binomial = (probed * (1 - probed)) / samples;
  // Without any variation nothing is clumped, and the share is 0 or 1.
  if (!(variance > 0 && binomial > 0)) {
    return { share, samples, effectiveSamples: samples };
  }
  const reach = studentQuantile(1 - alpha, samples - 1) / studentQuantile(1 - alpha, df);
  const effectiveSamples = Math.min(samples, ((samples * binomial) / variance) * reach ** 2);
  return { share, samples, effectiveSamples };
}

function pooledShare(runs: readonly Indicators[]): number {
  const counted = runs.reduce((sum, run) => sum + meanOf(run) * run.length, 0);
  return counted / runs.reduce((sum, { length }) => sum + length, 0);
}

/** Of batches of consecutive samples, as many in every run. */
function batchShares(run: Indicators, fewestSamples: number): number[] {
  const count = Math.min(batchCount, fewestSamples);
  const begins = (i: number) => Math.floor((i * run.length) / count);
  return Array.from({ length: count }, (_, i) => meanOf(run.subarray(begins(i), begins(i + 1))));
}

/** Of the grand mean of runs x batches. */
function splitVariance(shares: readonly (readonly number[])[]): {
  readonly variance: number;
  readonly df: number;
} {
  const [runs, batches] = [shares.length, shares[0]!.length];
  const ofRuns = shares.map(meanOf);
  const ofBatches = shares[0]!.map((_, j) => meanOf(shares.map((run) => run[j]!)));
  const batchSquare = batches > 1 ? runs * varianceOf(ofBatches) : 0;
  const runSquare = runs > 1 ? batches * varianceOf(ofRuns) : 0;
  const freedom = [batches - 1, runs - 1] as const;
  const sum = batchSquare + runSquare;
  const parts =
    (batchSquare === 0 ? 0 : batchSquare ** 2 / freedom[0]) +
    (runSquare === 0 ? 0 : runSquare ** 2 / freedom[1]);
  return { variance: sum / (runs * batches), df: parts === 0 ? 1 : sum ** 2 / parts };
}

/**
 * The p-value of a true share of at least, or at most, a value in (0, 1): the exact binomial tail, whose count and total need
 * not be whole. With every sample counting it is that of LoadGen's early stopping.
 */
export function proportionTail({
  share,
  effectiveSamples,
}: Pick<ClusteredProportion, 'share' | 'effectiveSamples'>): TailTest {
  const counted = share * effectiveSamples;
  const rest = effectiveSamples - counted;
  return (hypothesis, value) => {
    checkShare('value', value);
    if (hypothesis === 'at least') {
      return rest > 0 ? incompleteBeta(rest, counted + 1, 1 - value, value) : 1;
    }
    return counted > 0 ? incompleteBeta(counted, rest + 1, value) : 1;
  };
}

/** The value that a one-sided test at `alpha` just does not rule out: below it or above it lies the true share. */
export function proportionBound(
  proportion: ClusteredProportion,
  side: 'lower' | 'upper',
  alpha: number,
): number {
  checkShare('alpha', alpha);
  const tail = proportionTail(proportion);
  const { share } = proportion;
  if (side === 'lower') {
    const top = Math.min(share, 1 - 1e-12);
    return share === 0 ? 0 : findRoot((value) => tail('at most', value) - alpha, 1e-12, top);
  }
  const last = 1 - 1e-12;
  if (share >= last) return 1;
  return findRoot((value) => alpha - tail('at least', value), Math.max(share, 1e-12), last);
}
