// Does an engine that plans a step before it knows the tokens of the step before, as a GPU's does, answer what one
// that waits for them answers? The CPU with stepLag 1 against stepLag 0: tokens, counts, statuses, scores, logits.
import { describe, expect, test, vi } from 'vitest';
import {
  type EngineOptions,
  eventStatus,
  type GenerateRequest,
  hostFeatures,
  type ScoreResult,
} from '../../native/index.js';
import { Bench, makeOptions, makeRequest } from './golden-model.js';

const model = 'float32';
const pageBytesPerToken = 512;

/** Every way to end: by length, by a stop token that is drawn sooner or later, held back by minNewTokens. */
async function makeRequests(): Promise<GenerateRequest[]> {
  const free = Array.from({ length: 70 }, (_, id) =>
    makeRequest(id, {
      promptTokens: Int32Array.from(
        { length: 1 + ((id * 29) % 61) },
        (_, i) => (id * 37 + i * i) % 160,
      ),
      maxNewTokens: id % 10 === 0 ? 1 : 2 + ((id * 7) % 29),
      temperature: id % 2 === 0 ? 0 : 0.8,
      topK: id % 5 === 0 ? 20 : 0,
      topP: id % 3 === 0 ? 0.9 : 1,
      seed: BigInt(id) * 7919n,
    }),
  );
  const bench = await load();
  const answers = await bench.run(free);
  await bench.engine.close();
  return free.map((request, id) => {
    const answer = answers[id]!;
    const stop = answer[Math.floor((answer.length * (id % 7)) / 7)]!;
    if (id % 4 === 3) return request;
    return {
      ...request,
      stopTokens: Int32Array.of(id % 160, stop),
      minNewTokens: id % 4 === 1 ? Math.min(request.maxNewTokens, id % 6) : 0,
    };
  });
}

const load = (changes: Partial<EngineOptions> = {}) => Bench.load(makeOptions(model, changes));

const scoreRequests = Array.from({ length: 12 }, (_, i) => ({
  promptTokens: Int32Array.from({ length: 1 + 4 * i }, (_, j) => (i * 11 + j * j) % 160),
  continuations: [
    Int32Array.of(i),
    Int32Array.of(i + 1, 2 * i, 9),
    Int32Array.of(150 - i),
    Int32Array.from({ length: 30 }, (_, j) => (i + 7 * j) % 160),
  ],
}));
const text = Int32Array.from({ length: 90 }, (_, i) => (i * i + 3) % 160);

interface Answers {
  readonly tokens: number[][];
  readonly statuses: number[];
  readonly events: number[];
  readonly scores: Pick<ScoreResult, 'logProbs' | 'isGreedy'>[];
  readonly logits: Float32Array;
  readonly generatedTokens: number;
}

/** All at once: requests, scores and logits share steps. */
async function answer(bench: Bench, requests: readonly GenerateRequest[]): Promise<Answers> {
  const running = bench.run(requests);
  const scoring = bench.engine.score(scoreRequests);
  const logits = await bench.engine.forwardLogits(text);
  const scores = (await scoring).map(({ logProbs, isGreedy }) => ({ logProbs, isGreedy }));
  const tokens = await running;
  const ends = requests.map(({ id }) => bench.answers.get(id)!);
  return {
    tokens,
    statuses: ends.map(({ status }) => status),
    events: ends.map(({ events }) => events),
    scores,
    logits,
    generatedTokens: bench.engine.stats().generatedTokens,
  };
}

/** Whether the arrangement must preempt: fewer pages than its batch wants. */
const arrangements: readonly [string, Partial<EngineOptions>, boolean][] = [
  ['alone', { maxBatch: 1, maxStepTokens: 128 }, false],
  ['batch 7', { maxBatch: 7 }, false],
  ['batch 64', { maxBatch: 64, maxStepTokens: 128 }, false],
  ['pages of 1 token', { maxBatch: 7, pageTokens: 1 }, false],
  ['one token a step', { maxBatch: 1, maxStepTokens: 1 }, false],
  ['chunks of 5, fewer than the batch', { maxBatch: 16, maxStepTokens: 5 }, false],
  ['few pages', { maxBatch: 64, pageTokens: 3, kvCacheBytes: 60 * 3 * pageBytesPerToken }, true],
  ['the fewest pages', { pageTokens: 1, kvCacheBytes: 128 * pageBytesPerToken }, true],
  [
    'the fewest pages, chunks of 9',
    { maxBatch: 16, pageTokens: 1, maxStepTokens: 9, kvCacheBytes: 128 * pageBytesPerToken },
    true,
  ],
];

describe('a lag of one step changes no answer', async () => {
  const requests = await makeRequests();
  const alone = await load({ maxBatch: 1, maxStepTokens: 128 });
  const want = await answer(alone, requests);
  await alone.engine.close();

  test('the requests end in every way', () => {
    expect(new Set(want.statuses)).toEqual(new Set([eventStatus.stop, eventStatus.length]));
    const lengths = new Set(want.tokens.map((tokens) => tokens.length));
    expect([0, 1, 2, 5].filter((length) => !lengths.has(length))).toEqual([]);
  });

  test.each(arrangements)('%s', async (_name, changes, preempts) => {
    const bench = await load({ ...changes, stepLag: 1 });
    expect(await answer(bench, requests)).toEqual(want);
    expect(await answer(bench, requests)).toEqual({
      ...want,
      generatedTokens: 2 * want.generatedTokens,
    });
    const { preemptions, peakKvPages } = bench.engine.stats();
    expect(preemptions > 0).toBe(preempts);
    expect(peakKvPages).toBeLessThanOrEqual(bench.engine.info.kvPages);
    await bench.engine.close();
  });
});

describe.each([0, 1])('steps taken with a lag of %i', (stepLag) => {
  test('an answer that ends by length takes no step more', async () => {
    const bench = await load({ stepLag });
    await bench.run([makeRequest(1, { maxNewTokens: 5 })]);
    expect(bench.engine.stats()).toMatchObject({ steps: 5, occupancySum: 5, promptTokens: 3 });
    await bench.engine.close();
  });

  test('one that a stop token ends takes the steps begun before it is known', async () => {
    const bench = await load({ stepLag });
    const [free] = await bench.run([makeRequest(1, { maxNewTokens: 12 })]);
    const before = bench.engine.stats().steps;
    const stop = free!.findIndex((token, i) => i > 2 && free!.indexOf(token) === i);
    const [tokens] = await bench.run([
      makeRequest(1, { maxNewTokens: 12, stopTokens: Int32Array.of(free![stop]!) }),
    ]);
    expect(tokens).toEqual(free!.slice(0, stop));
    await vi.waitFor(() => expect(bench.engine.stats().steps - before).toBe(stop + 1 + stepLag));
    expect(bench.engine.stats().generatedTokens).toBe(12 + stop);
    await bench.engine.close();
  });

  test('a profile has its steps from the next one on, or from the one that was named', async () => {
    const bench = await load({ stepLag });
    const answer = (maxNewTokens: number) => bench.run([makeRequest(1, { maxNewTokens })]);
    expect(bench.engine.profile()).toBeNull();
    await answer(3);
    bench.engine.startProfile(4);
    await answer(3);
    expect(bench.engine.profile()).toBeNull();
    await answer(1);
    // The last step's own result ends it: none has to follow.
    expect(bench.engine.profile()).toEqual({ firstStep: 4, steps: 4, kernels: [] });
    bench.engine.startProfile(2, 10);
    expect(bench.engine.profile()).toBeNull();
    await answer(6);
    expect(bench.engine.profile()).toEqual({ firstStep: 10, steps: 2, kernels: [] });
    // Begun already: from the next.
    bench.engine.startProfile(1, 2);
    await answer(1);
    expect(bench.engine.profile()).toEqual({ firstStep: 14, steps: 1, kernels: [] });
    expect(() => bench.engine.startProfile(0)).toThrow('startProfile: steps is 0; allowed: ');
    expect(() => bench.engine.startProfile(1, -1)).toThrow('firstStep is -1; allowed: ');
    await bench.engine.close();
  });

  test('a scored text is computed once', async () => {
    const bench = await load({ stepLag, maxStepTokens: 7 });
    await bench.engine.forwardLogits(text);
    expect(bench.engine.stats()).toMatchObject({ steps: Math.ceil(90 / 7), promptTokens: 90 });
    await bench.engine.close();
  });
});

describe('preempted with results to come', () => {
  // 128 pages of a token: two growing texts do not fit, and the younger one has to wait.
  const narrow = { stepLag: 1, pageTokens: 1, kvCacheBytes: 128 * pageBytesPerToken };
  const older = (promptTokens: number) =>
    makeRequest(1, { promptTokens: new Int32Array(promptTokens).fill(7), maxNewTokens: 40 });

  test('a token that ends its answer is taken while it waits: nothing is computed again', async () => {
    const bench = await load(narrow);
    const younger = (changes: Partial<GenerateRequest>) =>
      makeRequest(2, {
        promptTokens: Int32Array.from({ length: 48 }, (_, i) => i),
        maxNewTokens: 40,
        temperature: 2,
        ...changes,
      });
    const [free] = await bench.run([younger({})]);
    let waited = 0;
    for (let stop = 0; stop < 16; stop++) {
      const before = bench.engine.stats();
      const stopTokens = Int32Array.of(free![stop]!);
      const first = free!.indexOf(free![stop]!);
      const [, tokens] = await bench.run([older(60), younger({ stopTokens })]);
      expect(tokens).toEqual(free!.slice(0, first));
      const { preemptions, promptTokens } = bench.engine.stats();
      if (preemptions > before.preemptions && promptTokens - before.promptTokens === 60 + 48) {
        waited++;
      }
    }
    expect(waited).toBeGreaterThan(0);
    await bench.engine.close();
  });

  test('a position of a scored text that was asked about is not asked again', async () => {
    const request = {
      promptTokens: Int32Array.of(1),
      continuations: [Int32Array.from({ length: 100 }, (_, i) => (3 * i + 2) % 160)],
    };
    const bench = await load({ ...narrow, maxStepTokens: 2 });
    const [want] = await bench.engine.score([request]);
    // The score waits for its room where it comes while the answer grows, which is up to the machine's other work.
    let preempted = 0;
    for (let round = 0; round < 20 && preempted === 0; round++) {
      const before = bench.engine.stats().preemptions;
      const running = bench.run([older(20)]);
      const [got] = await bench.engine.score([request]);
      await running;
      expect(got!.logProbs).toEqual(want!.logProbs);
      expect(got!.isGreedy).toEqual(want!.isGreedy);
      preempted = bench.engine.stats().preemptions - before;
    }
    expect(preempted).toBe(1);
    await bench.engine.close();
  });
});

test('cancelling mid-run leaves the others alone, and ids are free at once', async () => {
  const bench = await load({
    stepLag: 1,
    pageTokens: 1,
    maxBatch: 32,
    kvCacheBytes: 300 * pageBytesPerToken,
  });
  const [want] = await bench.run([makeRequest(9, { maxNewTokens: 100 })]);
  const ids = Array.from({ length: 300 }, (_, i) => i + 100);
  const endless = ids.map((id) => makeRequest(id, { maxNewTokens: 100 }));
  for (let round = 0; round < 10; round++) {
    const running = bench.run([...endless, makeRequest(9, { maxNewTokens: 100 })]);
    const seen = bench.batches.length;
    await vi.waitFor(() => expect(bench.batches.length).toBeGreaterThan(seen + round), {
      interval: 1,
    });
    bench.engine.cancel(Int32Array.from(ids));
    expect((await running).at(-1)).toEqual(want);
    // Whatever a cancelled answer holds, it is the start of the whole one: the prompts are the same.
    for (const id of ids) {
      const { tokens, status } = bench.answers.get(id)!;
      expect(tokens).toEqual(want!.slice(0, tokens.length));
      expect(status).toBe(tokens.length === 100 ? eventStatus.length : eventStatus.cancelled);
    }
  }
  expect(bench.engine.stats().preemptions).toBeGreaterThan(0);
  await bench.engine.close();
});

test('a step that fails leaves the answers of the steps before it', async () => {
  const reason = expect.objectContaining({
    code: 'ERR_ENGINE_BROKEN',
    message: 'the engine broke at step 5: fault injected at step 5',
  });
  const ends = [];
  for (const stepLag of [0, 1]) {
    const bench = await load({ stepLag, maxBatch: 2, faultAtStep: 5 });
    const requests = [1, 2, 3, 4].map((id) => makeRequest(id, { maxNewTokens: id === 2 ? 3 : 50 }));
    const running = bench.run(requests);
    const scoring = bench.engine.score(scoreRequests);
    await expect(scoring).rejects.toEqual(reason);
    const tokens = await running;
    await vi.waitFor(() => expect(bench.broken).toEqual(reason));
    expect(() => bench.engine.submit([makeRequest(9)])).toThrow(reason);
    ends.push({ tokens, statuses: requests.map(({ id }) => bench.answers.get(id)!.status) });
    await bench.engine.close();
  }
  expect(ends[1]).toEqual(ends[0]);
  expect(ends[0]!.tokens.map((tokens) => tokens.length)).toEqual([4, 3, 1, 0]);
});

test('close() mid-run cancels what is unfinished, each once', async () => {
  for (let round = 0; round < 10; round++) {
    const bench = await load({ stepLag: 1, maxBatch: 16 });
    const requests = Array.from({ length: 100 }, (_, id) => makeRequest(id, { maxNewTokens: 100 }));
    const running = bench.run(requests);
    const scoring = bench.engine.score(scoreRequests).then(
      () => 'done',
      (error) => error.code,
    );
    if (round > 0) await new Promise((resolve) => setTimeout(resolve, round));
    await bench.engine.close();
    await running;
    // A fast machine may have answered all of them by then, but not before the first step.
    const last = bench.answers.get(99)!;
    if (round === 0) expect(last).toMatchObject({ status: eventStatus.cancelled, events: 1 });
    else expect([eventStatus.cancelled, eventStatus.length]).toContain(last.status);
    expect(await scoring).toMatch(/^(done|ERR_ENGINE_BROKEN)$/);
  }
});

test('options: a lag of 0 or 1; a GPU that is not there is refused', async () => {
  await expect(load({ stepLag: 2 })).rejects.toThrow(
    'stepLag is 2; allowed: an integer from 0 to 1',
  );
  const missing = { device: 'cuda:99', kvCacheType: 'fp16', activationType: 'fp16' } as const;
  const { built, devices } = hostFeatures().cuda;
  const allowed = devices.length > 0 ? /allowed: cuda:0 to/ : /allowed: none/;
  await expect(load(missing)).rejects.toMatchObject({
    code: built ? 'ERR_BAD_ARGUMENT' : 'ERR_UNSUPPORTED_DEVICE',
    message: expect.stringMatching(built ? allowed : /no CUDA engine; allowed: cpu/),
  });
});
