// What does the engine on a GPU refuse, and does the process live on? And models of random weights, made on the device.
import { afterEach, describe, expect, test } from 'vitest';
import { type EngineOptions, eventStatus, type NativeError } from '../../native/index.js';
import { Bench, makeRequest } from '../native/golden-model.js';
import { answerAll, gpuOptions, hasGpu, loadRequests, withBench } from './built-in.js';

const refusals: readonly [string, Partial<EngineOptions>, string, RegExp][] = [
  [
    'a KV cache larger than the GPU',
    { kvCacheBytes: 2 ** 44 },
    'ERR_OUT_OF_MEMORY',
    /takes \d+ bytes .*weights \d+, KV cache 175\d{11}, .*free on the GPU: \d{9,} bytes .*kvCacheBytes \d+ would fit/,
  ],
  ['a device that is not there', { device: 'cuda:99' }, 'ERR_BAD_ARGUMENT', /cuda:99; allowed: /],
  [
    'a KV cache of the CPU\u2019s',
    { kvCacheType: 'fp32' },
    'ERR_BAD_ARGUMENT',
    /kvCacheType is "fp32"; allowed: fp16, bf16, fp8/,
  ],
  [
    'a KV cache of the other 16 bits',
    { kvCacheType: 'bf16' },
    'ERR_BAD_ARGUMENT',
    /kvCacheType .*allowed: fp16, fp8/,
  ],
  ['activations of the CPU\u2019s', { activationType: 'int8' }, 'ERR_BAD_ARGUMENT', /fp16, bf16/],
  ['pages of 5 tokens', { pageTokens: 5 }, 'ERR_BAD_ARGUMENT', /pageTokens is 5; .*16/],
  [
    'an unknown shape',
    { modelPath: 'synthetic:llama-9-1b' },
    'ERR_BAD_ARGUMENT',
    /"llama-9-1b" .*llama-2-7b, llama-3-8b, .*llama-2-70b/,
  ],
];

describe.skipIf(!hasGpu())('refusals', () => {
  // Whatever was refused: the next engine loads and answers.
  afterEach(async () => {
    const requests = await loadRequests(2);
    const answers = await withBench(gpuOptions('tiny', 'fp16'), (bench) =>
      answerAll(bench, requests),
    );
    expect(answers.every((tokens) => tokens.length > 1)).toBe(true);
  });

  test.each(refusals)('%s', async (_, changes, code, message) => {
    await expect(Bench.load(gpuOptions('tiny-int4', 'fp16', changes))).rejects.toMatchObject({
      name: 'NativeError',
      code,
      message: expect.stringMatching(message),
    });
  });

  test('a plan that does not fit is refused before the model is loaded', async () => {
    const changes = { kvCacheBytes: 2 ** 44 };
    const refuse = async (modelPath: string) => {
      const options = gpuOptions('tiny-int4', 'fp16', { ...changes, modelPath });
      const error = await Bench.load(options).then(
        () => undefined,
        (reason: NativeError) => reason,
      );
      expect(error?.code).toBe('ERR_OUT_OF_MEMORY');
      return Number(/weights (\d+)/.exec(error?.message ?? '')?.[1]);
    };
    const { modelPath } = gpuOptions('tiny-int4', 'fp16');
    await refuse(modelPath); // has made the process's CUDA context
    const started = performance.now();
    expect(await refuse('synthetic:llama-2-70b')).toBeGreaterThan(36e9);
    expect(performance.now() - started).toBeLessThan(2000);
    for (const path of [modelPath, 'synthetic:llama-2-7b']) {
      const planned = await refuse(path);
      const options = gpuOptions('tiny-int4', 'fp16', { modelPath: path });
      const taken = await withBench(options, async ({ engine }) => engine.info.weightBytes);
      expect(planned).toBeGreaterThanOrEqual(taken);
      expect(planned).toBeLessThan(1.03 * taken);
    }
  });

  test('a step that fails breaks its engine and no other', async () => {
    const options = gpuOptions('tiny', 'fp16', { faultAtStep: 3 });
    await withBench(options, async (bench) => {
      const requests = await loadRequests(4);
      await bench.run(requests);
      const statuses = requests.map(({ id }) => bench.answers.get(id)!.status);
      expect(statuses).toEqual(Array(4).fill(eventStatus.failed));
      expect(() => bench.engine.submit(requests)).toThrow(
        expect.objectContaining({ code: 'ERR_ENGINE_BROKEN' }),
      );
    });
  });
});

describe.skipIf(!hasGpu())('synthetic:tiny', () => {
  const requests = Array.from({ length: 300 }, (_, id) =>
    makeRequest(id, {
      promptTokens: Int32Array.from(
        { length: 1 + ((id * 29) % 120) },
        (_, i) => 3 + ((id * 37 + i * i) % 1000),
      ),
      maxNewTokens: 64,
    }),
  );
  const generate = (seed: number) =>
    withBench(
      gpuOptions('tiny', 'fp16', { modelPath: `synthetic:tiny:${seed}` }),
      async (bench) => {
        const answers = await bench.run(requests);
        const statuses = requests.map(({ id }) => bench.answers.get(id)!.status);
        expect(statuses).toEqual(Array(300).fill(eventStatus.length));
        expect(bench.engine.stats().generatedTokens).toBe(300 * 64);
        return answers;
      },
    );

  test('300 requests get 64 tokens each, by the seed', async () => {
    const answers = await generate(5);
    expect(answers.every((tokens) => tokens.length === 64)).toBe(true);
    expect(await generate(5)).toEqual(answers);
    expect(await generate(6)).not.toEqual(answers);
  });
});
