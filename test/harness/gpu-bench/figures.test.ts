import { describe, expect, it } from 'vitest';
import {
  type BatchTimes,
  bindingLimit,
  decodeWork,
  describeBatch,
  leastBatchSeconds,
  leastSeconds,
  prefillWork,
  spreadOf,
} from '../../../harness/gpu-bench/figures.js';

const cost = {
  layers: 2,
  heads: 4,
  headDim: 8,
  linearParameters: 1000,
  headParameters: 100,
  weightBytesPerStep: 600,
  kvBytesPerToken: 10,
  windows: [],
};
const peaks = { readGBs: 1e-6, matrixTflops: 1e-6 }; // 1,000 bytes and 1,000,000 operations a second

/** Answer `i` has a token at each of its seconds. */
function batch(promptTokens: number, ...seconds: number[][]): BatchTimes {
  const tokenNs = seconds.map((times) => times.map((time) => 1e9 * time));
  return { promptTokens, submittedNs: 0, tokenNs };
}

describe('spreadOf', () => {
  it('finds the middle of an odd and of an even number, and keeps the order', () => {
    expect(spreadOf([5, 1, 3])).toEqual({ min: 1, median: 3, max: 5, values: [5, 1, 3] });
    expect(spreadOf([4, 1]).median).toBe(2.5);
    expect(spreadOf([10, 9]).min).toBe(9);
  });
});

describe('describeBatch', () => {
  it('takes all but the first token of a single request for its decode phase', () => {
    expect(describeBatch(batch(100, [2, 3, 4, 5]))).toEqual({
      batch: 1,
      promptTokens: 100,
      newTokens: 4,
      seconds: 5,
      firstTokenSeconds: 2,
      // The tokens read 101, 102 and 103 cached positions.
      decode: { seconds: 3, tokens: 3, readPositions: 306 },
    });
  });

  it('counts the phase in which every answer is written', () => {
    const figures = describeBatch(batch(10, [1, 2, 3, 4], [3, 4, 5, 6]));
    expect(figures).toMatchObject({ batch: 2, seconds: 6, firstTokenSeconds: 3 });
    // From 3 to 4 seconds: the first answer's last token and the second one's second.
    expect(figures.decode).toEqual({ seconds: 1, tokens: 2, readPositions: 13 + 11 });
  });

  it('has no such phase where one ends before another begins, or of one token', () => {
    expect(describeBatch(batch(10, [1, 2], [3, 4])).decode).toBeNull();
    expect(describeBatch(batch(10, [1])).decode).toBeNull();
  });
});

describe('the least time', () => {
  it('reads the weights once a step and the cached positions of each answer', () => {
    const work = decodeWork(cost, 4, { tokens: 8, readPositions: 90 });
    expect(work.bytes).toBe(2 * 600 + 90 * 10);
    expect(work.flops).toBe(2 * 8 * 1100 + 4 * 2 * 4 * 8 * 90);
  });

  it('computes the head for answers alone when it reads prompts', () => {
    const work = prefillWork(cost, 2, 3);
    expect(work.bytes).toBe(600);
    expect(work.flops).toBe(2 * (1000 * 6 + 100 * 2) + 4 * 2 * 4 * 8 * 2 * (1 + 2 + 3));
  });

  it('is that of the ceiling which binds', () => {
    const reading = { bytes: 3000, flops: 1e6 };
    expect([leastSeconds(reading, peaks), bindingLimit(reading, peaks)]).toEqual([3, 'read']);
    const computing = { bytes: 3000, flops: 5e6 };
    expect([leastSeconds(computing, peaks), bindingLimit(computing, peaks)]).toEqual([5, 'matrix']);
  });

  it('of a batch is that of its prompts and of every token but the first', () => {
    const figures = describeBatch(batch(3, [1, 2, 3], [1, 2, 3]));
    const prefill = leastSeconds(prefillWork(cost, 2, 3), peaks);
    const phase = { tokens: 4, readPositions: 2 * (4 + 5) };
    const decode = leastSeconds(decodeWork(cost, 2, phase), peaks);
    expect(leastBatchSeconds(cost, figures, peaks)).toBeCloseTo(prefill + decode, 12);
  });
});
