// Which share of the hardware's limits did a run reach? Model bandwidth utilisation (MBU) and model FLOP/s utilisation
// (MFU): what the model must read and compute at least, over what the hardware could have in that time. Pure arithmetic;
// where the peaks come from is peak-rates.ts's business.

import type { EngineInfo } from '../native/index.js';

/** What one token costs a model. */
export interface ModelCost {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  /** Weights that every computed token is multiplied with: those of the layers' linears. */
  readonly linearParameters: number;
  /** Of the output head, which only tokens that are answered from need. */
  readonly headParameters: number;
  /** Weight bytes that a step reads, however many sequences it computes; the embedding table does not count. */
  readonly weightBytesPerStep: number;
  /** Of all layers. */
  readonly kvBytesPerToken: number;
  /** How many layers see no more than the last so many positions; the others see all. */
  readonly windows: readonly { readonly positions: number; readonly layers: number }[];
}

/** What a pass had to do, over its completed samples. */
export interface TokenWork {
  readonly promptTokens: number;
  readonly generatedTokens: number;
  /** Tokens that went through the layers: all but each answer's last. */
  readonly computedTokens: number;
  /** Sum over the computed tokens of the positions each attends to, itself included; the mean of the layers. */
  readonly attendedPositions: number;
  /** Sum over the generated tokens but each answer's first of the cached positions read for it; the mean likewise. */
  readonly readPositions: number;
}

export const noWork: TokenWork = {
  promptTokens: 0,
  generatedTokens: 0,
  computedTokens: 0,
  attendedPositions: 0,
  readPositions: 0,
};

/** As the engine adds up what it holds. */
export function costOf(info: EngineInfo): ModelCost {
  const { layers, heads, headDim, hiddenSize, vocabSize, windows } = info;
  const widths = [...new Set(windows)].filter((width) => width > 0);
  return {
    layers,
    heads,
    headDim,
    linearParameters: info.linearParameters,
    headParameters: vocabSize * hiddenSize,
    weightBytesPerStep: info.weightBytesPerToken,
    kvBytesPerToken: info.kvBytesPerToken,
    windows: widths.map((positions) => ({
      positions,
      layers: windows.filter((width) => width === positions).length,
    })),
  };
}

type Attention = Pick<ModelCost, 'layers' | 'windows'>;

/** Positions that the tokens at positions 1 to `count` see together, the mean of the layers. */
function seenPositions({ layers, windows }: Attention, count: number): number {
  const whole = (count * (count + 1)) / 2;
  let seen = layers * whole;
  for (const { positions, layers: narrow } of windows) {
    const beyond = Math.max(0, count - positions);
    seen -= (narrow * (beyond * (beyond + 1))) / 2;
  }
  return seen / layers;
}

/** The work with one more sample of these lengths in it. */
export function addSample(
  model: Attention,
  work: TokenWork,
  prompt: number,
  answer: number,
): TokenWork {
  if (answer === 0) return work;
  const computed = prompt + answer - 1;
  const attended = seenPositions(model, computed);
  return {
    promptTokens: work.promptTokens + prompt,
    generatedTokens: work.generatedTokens + answer,
    computedTokens: work.computedTokens + computed,
    attendedPositions: work.attendedPositions + attended,
    readPositions: work.readPositions + attended - seenPositions(model, prompt),
  };
}

/** 2 operations a parameter and computed token; in attention 4 an element of a head and position: scores, then values. */
export function countFlops(cost: ModelCost, work: TokenWork): number {
  const linears = cost.linearParameters * work.computedTokens;
  const head = cost.headParameters * work.generatedTokens;
  const attention = cost.layers * cost.heads * cost.headDim * work.attendedPositions;
  return 2 * (linears + head) + 4 * attention;
}

export function computeMfu(flops: number, seconds: number, peakTflops: number): number {
  return flops / (seconds * peakTflops * 1e12);
}

/**
 * A mean step of the worker that made most, and what the others read in its time: the KV bytes are those of the answers'
 * tokens; what prompts read back of their own is left out.
 */
export interface StepWork {
  readonly weightBytes: number;
  readonly kvBytes: number;
  readonly seconds: number;
}

/** (weight bytes + KV bytes of a step) / (step time x peak bandwidth), the weights read once for all its sequences. */
export function computeMbu(step: StepWork, peakBandwidthGBs: number): number {
  return (step.weightBytes + step.kvBytes) / (step.seconds * peakBandwidthGBs * 1e9);
}

/**
 * Workers step side by side, and the peaks are those of all: the pass took as many steps' time as the worker with most of
 * them made, and in a time without a step a worker reads nothing.
 * @param steps of each worker, one worker at least
 */
export function countTurns(steps: readonly number[]): number {
  return Math.max(...steps);
}

/**
 * A running sequence gets one token a step, so the mean time per output token is that of a step, without the time in which
 * there was nothing to do. Without one (answers of a single token) it is the pass's time by its steps.
 */
export function describeStep(
  cost: ModelCost,
  work: TokenWork,
  measured: {
    /** Of each worker; one of them above 0. */
    readonly steps: readonly number[];
    readonly seconds: number;
    readonly meanTpotSeconds: number | null;
  },
): StepWork {
  const { steps, seconds, meanTpotSeconds } = measured;
  const turns = countTurns(steps);
  const made = steps.reduce((total, count) => total + count, 0);
  return {
    weightBytes: (made / turns) * cost.weightBytesPerStep,
    kvBytes: (cost.kvBytesPerToken * work.readPositions) / turns,
    seconds: meanTpotSeconds ?? seconds / turns,
  };
}
