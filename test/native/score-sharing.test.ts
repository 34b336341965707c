// Do continuations that share what they begin with get, to the bit, what each gets alone? However steps are cut, pages
// taken back and tokens late; and is what they share computed once?
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EngineOptions, ScoreRequest } from '../../native/index.js';
import '../property-seed.js';
import { Bench, makeOptions, makeRequest } from './golden-model.js';

const pageBytesPerToken = 512;

/** Few different tokens, so that texts often begin alike by chance. */
const tokens = (minLength: number, maxLength: number) =>
  fc.array(fc.integer({ min: 60, max: 62 }), { minLength, maxLength });
const draws = fc.sample(
  fc.record({
    prompt: tokens(1, 40),
    texts: fc.array(fc.record({ context: tokens(0, 12), scored: tokens(1, 20) }), {
      minLength: 1,
      maxLength: 9,
    }),
  }),
  40,
);

const shared = draws.map(
  ({ prompt, texts }): ScoreRequest => ({
    promptTokens: Int32Array.from(prompt),
    continuations: texts.map(({ context, scored }) => Int32Array.from([...context, ...scored])),
    contextTokens: texts.map(({ context }) => context.length),
  }),
);
/** The same texts, a request each. */
const single = draws.flatMap(({ prompt, texts }) =>
  texts.map(
    ({ context, scored }): ScoreRequest => ({
      promptTokens: Int32Array.from([...prompt, ...context]),
      continuations: [Int32Array.from(scored)],
    }),
  ),
);

async function score(bench: Bench, requests: readonly ScoreRequest[]) {
  const results = await bench.engine.score(requests);
  return results.flatMap(({ logProbs, isGreedy }) =>
    Array.from(logProbs, (logProb, at) => ({ logProb, isGreedy: isGreedy[at] })),
  );
}

const setups: readonly [string, string, Partial<EngineOptions>][] = [
  ['float32', 'float32', {}],
  ['float32, plain, fp16 cache', 'float32', { instructionSet: 'plain', kvCacheType: 'fp16' }],
  ['int4, int8 activations', 'gptq-v1-g32-sym', { activationType: 'int8', kvCacheType: 'fp16' }],
];
const arrangements: readonly [string, Partial<EngineOptions>][] = [
  ['alone', { maxBatch: 1, maxStepTokens: 128 }],
  ['batch 64', { maxBatch: 64, maxStepTokens: 128 }],
  ['one token a step', { maxBatch: 1, maxStepTokens: 1 }],
  ['chunks of 5, pages of 1', { maxBatch: 16, maxStepTokens: 5, pageTokens: 1 }],
  ['a lag of one step', { maxBatch: 7, stepLag: 1 }],
  ['a lag of one step, one token a step', { maxBatch: 3, maxStepTokens: 1, stepLag: 1 }],
];

describe.each(setups)('%s: shared or alone, the same bits', async (_name, model, setup) => {
  const load = (changes: Partial<EngineOptions>) => Bench.load(makeOptions(model, changes));
  const alone = await load({ ...setup, maxBatch: 1, maxStepTokens: 128 });
  const want = await score(alone, single);
  await alone.engine.close();

  test.each(arrangements)('%s', async (_arrangement, changes) => {
    const bench = await load({ ...setup, ...changes });
    expect(await score(bench, shared)).toEqual(want);
    await bench.engine.close();
  });

  test.each([0, 1])('preempted by generations, lag %i', async (stepLag) => {
    const kvTokenBytes = setup.kvCacheType === 'fp16' ? pageBytesPerToken / 2 : pageBytesPerToken;
    const pages = { pageTokens: 3, kvCacheBytes: 70 * 3 * kvTokenBytes };
    const bench = await load({ ...setup, ...pages, maxBatch: 64, maxStepTokens: 24, stepLag });
    const generating = bench.run(
      Array.from({ length: 40 }, (_, id) =>
        makeRequest(id, { promptTokens: Int32Array.of(id, 3, 4), maxNewTokens: 60 }),
      ),
    );
    expect(await score(bench, shared)).toEqual(want);
    await generating;
    expect(bench.engine.stats().preemptions).toBeGreaterThan(0);
    await bench.engine.close();
  });
});

test.each([
  // 40 tokens of the prompt and 9 of each ending; the token behind an ending is never read.
  ['endings of one scene', [[], [], [], []], [10, 10, 10, 10], 40 + 4 * 9],
  // What lies behind the 40: 5 tokens of a context and 7 of 8 scored.
  [
    'one ending of two contexts',
    [
      [1, 2, 3, 4, 5],
      [1, 2, 3, 4, 6],
    ],
    [8, 8],
    40 + 12 + 8,
  ],
  // The second context is read, and its question asked, four times over in one row.
  [
    'choices of a token',
    [
      [1, 2],
      [1, 2],
      [1, 3],
      [1, 3],
    ],
    [1, 1, 1, 1],
    40 + 2 + 1,
  ],
  [
    'a longer text behind a shorter one',
    [
      [1, 2],
      [1, 2],
    ],
    [1, 3],
    40 + 2 + 2,
  ],
  // The first of its tokens is weighed where the longer one has read as far.
  ['a shorter text behind a longer one', [[1, 2, 3, 4], [1]], [1, 2], 40 + 4 + 1],
] as readonly [string, number[][], number[], number][])(
  'computes what is shared once: %s',
  async (_name, contexts, lengths, rows) => {
    const changes = { maxBatch: 1, maxStepTokens: 1 };
    const bench = await Bench.load(makeOptions('float32', changes));
    await bench.engine.score([
      {
        promptTokens: Int32Array.from({ length: 40 }, (_, i) => i),
        continuations: contexts.map((context, at) =>
          // Scored tokens differ from the first on.
          Int32Array.from([...context, ...Array.from({ length: lengths[at]! }, () => 100 + at)]),
        ),
        contextTokens: contexts.map(({ length }) => length),
      },
    ]);
    expect(bench.engine.stats().steps).toBe(rows);
    await bench.engine.close();
  },
);

test('contexts that leave nothing to score are refused by number', async () => {
  const bench = await Bench.load(makeOptions('float32'));
  const ask = (contextTokens: number[]) =>
    bench.engine.score([
      { promptTokens: Int32Array.of(1), continuations: [Int32Array.of(2, 3)], contextTokens },
    ]);
  await expect(ask([2])).rejects.toMatchObject({
    code: 'ERR_BAD_ARGUMENT',
    message:
      'score request 0: contextTokens[0] is 2; allowed: 0 to 1, so that a token is left to score',
  });
  await expect(ask([-1])).rejects.toThrow(/contextTokens\[0\] is -1; allowed: 0 to 1/);
  await expect(ask([0, 0])).rejects.toThrow(/contextTokens holds 2 counts; allowed: 1/);
  await bench.engine.close();
});
