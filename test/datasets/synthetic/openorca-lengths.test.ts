import { describe, expect, it } from 'vitest';
import {
  drawOpenOrcaLengths,
  openOrcaSamples,
} from '../../../datasets/synthetic/openorca-lengths.js';

const lengths = drawOpenOrcaLengths(openOrcaSamples);
const figures = {
  prompts: [lengths.promptTokens, { mean: 222.33, deviation: 171.5 }],
  answers: [lengths.newTokens, { mean: 294.45, deviation: 200 }],
} as const;

function meanOf(values: Int32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviationOf(values: Int32Array): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

function quantileOf(values: Int32Array, share: number): number {
  return values.toSorted()[Math.ceil(share * values.length) - 1]!;
}

describe('drawOpenOrcaLengths', () => {
  it.each(Object.entries(figures))(
    'has the published mean of %s within 2 %%',
    (_, [values, figure]) => {
      expect(values).toHaveLength(24_576);
      expect(Math.abs(meanOf(values) / figure.mean - 1)).toBeLessThan(0.02);
      expect(Math.abs(deviationOf(values) / figure.deviation - 1)).toBeLessThan(0.02);
    },
  );

  it.each([
    [0.5, 152],
    [0.9, 519],
    [0.99, 791],
  ])('has the published quantile %d of prompts within 5 %%', (share, tokens) => {
    const found = quantileOf(lengths.promptTokens, share);
    expect(Math.abs(found / tokens - 1)).toBeLessThan(0.05);
  });

  it('keeps to the published ends, and to answers that LoadGen takes', () => {
    expect(Math.min(...lengths.promptTokens)).toBe(48);
    expect(Math.max(...lengths.promptTokens)).toBe(1021);
    expect(Math.min(...lengths.newTokens)).toBe(2);
    expect(Math.max(...lengths.newTokens)).toBe(1024);
  });

  it('has its figures in a small dataset and in the first rows of a large one too', () => {
    const small = drawOpenOrcaLengths(500);
    expect(Math.abs(meanOf(small.promptTokens) / 222.33 - 1)).toBeLessThan(0.02);
    expect(Math.abs(meanOf(small.newTokens) / 294.45 - 1)).toBeLessThan(0.02);
    expect(Math.abs(meanOf(lengths.promptTokens.subarray(0, 4000)) / 222.33 - 1)).toBeLessThan(
      0.04,
    );
    expect(drawOpenOrcaLengths(500)).toEqual(small);
  });
});
