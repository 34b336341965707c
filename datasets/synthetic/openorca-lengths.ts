// How long are OpenOrca's prompts and answers, as MLPerf's llama2-70b sees them? Two distributions that reproduce the
// published figures; which tokens fill the lengths is synthetic.ts's business.

import { Random } from '../tiny/random.js';

export interface RowLengths {
  readonly promptTokens: Int32Array;
  readonly newTokens: Int32Array;
}

/** Samples of MLPerf's llama2-70b. */
export const openOrcaSamples = 24_576;

/**
 * Prompt length by share of the samples that are no longer, straight lines between.
 * Source: mlcommons/inference llama2-70b README and the published length table: mean 222.33, standard deviation 171.5,
 * and the rows marked (published). The other rows are not published: they are fitted, so that the mean (222.4) and the
 * standard deviation (171.7) come out.
 */
export const promptQuantiles: readonly (readonly [share: number, tokens: number])[] = [
  [0, 48], // (published)
  [0.1, 92],
  [0.25, 120],
  [0.5, 152], // (published)
  [0.65, 194],
  [0.75, 230],
  [0.83, 360],
  [0.9, 519], // (published)
  [0.95, 580],
  [0.99, 791], // (published)
  [1, 1021], // (published)
];

/**
 * Answers of the unquantized model: of 294.45 tokens on average (mlcommons/inference llama2-70b README) and at most 1024.
 * Their distribution is not published. A Weibull distribution of this shape and scale, cut at both ends, has that mean
 * and a standard deviation of 198.
 */
const answerShape = 1.5;
const answerScale = 326.7;
/** LoadGen calls an answer of one token a mistake of the system: its time per output token is undefined. */
export const leastNewTokens = 2;
const mostNewTokens = 1024;

/**
 * The lengths of `count` rows. Each distribution is cut into `count` equal shares and the middle of each is taken once, so
 * that a dataset of any size has its figures without the noise of draws; then both are shuffled, each for itself: how far
 * long prompts have long answers is not published, and not imitated.
 */
export function drawOpenOrcaLengths(count: number): RowLengths {
  return {
    promptTokens: shuffleShares(count, 'prompt', promptLengthAt),
    newTokens: shuffleShares(count, 'answer', answerLengthAt),
  };
}

function shuffleShares(
  count: number,
  purpose: string,
  lengthAt: (share: number) => number,
): Int32Array {
  const lengths = Array.from({ length: count }, (_, row) =>
    Math.round(lengthAt((row + 0.5) / count)),
  );
  return Int32Array.from(new Random('synthetic openorca', purpose).shuffle(lengths));
}

function promptLengthAt(share: number): number {
  const end = Math.max(
    1,
    promptQuantiles.findIndex(([upTo]) => share <= upTo),
  );
  const [low, shortest] = promptQuantiles[end - 1]!;
  const [high, longest] = promptQuantiles[end]!;
  return shortest + ((share - low) / (high - low)) * (longest - shortest);
}

function answerLengthAt(share: number): number {
  const length = answerScale * (-Math.log(1 - share)) ** (1 / answerShape);
  return Math.min(mostNewTokens, Math.max(leastNewTokens, length));
}
