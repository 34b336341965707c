import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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
import { Engine, type EngineInfo } from '../../native/index.js';
import { makeOptions } from '../native/golden-model.js';

/**
 * Llama-2-7B in bf16: 6,738,415,616 parameters, of which 131,072,000 in the embedding table and as many in the head; per
 * layer four matrices of 4096 x 4096 and three of 4096 x 11008.
 */
const llama7b = {
  layers: 32,
  hiddenSize: 4096,
  heads: 32,
  kvHeads: 32,
  headDim: 128,
  vocabSize: 32_000,
  parameters: 6_738_415_616,
  linearParameters: 32 * (4 * 4096 * 4096 + 3 * 4096 * 11_008),
  windows: new Int32Array(32),
  weightBytesPerToken: 2 * (6_738_415_616 - 131_072_000),
  kvBytesPerToken: 2 * 32 * 32 * 128 * 2,
} as EngineInfo;

/**
 * In numbers of golden/architectures/make.py; everything is fp32 there, and 2 layers but where said. `filled` are zeros:
 * the CPU holds linears in panels of 16 outputs and reads the last one whole (40 outputs are 48, 136 are 144).
 */
const byHand: Readonly<
  Record<
    string,
    { linears: number; vectors: number; head: number; filled: number; windows?: object[] }
  >
> = {
  // One layer, hidden 128, two heads of 64: q, k, v, o; gate, up, down of 48; norms.
  llama2: {
    linears: 4 * 128 * 128 + 3 * 48 * 128,
    vectors: 3 * 128,
    head: 136 * 128,
    filled: 8 * 128,
  },
  // Hidden 40, four heads of 64 with one for k and v.
  llama3: {
    linears: 2 * (40 * 64 * (4 + 1 + 1 + 4) + 3 * 48 * 40),
    vectors: 5 * 40,
    head: 136 * 40,
    filled: 2 * 8 * (256 + 48) + 8 * 40,
  },
  // Two heads from here on.
  'llama3.1': {
    linears: 2 * (40 * 64 * 6 + 3 * 48 * 40),
    vectors: 5 * 40,
    head: 136 * 40,
    filled: 2 * 8 * (128 + 48) + 8 * 40,
  },
  // Biases of q, k, v, o, gate, up and down.
  'llama-linear-biases': {
    linears: 2 * (40 * 64 * 6 + 3 * 48 * 40),
    vectors: 5 * 40 + 2 * (128 + 64 + 64 + 40 + 48 + 48 + 40),
    head: 136 * 40,
    filled: 2 * 8 * (128 + 48) + 8 * 40,
  },
  aquila: {
    linears: 2 * (40 * 64 * 6 + 3 * 48 * 40),
    vectors: 5 * 40,
    head: 136 * 40,
    filled: 2 * 8 * (128 + 48) + 8 * 40,
  },
  // Hidden 48, three heads with one for k and v. The head is the embedding table: read once.
  smollm2: {
    linears: 2 * (48 * 64 * 8 + 3 * 48 * 48),
    vectors: 5 * 48,
    head: 136 * 48,
    filled: 8 * 48,
  },
  mistral: {
    linears: 2 * (40 * 64 * 6 + 3 * 48 * 40),
    vectors: 5 * 40,
    head: 136 * 40,
    filled: 2 * 8 * (128 + 48) + 8 * 40,
    windows: [{ positions: 20, layers: 2 }],
  },
  // Biases of q, k and v.
  qwen2: {
    linears: 2 * (40 * 64 * 6 + 3 * 48 * 40),
    vectors: 5 * 40 + 2 * (128 + 64 + 64),
    head: 136 * 40,
    filled: 2 * 8 * (128 + 48) + 8 * 40,
  },
  'qwen2-window': {
    linears: 2 * (40 * 64 * 6 + 3 * 48 * 40),
    vectors: 5 * 40 + 2 * (128 + 64 + 64),
    head: 136 * 40,
    filled: 2 * 8 * (128 + 48) + 8 * 40,
    windows: [{ positions: 20, layers: 1 }],
  },
  // Heads of 128, a norm of q and one of k, a tied head.
  qwen3: {
    linears: 2 * (40 * 128 * 6 + 3 * 48 * 40),
    vectors: 5 * 40 + 2 * (128 + 128),
    head: 136 * 40,
    filled: 2 * 8 * (256 + 48) + 8 * 40,
  },
  // Hidden 128, an MLP of two matrices with biases, norms with biases, one a layer; a bias of the head.
  gptj: {
    linears: 2 * (4 * 128 * 128 + 2 * 80 * 128),
    vectors: 2 * (128 + 128) + (128 + 128) + 2 * (80 + 128) + 138,
    head: 138 * 128,
    filled: 6 * 128,
  },
};

const architectures = fileURLToPath(new URL('../golden/architectures', import.meta.url));

describe('costOf', () => {
  it.each(Object.entries(byHand))('%s, as the engine holds it', async (name, want) => {
    const options = { ...makeOptions(name), modelPath: join(architectures, name) };
    const engine = await Engine.load(options, { onEvents: () => {} });
    const cost = costOf(engine.info);
    await engine.close();
    expect(cost.linearParameters).toBe(want.linears);
    expect(cost.headParameters).toBe(want.head);
    expect(cost.weightBytesPerStep).toBe(
      4 * (want.linears + want.vectors + want.head + want.filled),
    );
    expect(cost.windows).toEqual(want.windows ?? []);
  });

  it('counts the weights of the linears and of the head apart', () => {
    const cost = costOf(llama7b);
    expect(cost.linearParameters + 2 * cost.headParameters + 65 * 4096).toBe(llama7b.parameters);
    expect(cost.headParameters).toBe(131_072_000);
    expect(cost.kvBytesPerToken).toBe(524_288);
  });
});

const everything = { layers: 2, windows: [] };

describe('addSample', () => {
  it('counts position by position what a sample computes and reads', () => {
    let [attendedPositions, readPositions] = [0, 0];
    const [prompt, answer] = [7, 5];
    for (let position = 1; position <= prompt + answer - 1; position++) {
      attendedPositions += position;
      if (position > prompt) readPositions += position;
    }
    const work = addSample(everything, noWork, prompt, answer);
    expect(work).toEqual({
      promptTokens: 7,
      generatedTokens: 5,
      computedTokens: 11,
      attendedPositions,
      readPositions,
    });
    expect(addSample(everything, work, prompt, answer).readPositions).toBe(2 * readPositions);
    expect(addSample(everything, work, 100, 0)).toBe(work);
  });

  it.each([1, 3, 7, 9, 11, 12])(
    'sees no more than a window of %i, where a layer has one',
    (positions) => {
      const model = { layers: 3, windows: [{ positions, layers: 2 }] };
      let [attended, read] = [0, 0];
      const [prompt, answer] = [7, 5];
      for (let position = 1; position <= prompt + answer - 1; position++) {
        const seen = (position + 2 * Math.min(position, positions)) / 3;
        attended += seen;
        if (position > prompt) read += seen;
      }
      const work = addSample(model, noWork, prompt, answer);
      expect(work.attendedPositions).toBeCloseTo(attended, 9);
      expect(work.readPositions).toBeCloseTo(read, 9);
    },
  );
});

describe('MBU', () => {
  const cost = costOf(llama7b);

  it('of one sequence is weights and cache over the time of a token', () => {
    // By hand: 13.2 GB of weights and 513 positions of cache in 5 ms, of 3350 GB/s.
    const work = addSample(cost, noWork, 512, 2);
    const step = describeStep(cost, work, {
      steps: [1],
      seconds: 99,
      meanTpotSeconds: 0.005,
    });
    const byHand = (13_214_687_232 + 513 * 524_288) / (0.005 * 3350e9);
    expect(computeMbu(step, 3350)).toBeCloseTo(byHand, 12);
    expect(byHand).toBeCloseTo(0.805, 3);
  });

  it('of a batch reads the weights once and the cache of each sequence', () => {
    // 64 sequences from 128 to 384 positions together: 255 steps after the one of the prompts.
    let work = noWork;
    for (let sample = 0; sample < 64; sample++) work = addSample(cost, work, 128, 256);
    const step = describeStep(cost, work, {
      steps: [255],
      seconds: 2.55,
      meanTpotSeconds: 0.01,
    });
    expect(step.kvBytes / cost.kvBytesPerToken).toBeCloseTo(64 * (128 + 256 / 2), 6);
    expect(step.weightBytes).toBe(13_214_687_232);
  });

  it('takes the time of a step from the steps where answers have one token', () => {
    const work = addSample(cost, noWork, 16, 1);
    const step = describeStep(cost, work, {
      steps: [4],
      seconds: 0.2,
      meanTpotSeconds: null,
    });
    expect(step).toEqual({ weightBytes: 13_214_687_232, kvBytes: 0, seconds: 0.05 });
  });

  it('of two workers is twice the work of one in the same time, of twice the peak', () => {
    let half = noWork;
    for (let sample = 0; sample < 32; sample++) half = addSample(cost, half, 128, 256);
    let whole = half;
    for (let sample = 0; sample < 32; sample++) whole = addSample(cost, whole, 128, 256);
    for (const meanTpotSeconds of [0.01, null]) {
      const one = { steps: [255], seconds: 2.55, meanTpotSeconds };
      const alone = computeMbu(describeStep(cost, half, one), 3350);
      const two = describeStep(cost, whole, { ...one, steps: [255, 255] });
      expect(computeMbu(two, 2 * 3350)).toBeCloseTo(alone, 12);
    }
  });

  it('of two workers counts the steps that each made: an idle one halves it', () => {
    const work = addSample(cost, noWork, 128, 256);
    for (const meanTpotSeconds of [0.01, null]) {
      const one = { steps: [255], seconds: 2.55, meanTpotSeconds };
      const alone = computeMbu(describeStep(cost, work, one), 3350);
      const beside = describeStep(cost, work, { ...one, steps: [0, 255] });
      expect(computeMbu(beside, 2 * 3350)).toBeCloseTo(alone / 2, 12);
      const uneven = describeStep(cost, work, { ...one, steps: [255, 51] });
      expect(uneven.weightBytes).toBeCloseTo(1.2 * cost.weightBytesPerStep, 3);
      // All that was read in 2.55 s, of what both could.
      const bytes = 306 * cost.weightBytesPerStep + cost.kvBytesPerToken * work.readPositions;
      expect(computeMbu(uneven, 2 * 3350)).toBeCloseTo(bytes / (2.55 * 2 * 3350e9), 12);
    }
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
      windows: [],
    };
    // 3 prompt tokens and 2 of an answer: 4 go through the layers, 2 are answered from, 1 + 2 + 3 + 4 are attended to.
    const flops = countFlops(cost, addSample(cost, noWork, 3, 2));
    expect(flops).toBe(2 * 1000 * 4 + 2 * 100 * 2 + 4 * 2 * 4 * 16 * 10);
    expect(computeMfu(flops, 2, 1e-9)).toBeCloseTo(flops / 2000, 12);
  });

  it("is a few percent of an H100 at MLPerf's load of one Llama-2-7B sequence after the other", () => {
    const cost = costOf(llama7b);
    const flops = countFlops(cost, addSample(cost, noWork, 222, 294));
    expect(flops / (2 * 6.6e9 * 516)).toBeCloseTo(1, 1);
  });
});
