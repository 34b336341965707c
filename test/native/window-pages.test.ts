// Does a model whose layers all have a window hold no more of the KV cache than the window needs, and compute what it
// computed with all of it? The golden Mistral sees 20 positions; its sequences of up to 136 get pages of a few.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { EngineOptions } from '../../native/index.js';
import { Bench, makeOptions, makeRequest, readGolden } from './golden-model.js';

const folder = fileURLToPath(new URL('../golden/architectures', import.meta.url));
const golden = readGolden(join(folder, 'mistral'));
const prompts = golden.prompts.map((prompt) => Int32Array.from(prompt));
const requests = prompts.map((promptTokens, id) =>
  makeRequest(id, { promptTokens, maxNewTokens: golden.newTokens }),
);
const window = 20;
const longest = 136;

const load = (changes: Partial<EngineOptions>, model = 'mistral') =>
  Bench.load({
    ...makeOptions(model, { maxSequenceTokens: longest, ...changes }),
    modelPath: join(folder, model),
  });

/** The first row of a step sees `window` positions, the last stands a chunk less one behind it, and pages are whole. */
const pagesHeld = (pageTokens: number, chunk: number) =>
  Math.ceil((window - 1 + chunk + (pageTokens - 1)) / pageTokens);

describe.each([0, 1])('results %i steps late', (stepLag) => {
  test.each([
    [1, 1],
    [1, 7],
    [3, 64],
    [4, 7],
    [5, 2],
    [16, 24],
  ])(
    'pages of %i, %i tokens a step: the same tokens in as few pages',
    async (pageTokens, maxStepTokens) => {
      const held = pagesHeld(pageTokens, maxStepTokens);
      expect(held).toBeLessThan(longest / pageTokens);
      const bench = await load({ pageTokens, maxStepTokens, stepLag, maxBatch: 1 });
      expect(bench.engine.info.kvPages).toBe(held); // planned for one sequence, so it cannot have more
      expect(await bench.run(requests)).toEqual(golden.greedy);
      const prompt = Math.ceil(prompts[0]!.length / pageTokens);
      expect(bench.engine.stats().peakKvPages).toBe(Math.min(held, prompt));
      expect(bench.engine.stats().preemptions).toBe(0);
      await bench.engine.close();
    },
  );

  test('while it decodes, a sequence holds the window alone', async () => {
    const pageTokens = 4;
    const bench = await load({ pageTokens, maxStepTokens: 64, stepLag, maxBatch: 1 });
    await bench.run([requests[1]!]); // its prompt is one token
    expect(bench.engine.stats().peakKvPages).toBe(pagesHeld(pageTokens, 1));
    await bench.engine.close();
  });

  test('preempted, it computes the same tokens again', async () => {
    const options = { pageTokens: 4, maxStepTokens: 7, stepLag, maxBatch: 4 };
    const probe = await load({ ...options, maxBatch: 1 });
    const pageBytes = probe.engine.info.kvBytesPerToken * options.pageTokens;
    await probe.engine.close();
    const bench = await load({ ...options, kvCacheBytes: (pagesHeld(4, 7) + 3) * pageBytes });
    for (let round = 0; round < 3; round++) {
      expect(await bench.run(requests)).toEqual(golden.greedy);
    }
    expect(bench.engine.stats().preemptions).toBeGreaterThan(0);
    await bench.engine.close();
  });
});

test('many at once in a cache that holds few', async () => {
  const texts = prompts.flatMap((prompt) => Array.from(prompt));
  const many = Array.from({ length: 24 }, (_, id) => {
    const length = 1 + ((id * 29) % 75);
    const promptTokens = Int32Array.from(texts.slice(id, id + length));
    return makeRequest(id, { promptTokens, maxNewTokens: 10 + ((id * 17) % 50) });
  });
  const roomy = await load({ maxBatch: 24, pageTokens: 16, maxStepTokens: 128 });
  const want = await roomy.run(many);
  await roomy.engine.close();
  const pageTokens = 3;
  const kvCacheBytes =
    3 * pagesHeld(pageTokens, 10) * pageTokens * roomy.engine.info.kvBytesPerToken;
  const tight = await load({
    maxBatch: 12,
    pageTokens,
    maxStepTokens: 10,
    kvCacheBytes,
    threads: 3,
  });
  expect(await tight.run(many)).toEqual(want);
  expect(tight.engine.stats().preemptions).toBeGreaterThan(0);
  await tight.engine.close();
});

test('logits and scores have the same bits in pages that come round', async () => {
  const scored = [{ promptTokens: prompts[0]!, continuations: [prompts[2]!, prompts[3]!] }];
  const results = [];
  for (const changes of [
    { maxStepTokens: 128 },
    { pageTokens: 5, maxStepTokens: 3, maxBatch: 2 },
  ]) {
    const bench = await load(changes);
    const logits = await bench.engine.forwardLogits(prompts[0]!);
    const [score] = await bench.engine.score(scored);
    results.push([Buffer.from(logits.buffer), score!.logProbs, score!.isGreedy]);
    await bench.engine.close();
  }
  expect(results[1]).toEqual(results[0]);
});

test.each([0, 1])(
  'texts that part far behind the window score as each alone, %i steps late',
  async (stepLag) => {
    const common = prompts[2]!.slice(0, 30);
    const tails = [prompts[0]!, prompts[3]!, prompts[0]!.slice(0, 9), prompts[2]!];
    const continuations = tails.flatMap((tail) => [
      Int32Array.from([...common, ...tail].slice(0, 70)),
      Int32Array.from([...common.slice(0, 3), ...tail].slice(0, 60)),
    ]);
    const promptTokens = prompts[0]!.slice(0, 12);
    const scoreWith = async (changes: Partial<EngineOptions>, together: boolean) => {
      const bench = await load(changes);
      const requests = together
        ? [{ promptTokens, continuations }]
        : continuations.map((continuation) => ({ promptTokens, continuations: [continuation] }));
      const scores = await bench.engine.score(requests);
      await bench.engine.close();
      return scores.flatMap(({ logProbs }) => [...logProbs]);
    };
    const alone = await scoreWith({ maxStepTokens: 128 }, false);
    for (const changes of [
      { pageTokens: 1, maxStepTokens: 4, maxBatch: 1 },
      { pageTokens: 5, maxStepTokens: 3, maxBatch: 2 },
      { pageTokens: 16, maxStepTokens: 64, maxBatch: 3 },
    ]) {
      expect(await scoreWith({ ...changes, stepLag }, true)).toEqual(alone);
    }
  },
);

test('a model with one layer that sees all keeps all', async () => {
  const options = { pageTokens: 4, maxStepTokens: 7, maxBatch: 1 };
  const bench = await load(options, 'qwen2-window');
  expect(bench.engine.info.kvPages).toBe(longest / 4);
  const { prompts, greedy, newTokens } = readGolden(join(folder, 'qwen2-window'));
  const promptTokens = Int32Array.from(prompts[0]!);
  const answers = await bench.run([makeRequest(0, { promptTokens, maxNewTokens: newTokens })]);
  expect(answers[0]).toEqual(greedy[0]);
  expect(bench.engine.stats().peakKvPages).toBe((prompts[0]!.length + newTokens) / 4);
  await bench.engine.close();
});
