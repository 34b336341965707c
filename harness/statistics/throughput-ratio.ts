// One run a side, no repeats: how sure is the ratio of their rates? What was completed in consecutive bins of time is the
// series; its neighbours hang together (a long batch, a slow minute), so blocks of it are drawn.

import { checkFinite } from './argument-checks.js';
import { automaticBlockLength } from './block-length.js';
import { type BootstrapOptions, settleOptions } from './bootstrap.js';
import { type IntervalOrReason, quantileOf, refuse, varianceOf } from './interval.js';
import { normalCdf } from './normal.js';
import { Xoshiro128 } from './random.js';
import { studentQuantile } from './student-t.js';

/** What one run completed (tokens, samples), bin by bin. */
export interface CompletionSeries {
  /** Consecutive bins of the steady part of a run; an empty bin is a 0, not left out. */
  readonly perBin: ArrayLike<number>;
  readonly binSeconds: number;
}

const fewestBlocks = 6;
/** The automatic length is best for the variance's mean square error, which favours too narrow over too scattered. */
const lengthFactor = 2;

/**
 * The interval of rate(candidate) / rate(baseline) of two independent runs, by the stationary bootstrap (Politis and
 * Romano 1994) of each, in blocks of twice its own automatic length. Percentiles are taken further out, as if by Student's t with
 * as many degrees of freedom as blocks fit into a series less one (Hesterberg 2015, "What Teachers Should Know about the
 * Bootstrap": plain percentiles are as narrow as the normal's with the population's variance).
 *
 * It covers what varies within a run. What differs from run to run (another start, other clocks, a neighbour) it cannot
 * know: repeats can, see `repeated-runs.ts`. In simulation 95 % intervals covered 95 % on 300 independent bins, 93 to 95 %
 * on 300 bins with an AR(1) coefficient of 0.5, 93 to 94 % on 1,000 with 0.8. Time grows with resamples * blocks: 10,000 * 600 bins a
 * side take 0.3 s.
 *
 * Null when a series holds fewer than 6 such blocks, or completes nothing.
 * @throws RangeError when a count is negative or not finite, or a bin has no length
 */
export function bootstrapThroughputRatio(
  baseline: CompletionSeries,
  candidate: CompletionSeries,
  options: Omit<BootstrapOptions, 'method'> = {},
): IntervalOrReason {
  const { alpha, resamples, seed } = settleOptions(options);
  const sides = [];
  for (const [name, series] of [
    ['baseline', baseline],
    ['candidate', candidate],
  ] as const) {
    const side = describeSeries(name, series);
    if (typeof side === 'string') return refuse(side);
    sides.push(side);
  }
  const [from, to] = sides as [Side, Side];
  const random = Xoshiro128.seeded(seed);
  const estimate = to.rate / from.rate;
  const drawn = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) {
    const base = drawSum(from, random) / from.seconds;
    drawn[i] = drawSum(to, random) / to.seconds / base;
  }
  if (!drawn.every((ratio) => Number.isFinite(ratio))) {
    return refuse('a resample of the baseline completes nothing');
  }
  const standardError = Math.sqrt(varianceOf(drawn));
  drawn.sort();
  const share = widenedShare(alpha, Math.min(from.blocks, to.blocks));
  return {
    interval: {
      estimate,
      lower: quantileOf(drawn, share),
      upper: quantileOf(drawn, 1 - share),
      confidence: 1 - alpha,
      standardError,
      method: `stationary bootstrap, mean blocks of ${from.blockLength.toFixed(1)} and ${to.blockLength.toFixed(1)} bins`,
    },
    reason: null,
  };
}

interface Side {
  /** Sums of the first 0, 1, ... bins of the series laid twice end to end. */
  readonly prefix: Float64Array;
  readonly bins: number;
  readonly seconds: number;
  readonly rate: number;
  readonly blockLength: number;
  readonly blocks: number;
}

function describeSeries(name: string, { perBin, binSeconds }: CompletionSeries): Side | string {
  checkFinite(`${name}.perBin`, perBin);
  if (!(binSeconds > 0 && binSeconds < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${name}.binSeconds is ${binSeconds}; it must be a finite number above 0`);
  }
  const bins = perBin.length;
  const prefix = new Float64Array(2 * bins + 1);
  for (let i = 0; i < 2 * bins; i++) {
    const count = perBin[i % bins]!;
    if (count < 0) throw new RangeError(`${name}.perBin[${i}] is ${count}; it must be at least 0`);
    prefix[i + 1] = prefix[i]! + count;
  }
  const automatic = automaticBlockLength(perBin);
  if (automatic === null) return `the ${name} has ${bins} bins; at least 9 are needed`;
  const blockLength = lengthFactor * automatic.stationary;
  if (bins / blockLength < fewestBlocks) {
    return `the ${name} has ${bins} bins in blocks of ${blockLength.toFixed(1)}; at least ${fewestBlocks} blocks are needed`;
  }
  if (prefix[bins] === 0) return `the ${name} completes nothing`;
  const seconds = bins * binSeconds;
  const rate = prefix[bins]! / seconds;
  return { prefix, bins, seconds, rate, blockLength, blocks: bins / blockLength };
}

/** The sum over as many bins as the series has, drawn as blocks of geometric length that go round its end. */
function drawSum({ prefix, bins, blockLength }: Side, random: Xoshiro128): number {
  const logStay = Math.log1p(-1 / blockLength);
  let sum = 0;
  for (let left = bins; left > 0; ) {
    const start = Math.floor(random.uniform() * bins);
    const drawn = 1 + Math.floor(Math.log(1 - random.uniform()) / logStay);
    const length = Math.min(drawn, left);
    sum += prefix[start + length]! - prefix[start]!;
    left -= length;
  }
  return sum;
}

function widenedShare(alpha: number, blocks: number): number {
  const t = studentQuantile(1 - alpha / 2, blocks - 1);
  return normalCdf(-t * Math.sqrt(blocks / (blocks - 1)));
}
