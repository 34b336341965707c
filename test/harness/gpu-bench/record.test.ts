import { describe, expect, it } from 'vitest';
import type { BatchFigures } from '../../../harness/gpu-bench/figures.js';
import {
  type Ceilings,
  describeBatchedRuns,
  describeDecodeRuns,
  type EngineMeasurement,
} from '../../../harness/gpu-bench/record.js';

const engine: EngineMeasurement['engine'] = {
  cost: {
    layers: 1,
    heads: 1,
    headDim: 1,
    linearParameters: 0,
    headParameters: 0,
    weightBytesPerStep: 3e9,
    kvBytesPerToken: 1e6,
    windows: [],
  },
  weightFormat: 'int4 g128 sym',
  weightBytes: 4e9,
  plannedBytes: 5e9,
  kvPages: 32,
  kernels: {},
  maxStepTokens: 512,
  loadSeconds: 1,
};
const ceilings: Ceilings = {
  measured: { readGBs: 4000, matrixTflops: 700 },
  datasheetReadGBs: 4800,
  datasheetTflops: 989,
  absentBecause: null,
};
const unmeasured: Ceilings = { ...ceilings, measured: null, absentBecause: 'no check program' };

function run(batch: number, seconds: number, changes: Partial<BatchFigures> = {}) {
  const decode = { seconds: seconds / 2, tokens: 255 * batch, readPositions: 255 * batch * 256 };
  const sizes = { batch, promptTokens: 128, newTokens: 256, firstTokenSeconds: 0.01 };
  return { ...sizes, seconds, decode, preemptions: 0, ...changes };
}

describe('describeDecodeRuns', () => {
  it('has the rate of each request, and the bytes of a token over the ceiling at the median', () => {
    const line = describeDecodeRuns(
      'llama-2-7b',
      { engine, runs: [run(1, 1), run(1, 4), run(1, 2)] },
      ceilings,
    );
    expect(line.tokensPerSecond).toMatchObject({ min: 127.5, median: 255, max: 510 });
    expect(line.firstTokenMs.median).toBe(10);
    // 3 GB of weights and 256 positions of 1 MB.
    expect(line.mbu.ofMeasured).toBeCloseTo((3.256 * 255) / 4000, 10);
    expect(line.mbu.ofDatasheet).toBeCloseTo((3.256 * 255) / 4800, 10);
    expect(line.peers).toEqual({ gptFast: 334, llamaCpp: 360 });
  });

  it('has no share of what was not measured, and no peer where nobody was', () => {
    const line = describeDecodeRuns('aquila2-34b', { engine, runs: [run(1, 1)] }, unmeasured);
    expect(line.mbu.ofMeasured).toBeNull();
    expect(line.mbu.ofDatasheet).not.toBeNull();
    expect(line.peers).toBeNull();
  });
});

describe('describeBatchedRuns', () => {
  const measurement = { engine, runs: [run(1, 1), run(1, 3), run(8, 4, { decode: null })] };

  it('has a line a batch size', () => {
    const [one, eight] = describeBatchedRuns('llama-3-8b', measurement, ceilings);
    expect(one).toMatchObject({ batch: 1, decodeLimit: 'read', llamaCpp: null });
    expect(one!.tokensPerSecond.values).toEqual([256, 256 / 3]);
    expect(one!.decodeTokensPerSecond!.values).toEqual([510, 170]);
    const least = (255 * 3e9 + 255 * 256 * 1e6) / 4e12;
    expect(one!.decodeShare).toBeCloseTo((least / 0.5 + least / 1.5) / 2, 10);
    expect(one!.share).toBeCloseTo((least + 3e9 / 4e12) / 2, 10);
    expect(eight).toMatchObject({ batch: 8, decodeTokensPerSecond: null, llamaCpp: 1061 });
    expect(eight).toMatchObject({ decodeShare: null, decodeLimit: null });
  });

  it('has no shares without ceilings', () => {
    const [one] = describeBatchedRuns('llama-3-8b', measurement, unmeasured);
    expect(one).toMatchObject({ share: null, decodeShare: null, decodeLimit: null });
    expect(one!.decodeTokensPerSecond!.values).toHaveLength(2);
  });
});
