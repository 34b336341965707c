// Do neighbours, chunks, pages or preemption change a token? The same prompts alone and in every other arrangement,
// greedy and sampled, must give the same tokens, and scores the same bits.
import { describe, expect, test } from 'vitest';
import type { EngineOptions, GenerateRequest } from '../../native/index.js';
import { Bench, makeOptions, makeRequest } from './golden-model.js';

const vocabSize = 160;

/** Small deterministic numbers for prompts: a linear congruential generator's high bits. */
function* drawNumbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

function makeRequests(count: number): GenerateRequest[] {
  const numbers = drawNumbers(5);
  const draw = (below: number) => Math.floor(numbers.next().value * below);
  return Array.from({ length: count }, (_, id) =>
    makeRequest(id, {
      promptTokens: Int32Array.from({ length: 1 + draw(60) }, () => draw(vocabSize)),
      maxNewTokens: 1 + draw(30),
      minNewTokens: id % 3 === 0 ? 1 : 0,
      stopTokens:
        id % 4 === 0 ? Int32Array.of(draw(vocabSize), draw(vocabSize)) : new Int32Array(0),
      temperature: id % 2 === 0 ? 0 : 0.8,
      topK: id % 5 === 0 ? 20 : 0,
      topP: id % 3 === 0 ? 0.9 : 1,
      seed: BigInt(id) * 7919n,
    }),
  );
}

const requests = makeRequests(70);

/** Whether the arrangement must preempt: fewer pages than its batch wants. */
const arrangements: readonly [string, Partial<EngineOptions>, boolean][] = [
  ['batch 7', { maxBatch: 7 }, false],
  ['batch 64', { maxBatch: 64, maxStepTokens: 128 }, false],
  ['pages of 1 token', { maxBatch: 7, pageTokens: 1 }, false],
  ['pages of 3 tokens', { maxBatch: 64, pageTokens: 3 }, false],
  ['one token a step', { maxBatch: 1, maxStepTokens: 1 }, false],
  ['chunks of 5, fewer than the batch', { maxBatch: 16, maxStepTokens: 5 }, false],
  ['chunks of 13 on one thread', { maxBatch: 9, maxStepTokens: 13, threads: 1 }, false],
  ['few pages', { maxBatch: 64, pageTokens: 3, maxStepTokens: 96, kvCacheBytes: -60 }, true],
  ['the fewest pages', { maxBatch: 8, pageTokens: 1, kvCacheBytes: -128 }, true],
];

const setups: readonly [string, string, Partial<EngineOptions>][] = [
  ['float32', 'float32', {}],
  ['float32, plain, fp16 cache', 'float32', { instructionSet: 'plain', kvCacheType: 'fp16' }],
  ['bf16, bf16 cache', 'bfloat16-sharded', { kvCacheType: 'bf16' }],
  ['int4, int8 activations', 'gptq-v1-g32-sym', { activationType: 'int8', kvCacheType: 'fp16' }],
  ['int4, fp32 activations', 'gptq-v2-g64-asym-act-order', {}],
  ['int8', 'float32', { weightFormat: 'int8', activationType: 'int8' }],
];

/** A negative kvCacheBytes stands for that many pages. */
async function loadArranged(
  model: string,
  base: Partial<EngineOptions>,
  changes: Partial<EngineOptions>,
) {
  const options = makeOptions(model, { ...base, ...changes });
  if (options.kvCacheBytes >= 0) return Bench.load(options);
  const probe = await Bench.load({ ...options, kvCacheBytes: 0 });
  const pageBytes = probe.engine.info.kvBytesPerToken * options.pageTokens;
  await probe.engine.close();
  return Bench.load({ ...options, kvCacheBytes: -options.kvCacheBytes * pageBytes });
}

const scoreRequests = requests.slice(0, 12).map((request, i) => ({
  promptTokens: request.promptTokens,
  continuations: [Int32Array.of(i), Int32Array.of(i + 1, 2 * i, 9), Int32Array.of(150 - i)],
}));

describe.each(setups)('%s', (_, model, base) => {
  let alone: number[][] | undefined;
  let aloneScores: Float64Array[] | undefined;

  async function answerAlone(): Promise<number[][]> {
    if (alone !== undefined) return alone;
    const bench = await loadArranged(model, base, { maxBatch: 1, maxStepTokens: 128 });
    alone = [];
    for (const request of requests) alone.push((await bench.run([request]))[0]!);
    aloneScores = (await bench.engine.score(scoreRequests)).map((result) => result.logProbs);
    await bench.engine.close();
    return alone;
  }

  test.each(arrangements)('%s', async (_name, changes, preempts) => {
    const want = await answerAlone();
    const bench = await loadArranged(model, base, changes);
    const running = bench.run(requests);
    const scores = await bench.engine.score(scoreRequests);
    expect(await running).toEqual(want);
    expect(scores.map((result) => result.logProbs)).toEqual(aloneScores);
    const stats = bench.engine.stats();
    if (preempts) expect(stats.preemptions).toBeGreaterThan(0);
    else expect(stats.preemptions).toBe(0);
    expect(stats.generatedTokens).toBe(want.flat().length);
    expect(stats.peakKvPages).toBeLessThanOrEqual(bench.engine.info.kvPages);
    await bench.engine.close();
  });
});
