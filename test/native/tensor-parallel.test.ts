// Do several ranks compute what one does? In fp32 to the bit: logits, greedy and drawn tokens, scores, whatever the batch,
// the chunks and the pages; with int8 activations within what their rounding costs. Then what is refused, and a rank that fails.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import {
  type DeviceName,
  type EngineOptions,
  eventStatus,
  type GenerateRequest,
  inspectModel,
} from '../../native/index.js';
import { largestDifference } from './difference.js';
import { Bench, listCheckpoints, makeOptions, makeRequest, readGolden } from './golden-model.js';

const golden = fileURLToPath(new URL('../golden', import.meta.url));
const models = fileURLToPath(new URL('../../configs/models', import.meta.url));

const cpus = (ranks: number): DeviceName[] => Array.from({ length: ranks }, () => 'cpu');
const load = (modelPath: string, ranks: number, changes: Partial<EngineOptions> = {}) =>
  Bench.load(makeOptions('', { modelPath, tensorParallelDevices: cpus(ranks), ...changes }));

const vocabulary = 90;
const text = Int32Array.from({ length: 60 }, (_, i) => (i * 37 + 5) % vocabulary);

/** Greedy and drawn, with stop tokens that are barred at first: every way in which a row of logits is read. */
const requests: readonly GenerateRequest[] = Array.from({ length: 9 }, (_, id) =>
  makeRequest(id, {
    promptTokens: text.subarray(id, 2 + 5 * id),
    maxNewTokens: 3 + 2 * id,
    minNewTokens: id % 3,
    stopTokens: Int32Array.from({ length: 20 * (id % 3) }, (_, i) => (4 * i + id) % vocabulary),
    temperature: id % 2 === 0 ? 0 : 0.9,
    topK: id % 4 === 1 ? 20 : 0,
    topP: id % 4 === 3 ? 0.9 : 1,
    seed: BigInt(id) * 7919n,
  }),
);

const scoreRequests = [0, 20].map((from) => ({
  promptTokens: text.subarray(from, from + 20),
  continuations: [text.subarray(from + 20, from + 40), Int32Array.of(7), Int32Array.of(8, 9)],
}));

/** All at once, so that they share steps. */
async function answer(bench: Bench) {
  const running = bench.run(requests);
  const scoring = bench.engine.score(scoreRequests);
  const logits = await bench.engine.forwardLogits(text);
  const scores = (await scoring).map(({ logProbs, isGreedy }) => ({ logProbs, isGreedy }));
  const tokens = await running;
  const statuses = requests.map(({ id }) => bench.answers.get(id)!.status);
  return { tokens, statuses, scores, logits };
}

async function answerOnce(modelPath: string, ranks: number, changes: Partial<EngineOptions> = {}) {
  const bench = await load(modelPath, ranks, changes);
  const answers = await answer(bench);
  await bench.engine.close();
  return answers;
}

/** Checkpoints that allow 2 ranks, and which of them 4. Of one KV head, or two, each rank then has one. */
function listCases(): [string, number][] {
  const four =
    /llama3$|float32$|bfloat16|row|act-order|channel|nf4|llm-int8|gguf-k-blocks|gguf-small-blocks|tiny$/;
  const formats = readdirSync(join(golden, 'formats'))
    .filter((name) => existsSync(join(golden, 'formats', name, 'golden.json')))
    .map((name) => {
      const file = join(name, 'model.gguf');
      return join(golden, 'formats', existsSync(join(golden, 'formats', file)) ? file : name);
    });
  const paths = ['architectures', 'transformers']
    .flatMap((folder) =>
      listCheckpoints(join(golden, folder)).map((name) => join(golden, folder, name)),
    )
    .concat(formats, join(models, 'tiny'), join(models, 'tiny-int4'))
    .filter((path) => !/smollm2|wide-heads|transformers\/tiny/.test(path));
  return paths.flatMap((path) => {
    const allows4 = four.test(path.replace('/model.gguf', '')) && !/llama3\.1/.test(path);
    return (allows4 ? [2, 4] : [2]).map((ranks): [string, number] => [path, ranks]);
  });
}

describe('fp32 activations', () => {
  test.each([...listCases(), ['synthetic:tiny', 2] as const])(
    '%s over %i ranks, to the bit',
    async (path, ranks) => {
      const want = await answerOnce(path, 1, { maxBatch: 1, maxStepTokens: 128 });
      // Pages of 5 cut the cache anywhere, 7 rows a step cut prompts anywhere; ranks have 2 threads and 1.
      const changes = { pageTokens: 5, maxStepTokens: 7, threads: ranks + 1 };
      expect(await answerOnce(path, ranks, changes)).toEqual(want);
    },
  );

  const tiny = join(models, 'tiny');
  test('few pages: sequences that are preempted', async () => {
    const growing = [1, 2, 3].map((id) =>
      makeRequest(id, { promptTokens: text.subarray(id), maxNewTokens: 60, temperature: id - 1 }),
    );
    const one = await load(tiny, 1);
    const want = await one.run(growing);
    await one.engine.close();
    const pages = 128;
    const kvCacheBytes = pages * one.engine.info.kvBytesPerToken;
    const two = await load(tiny, 2, { pageTokens: 1, kvCacheBytes });
    expect(two.engine.info.kvPages).toBe(pages);
    expect(await two.run(growing)).toEqual(want);
    expect(two.engine.stats().preemptions).toBeGreaterThan(0);
    await two.engine.close();
  });

  test.each(['avx2', 'plain'] as const)('on %s, with a lag of one step', async (instructionSet) => {
    const changes = { instructionSet, kvCacheType: 'fp16', stepLag: 1 } as const;
    let want: Awaited<ReturnType<typeof answerOnce>>;
    try {
      want = await answerOnce(tiny, 1, changes);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_UNSUPPORTED_CPU') throw error;
      return console.warn(`not tested: this CPU has no ${instructionSet}`);
    }
    expect(await answerOnce(tiny, 4, changes)).toEqual(want);
  });

  test('float linears rounded to int8 have the scales of whole rows', async () => {
    const changes = { weightFormat: 'int8' } as const;
    expect(await answerOnce(tiny, 4, changes)).toEqual(await answerOnce(tiny, 1, changes));
  });

  test('ranks say what transformers says', async () => {
    const path = join(golden, 'architectures', 'llama3');
    const { prompts, greedy, newTokens, logits } = readGolden(path);
    const bench = await load(path, 4, { maxSequenceTokens: 136 });
    const got = await bench.engine.forwardLogits(Int32Array.from(prompts[0]!));
    const answers = await bench.run(
      prompts.map((prompt, id) =>
        makeRequest(id, { promptTokens: Int32Array.from(prompt), maxNewTokens: newTokens }),
      ),
    );
    await bench.engine.close();
    expect(largestDifference(got, logits)).toBeLessThanOrEqual(1e-3);
    expect(answers).toEqual(greedy);
  });
});

// Sums in another order may tip the rounding of an activation: then both are as far from fp32's as rounding takes them.
describe.each(['tiny', 'tiny-int4'])('%s, int8 activations', (name) => {
  const path = join(models, name);
  test.each(['auto', 'avx2', 'plain'] as const)('on %s', async (instructionSet) => {
    const changes = { instructionSet, activationType: 'int8' } as const;
    let one: Awaited<ReturnType<typeof answerOnce>>;
    try {
      one = await answerOnce(path, 1, changes);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_UNSUPPORTED_CPU') throw error;
      return console.warn(`not tested: this CPU has no ${instructionSet}`);
    }
    const exact = await answerOnce(path, 1, { instructionSet });
    const two = await answerOnce(path, 2, changes);
    const rounding = largestDifference(one.logits, exact.logits);
    const difference = largestDifference(two.logits, one.logits);
    console.log(`${name}: logits differ by ${difference}; int8 activations cost ${rounding}`);
    // A float model has no int8 linears: nothing is rounded, only added in another order.
    expect(difference).toBeLessThanOrEqual(name === 'tiny' ? 1e-4 : 2 * rounding);
    const greedy = (tokens: readonly number[][]) => tokens.filter((_, id) => id % 2 === 0);
    expect(greedy(two.tokens)).toEqual(greedy(one.tokens));
  });
});

describe('what an engine says of its ranks', () => {
  test('bytes are those of all of them', async () => {
    const path = join(models, 'tiny');
    const info = async (ranks: number) => {
      const bench = await load(path, ranks);
      await bench.engine.close();
      return bench.engine.info;
    };
    const [one, two, four] = [await info(1), await info(2), await info(4)];
    expect([one.tensorParallel, two.tensorParallel, four.tensorParallel]).toEqual([1, 2, 4]);
    expect(two).toMatchObject({
      heads: 4,
      kvHeads: 2,
      vocabSize: 1024,
      parameters: one.parameters,
      linearParameters: one.linearParameters,
      kvBytesPerToken: one.kvBytesPerToken,
      kvPages: one.kvPages,
      kvCacheBytes: one.kvCacheBytes,
    });
    // Each of 4 ranks holds one of 2 KV heads: every one is held twice.
    expect(four.kvBytesPerToken).toBe(2 * one.kvBytesPerToken);
    // Embedding and norms are held by both, 2 bytes and 4 bytes a value; all else once.
    const twice = 2 * 1024 * 256 + 4 * 256 * 13;
    expect(two.weightBytes).toBe(one.weightBytes + twice);
    expect(two.weightBytesPerToken).toBe(one.weightBytesPerToken + 4 * 256 * 13);
    expect(two.plannedBytes).toBeGreaterThan(two.weightBytes + two.kvCacheBytes);
  });

  test('one device is none', async () => {
    const bench = await load(join(models, 'tiny'), 1);
    expect(bench.engine.info.tensorParallel).toBe(1);
    await bench.engine.close();
  });
});

describe('refusals', () => {
  const refuses = (changes: Partial<EngineOptions>, message: RegExp, model = 'tiny') =>
    expect(
      Bench.load(makeOptions('', { modelPath: join(models, model), ...changes })),
    ).rejects.toMatchObject({
      code: 'ERR_BAD_ARGUMENT',
      message: expect.stringMatching(message),
    });
  const over = (ranks: number) => ({ tensorParallelDevices: cpus(ranks) });

  test('numbers of ranks', async () => {
    await refuses(
      over(3),
      /^tensorParallelDevices names 3 devices: the number of attention heads is 4, no multiple of that; allowed for this model: 1, 2, 4$/,
    );
    await refuses(
      over(4),
      /mlp\.down_proj has scales for groups of 64 inputs, and a device would have 160 inputs, which cuts a group; allowed for this model: 1, 2$/,
      'tiny-int4',
    );
    await refuses(
      over(3),
      /: the vocabulary is 136, no multiple of that; allowed for this model: 1$/,
      join('../../test/golden/architectures/smollm2'),
    );
    await refuses(over(65), /holds 65 devices; allowed: at most 64/);
    await expect(load('synthetic:tiny', 4)).rejects.toThrow(/groups of 64 inputs/);
  });

  test('an inspection names the numbers that are allowed', () => {
    const allowed = (model: string) => inspectModel(join(models, model)).tensorParallel;
    expect(allowed('tiny')).toEqual([1, 2, 4]);
    expect(allowed('tiny-int4')).toEqual([1, 2]);
    expect(inspectModel(join(golden, 'architectures/smollm2')).tensorParallel).toEqual([1]);
  });

  test('devices', async () => {
    await refuses(
      { tensorParallelDevices: ['cpu', 'cuda:0'] },
      /^tensorParallelDevices\[1\] is "cuda:0"; allowed: cpu, as device is$/,
    );
    const gpu = { device: 'cuda:0', kvCacheType: 'fp16', activationType: 'fp16' } as const;
    await refuses(
      { ...gpu, tensorParallelDevices: ['cuda:0', 'cpu'] },
      /^tensorParallelDevices\[1\] is "cpu"; allowed: cuda:N, as device is$/,
    );
    await refuses(
      { ...gpu, tensorParallelDevices: ['cuda:1', 'cuda:0'] },
      /^tensorParallelDevices\[0\] is "cuda:1"; allowed: "cuda:0", the engine's device$/,
    );
    const nine = Array.from({ length: 9 }, (_, i) => `cuda:${i}` as const);
    await refuses({ ...gpu, tensorParallelDevices: nine }, /; allowed: up to 8 GPUs$/);
    await refuses(
      { tensorParallelDevices: 'cpu' as never },
      /^tensorParallelDevices is "cpu"; allowed: a list of devices$/,
    );
    await refuses(
      { ...over(2), faultRank: 2 },
      /faultRank is 2; allowed: an integer from -1 to 1$/,
    );
  });

  test('a plan that does not fit counts every rank', async () => {
    const parts = async (ranks: number) => {
      const changes = { kvCacheBytes: 2 ** 45 };
      const error = await load(join(models, 'tiny'), ranks, changes).catch((thrown) => thrown);
      expect(error).toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
      const told =
        /^the plan takes (\d+) bytes .*: weights (\d+), KV cache (\d+), activations (\d+), logits (\d+);/;
      const [total, ...each] = told.exec(error.message)!.slice(1).map(Number);
      expect(each.reduce((sum, bytes) => sum + bytes, 0)).toBe(total);
      return each as [number, number, number, number];
    };
    const [one, two, four] = [await parts(1), await parts(2), await parts(4)];
    // Embedding and norms once more; of four, each KV head's projections twice as well.
    const twice = 2 * 1024 * 256 + 4 * 256 * 13;
    expect(two[0]).toBe(one[0] + twice);
    expect(four[0]).toBeGreaterThan(one[0] + 3 * twice);
    for (const [at, ranks] of [one, two, four].entries()) {
      const bench = await load(join(models, 'tiny'), 2 ** at);
      await bench.engine.close();
      expect(ranks[0]).toBe(bench.engine.info.weightBytes);
    }
    // Each rank has activations of its own.
    expect(two[2]).toBeGreaterThan(one[2]);
    expect(four[2]).toBeGreaterThan(two[2]);
  });
});

const ends = {
  exception: 'fault injected at step 5',
  'out-of-memory': 'out of memory: an allocation failed',
  'thread-death': 'its thread has ended without a word',
} as const;

test.each([
  [2, 0, 'exception'],
  [2, 1, 'exception'],
  [4, 2, 'exception'],
  [2, 1, 'out-of-memory'],
  [2, 0, 'thread-death'],
  [2, 1, 'thread-death'],
  [4, 2, 'thread-death'],
] as const)(
  'of %i ranks, number %i fails (%s): the engine breaks, nothing hangs',
  async (ranks, faultRank, faultKind) => {
    const fault = { faultAtStep: 5, faultRank, faultKind, maxBatch: 2 };
    const bench = await load(join(models, 'tiny'), ranks, fault);
    const running = bench.run([1, 2, 3].map((id) => makeRequest(id, { maxNewTokens: 50 })));
    const scoring = bench.engine.score(scoreRequests);
    // Rank 0 is the engine's own thread: lost, it cannot be told from the engine.
    const name =
      faultRank === 0 && faultKind === 'thread-death'
        ? ''
        : `rank ${faultRank} of ${ranks} (cpu): `;
    const reason = expect.objectContaining({
      code: 'ERR_ENGINE_BROKEN',
      message: `the engine broke at step 5: ${name}${ends[faultKind]}`,
    });
    await expect(scoring).rejects.toEqual(reason);
    const tokens = await running;
    await vi.waitFor(() => expect(bench.broken).toEqual(reason));
    expect(() => bench.engine.submit([makeRequest(9)])).toThrow(reason);
    expect(tokens.map((each) => each.length)).toEqual([4, 4, 0]);
    expect(bench.answers.get(1)!.status).toBe(eventStatus.failed);
    await bench.engine.close();
  },
);
