// Random weights on the CPU: the shape that was named, the same model for the same seed, and no more memory than planned.
import { describe, expect, test } from 'vitest';
import { Bench, makeOptions, makeRequest } from './golden-model.js';

const prompt = Int32Array.from({ length: 40 }, (_, i) => (i * 37) % 1024);

async function answer(modelPath: string): Promise<number[]> {
  const bench = await Bench.load(makeOptions('', { modelPath, activationType: 'int8' }));
  const [tokens = []] = await bench.run([
    makeRequest(0, { promptTokens: prompt, maxNewTokens: 24 }),
  ]);
  await bench.engine.close();
  return [...tokens];
}

describe('synthetic:tiny', () => {
  test('is int4 in groups of 64 with an fp16 head', async () => {
    const bench = await Bench.load(makeOptions('', { modelPath: 'synthetic:tiny' }));
    const { info } = bench.engine;
    expect(info).toMatchObject({
      layers: 6,
      hiddenSize: 256,
      vocabSize: 1024,
      weightFormat: 'int4 g64 sym (random), head fp16',
    });
    const linears = 6 * (256 * 512 + 256 * 256 + 3 * 256 * 640);
    expect(info.parameters).toBe(linears + 2 * 1024 * 256 + 13 * 256);
    // Half a byte a weight, and at least 2 bytes a group; tables in fp16; norms in fp32.
    const least = linears / 2 + (2 * linears) / 64 + 2 * 2 * 1024 * 256 + 4 * 13 * 256;
    expect(info.weightBytes).toBeGreaterThanOrEqual(least);
    expect(info.weightBytes).toBeLessThan(1.2 * least);
    expect(info.kernels.head_linear).toMatch(/^fp16/);
    await bench.engine.close();
  });

  test('answers alike for one seed and differently for another', async () => {
    const first = await answer('synthetic:tiny:1');
    expect(first).toHaveLength(24);
    expect(new Set(first).size).toBeGreaterThan(4);
    expect(await answer('synthetic:tiny')).toEqual(first);
    expect(await answer('synthetic:tiny:2')).not.toEqual(first);
  });
});

test('a shape that does not fit is refused with the bytes before anything is made', async () => {
  const before = process.memoryUsage().rss;
  const huge = makeOptions('', {
    modelPath: 'synthetic:llama-2-70b',
    maxBatch: 256,
    maxSequenceTokens: 4096,
    kvCacheBytes: 2 ** 45,
  });
  await expect(Bench.load(huge)).rejects.toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 28);
});

test('a shape nobody knows is refused by name', async () => {
  const unknown = makeOptions('', { modelPath: 'synthetic:llama-9b' });
  await expect(Bench.load(unknown)).rejects.toMatchObject({
    code: 'ERR_BAD_ARGUMENT',
    message: expect.stringMatching(/"llama-9b" is not known; allowed: llama-1b, llama-2-7b/),
  });
});
