// What do the times of a batch's tokens say, and how long would the GPU need at least? Pure arithmetic: a ceiling is the
// longer of the time to read what must be read and the time to compute what must be computed.

import { addSample, countFlops, type ModelCost, noWork } from '../utilisation.js';

/** When a static batch was submitted and when each token of each answer was known, nanoseconds of one clock. */
export interface BatchTimes {
  readonly promptTokens: number;
  readonly submittedNs: number;
  /** (answers, tokens) */
  readonly tokenNs: readonly (readonly number[])[];
}

/** The time in which every answer of the batch is being written: prompts are read, none has ended. */
export interface DecodePhase {
  readonly seconds: number;
  readonly tokens: number;
  /** Sum over those tokens of the cached positions each reads. */
  readonly readPositions: number;
}

export interface BatchFigures {
  readonly batch: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  /** From the submission to the last token. */
  readonly seconds: number;
  /** From the submission to the last answer's first token. */
  readonly firstTokenSeconds: number;
  /** null where the first answer ended before the last one began. */
  readonly decode: DecodePhase | null;
}

/** Every repeat in its order, and what is printed of them. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly values: readonly number[];
}

/** Measured in the same run. */
export interface Peaks {
  readonly readGBs: number;
  readonly matrixTflops: number;
}

/** What cannot be avoided. */
export interface LeastWork {
  readonly bytes: number;
  readonly flops: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const isOdd = sorted.length % 2 === 1;
  const median = isOdd ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { min: sorted[0]!, median, max: sorted[sorted.length - 1]!, values };
}

export function describeBatch({ promptTokens, submittedNs, tokenNs }: BatchTimes): BatchFigures {
  const firstNs = Math.max(...tokenNs.map((times) => times[0]!));
  const lastNs = Math.max(...tokenNs.map((times) => times[times.length - 1]!));
  return {
    batch: tokenNs.length,
    promptTokens,
    newTokens: tokenNs[0]!.length,
    seconds: (lastNs - submittedNs) / 1e9,
    firstTokenSeconds: (firstNs - submittedNs) / 1e9,
    decode: describeDecode(promptTokens, tokenNs, firstNs),
  };
}

function describeDecode(
  promptTokens: number,
  tokenNs: BatchTimes['tokenNs'],
  beginNs: number,
): DecodePhase | null {
  const endNs = Math.min(...tokenNs.map((times) => times[times.length - 1]!));
  if (endNs <= beginNs) return null;
  let tokens = 0;
  let readPositions = 0;
  for (const times of tokenNs) {
    for (const [index, ns] of times.entries()) {
      if (ns <= beginNs || ns > endNs) continue;
      tokens++;
      readPositions += promptTokens + index;
    }
  }
  return { seconds: (endNs - beginNs) / 1e9, tokens, readPositions };
}

/** A step reads the weights once, and of each answer its cached positions. */
export function decodeWork(
  cost: ModelCost,
  batch: number,
  { tokens, readPositions }: Pick<DecodePhase, 'tokens' | 'readPositions'>,
): LeastWork {
  const work = { ...noWork, computedTokens: tokens, generatedTokens: tokens };
  return {
    bytes: (tokens / batch) * cost.weightBytesPerStep + cost.kvBytesPerToken * readPositions,
    flops: countFlops(cost, { ...work, attendedPositions: readPositions }),
  };
}

/** The prompts' with the first token of each answer, as if one step could hold them all. */
export function prefillWork(cost: ModelCost, batch: number, promptTokens: number): LeastWork {
  let work = noWork;
  for (let i = 0; i < batch; i++) work = addSample(cost, work, promptTokens, 1);
  return { bytes: cost.weightBytesPerStep, flops: countFlops(cost, work) };
}

export function leastSeconds({ bytes, flops }: LeastWork, peaks: Peaks): number {
  return Math.max(bytes / (peaks.readGBs * 1e9), flops / (peaks.matrixTflops * 1e12));
}

export function bindingLimit({ bytes, flops }: LeastWork, peaks: Peaks): 'read' | 'matrix' {
  const reading = bytes / (peaks.readGBs * 1e9);
  return reading >= flops / (peaks.matrixTflops * 1e12) ? 'read' : 'matrix';
}

/** Of a whole static batch: its prompts, then all tokens of its answers but the first. */
export function leastBatchSeconds(cost: ModelCost, figures: BatchFigures, peaks: Peaks): number {
  const { batch, promptTokens, newTokens } = figures;
  const one = addSample(cost, noWork, promptTokens, newTokens);
  const phase = { tokens: batch * (newTokens - 1), readPositions: batch * one.readPositions };
  const prefill = leastSeconds(prefillWork(cost, batch, promptTokens), peaks);
  return prefill + leastSeconds(decodeWork(cost, batch, phase), peaks);
}
