import { describe, expect, it } from 'vitest';
import {
  addSample,
  computeMbu,
  computeMfu,
  costOf,
  countFlops,
  describeStep,
  type ModelCost,
  noWork,
} from '../../harness/utilisation.js';
import type { EngineInfo } from '../../native/index.js';

/** Llama-2-7B in bf16: 6,738,415,616 parameters, of which 131,072,000 in the embedding table and as many in the head. */
const llama7b = {
  layers: 32,
  hiddenSize: 4096,
  heads: 32,
  kvHeads: 32,
  headDim: 128,
  vocabSize: 32_000,
  parameters: 6_738_415_616,
  weightBytesPerToken: 2 * (6_738_415_616 - 131_072_000),
  kvBytesPerToken: 2 * 32 * 32 * 128 * 2,
} as EngineInfo;

describe('costOf', () => {
  it('counts the weights of the linears and of the head apart', () => {
    const cost = costOf(llama7b);
    // Per layer four matrices of 4096 x 4096 and three of 4096 x 11008.
    expect(cost.linearParameters).toBe(32 * (4 * 4096 * 4096 + 3 * 4096 * 11_008));
    expect(cost.headParameters).toBe(131_072_000);
    expect(cost.kvBytesPerToken).toBe(524_288);
  });
});

describe('addSample', () => {
  it('counts position by position what a sample computes and reads', () => {
    let [attendedPositions, readPositions] = [0, 0];
    const [prompt, answer] = [7, 5];
    for (let position = 1; position <= prompt + answer - 1; position++) {
      attendedPositions += position;
      if (position > prompt) readPositions += position;
    }
    const work = addSample(noWork, prompt, answer);
    expect(work).toEqual({
      promptTokens: 7,
      generatedTokens: 5,
      computedTokens: 11,
      attendedPositions,
      readPositions,
    });
    expect(addSample(work, prompt, answer).readPositions).toBe(2 * readPositions);
    expect(addSample(work, 100, 0)).toBe(work);
  });
});

describe('MBU', () => {
  const cost = costOf(llama7b);

  it('of one sequence is weights and cache over the time of a token', () => {
    // DESIGN's formula by hand: 13.2 GB of weights and 513 positions of cache in 5 ms, of 3350 GB/s.
    const work = addSample(noWork, 512, 2);
    const step = describeStep(cost, work, { steps: 1, seconds: 99, meanTpotSeconds: 0.005 });
    const byHand = (13_214_687_232 + 513 * 524_288) / (0.005 * 3350e9);
    expect(computeMbu(step, 3350)).toBeCloseTo(byHand, 12);
    expect(byHand).toBeCloseTo(0.805, 3);
  });

  it('of a batch reads the weights once and the cache of each sequence', () => {
    // 64 sequences from 128 to 384 positions together: 255 steps after the one of the prompts.
    let work = noWork;
    for (let sample = 0; sample < 64; sample++) work = addSample(work, 128, 256);
    const step = describeStep(cost, work, { steps: 255, seconds: 2.55, meanTpotSeconds: 0.01 });
    expect(step.kvBytes / cost.kvBytesPerToken).toBeCloseTo(64 * (128 + 256 / 2), 6);
    expect(step.weightBytes).toBe(13_214_687_232);
  });

  it('takes the time of a step from the steps where answers have one token', () => {
    const work = addSample(noWork, 16, 1);
    const step = describeStep(cost, work, { steps: 4, seconds: 0.2, meanTpotSeconds: null });
    expect(step).toEqual({ weightBytes: 13_214_687_232, kvBytes: 0, seconds: 0.05 });
  });
});

describe('MFU', () => {
  it('counts two operations a weight, the head for answers only, and attention', () => {
    const cost: ModelCost = {
      layers: 2,
      heads: 4,
      headDim: 16,
      linearParameters: 1000,
      headParameters: 100,
      weightBytesPerStep: 0,
      kvBytesPerToken: 0,
    };
    // 3 prompt tokens and 2 of an answer: 4 go through the layers, 2 are answered from, 1 + 2 + 3 + 4 are attended to.
    const flops = countFlops(cost, addSample(noWork, 3, 2));
    expect(flops).toBe(2 * 1000 * 4 + 2 * 100 * 2 + 4 * 2 * 4 * 16 * 10);
    expect(computeMfu(flops, 2, 1e-9)).toBeCloseTo(flops / 2000, 12);
  });

  it("is a few percent of an H100 at MLPerf's load of one Llama-2-7B sequence after the other", () => {
    const flops = countFlops(costOf(llama7b), addSample(noWork, 222, 294));
    expect(flops / (2 * 6.6e9 * 516)).toBeCloseTo(1, 1);
  });
});
