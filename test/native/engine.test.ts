// Does the engine keep its promises to callers: limits, stops, sampling, cancelling, refusals, failure?
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Engine, eventStatus, hostFeatures } from '../../native/index.js';
import { Bench, makeOptions, makeRequest } from './golden-model.js';

const model = 'float32';
let bench: Bench;
beforeAll(async () => {
  bench = await Bench.load(makeOptions(model, { maxBatch: 16 }));
});
afterAll(() => bench.engine.close());

const refusal = (message: RegExp, code = 'ERR_BAD_ARGUMENT') =>
  expect.objectContaining({ name: 'NativeError', code, message: expect.stringMatching(message) });

describe('where an answer ends', () => {
  test('maxNewTokens ends with length, one event a token', async () => {
    const [tokens] = await bench.run([makeRequest(1, { maxNewTokens: 5 })]);
    expect(tokens).toHaveLength(5);
    expect(bench.answers.get(1)).toMatchObject({ status: eventStatus.length, events: 5 });
  });

  test('a stop token ends with stop and is not part of the answer', async () => {
    const [free] = await bench.run([makeRequest(2, { maxNewTokens: 12 })]);
    const stop = free![4]!;
    const first = free!.indexOf(stop);
    const [tokens] = await bench.run([
      makeRequest(2, { maxNewTokens: 12, stopTokens: Int32Array.of(stop) }),
    ]);
    expect(tokens).toEqual(free!.slice(0, first));
    expect(bench.answers.get(2)).toMatchObject({ status: eventStatus.stop, events: first + 1 });
  });

  test('stop tokens cannot be drawn before minNewTokens are out', async () => {
    const [free] = await bench.run([makeRequest(3)]);
    const stopTokens = Int32Array.of(free![0]!);
    const [none] = await bench.run([makeRequest(3, { stopTokens })]);
    expect(none).toEqual([]);
    const [some] = await bench.run([makeRequest(3, { stopTokens, minNewTokens: 4 })]);
    expect(some!.length).toBeGreaterThanOrEqual(4);
    expect(some!.slice(0, 4)).not.toContain(free![0]);
    const all = Int32Array.from({ length: 160 }, (_, i) => i);
    const [sampled] = await bench.run([
      makeRequest(3, { stopTokens: all.subarray(1), minNewTokens: 2, temperature: 1, seed: 5n }),
    ]);
    expect(sampled!.slice(0, 2)).toEqual([0, 0]);
  });
});

describe('sampling', () => {
  const draw = async (count: number, changes: object, firstSeed = 0) =>
    (
      await bench.run(
        Array.from({ length: count }, (_, i) =>
          makeRequest(i, { maxNewTokens: 1, seed: BigInt(firstSeed + i), ...changes }),
        ),
      )
    ).map((tokens) => tokens[0]!);

  /** Softmax of the logits after the default prompt, at a temperature. */
  async function probabilities(temperature: number): Promise<number[]> {
    const logits = (await bench.engine.forwardLogits(Int32Array.of(3, 4, 5))).subarray(-160);
    const weights = Array.from(logits, (logit) => Math.exp(logit / temperature));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  }

  test('one seed gives one answer, another seed another', async () => {
    const request = (id: number, seed: bigint) =>
      makeRequest(id, { maxNewTokens: 30, temperature: 1, seed });
    const [a, b, c] = await bench.run([
      request(1, 2n ** 63n + 1n),
      request(2, 2n ** 63n + 1n),
      request(3, 7n),
    ]);
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  test('frequencies follow the softmax (chi-squared)', async () => {
    const count = 6000;
    const expected = await probabilities(1.5);
    const drawn = await draw(count, { temperature: 1.5 });
    let statistic = 0;
    let cells = 0;
    let rest = { expected: 0, seen: 0 };
    for (const [token, probability] of expected.entries()) {
      const seen = drawn.filter((t) => t === token).length;
      if (probability * count < 8) {
        rest = { expected: rest.expected + probability * count, seen: rest.seen + seen };
        continue;
      }
      statistic += (seen - probability * count) ** 2 / (probability * count);
      cells++;
    }
    statistic += (rest.seen - rest.expected) ** 2 / rest.expected;
    // `cells` degrees of freedom: mean `cells`, standard deviation sqrt(2 cells); seeds are fixed, so this is too.
    expect(cells).toBeGreaterThan(10);
    expect(statistic).toBeLessThan(cells + 4 * Math.sqrt(2 * cells));
  });

  test('top-k draws from the k most probable, top-p from the smallest set that reaches p', async () => {
    const expected = await probabilities(2);
    const order = [...expected.keys()].sort((a, b) => expected[b]! - expected[a]!);
    const byK = new Set(await draw(800, { temperature: 2, topK: 5 }));
    expect([...byK].sort()).toEqual(order.slice(0, 5).sort());
    let mass = 0;
    const nucleus = order.filter((token) => {
      const inside = mass < 0.4;
      mass += expected[token]!;
      return inside;
    });
    const byP = new Set(await draw(1500, { temperature: 2, topP: 0.4 }));
    expect([...byP].sort()).toEqual(nucleus.sort());
    const [greedy] = await draw(1, {});
    expect(await draw(20, { temperature: 2, topK: 1 })).toEqual(Array(20).fill(greedy));
    expect(await draw(20, { temperature: 2, topP: 1e-9 })).toEqual(Array(20).fill(greedy));
    expect(await draw(20, { temperature: 1e-4 })).toEqual(Array(20).fill(greedy));
  });
});

describe('events', () => {
  test('timestamps are CLOCK_MONOTONIC and do not go back', async () => {
    const before = Number(process.hrtime.bigint());
    const first = bench.batches.length;
    await bench.run([makeRequest(1), makeRequest(2)]);
    const stamps = bench.batches.slice(first).map((batch) => batch.timestampNs);
    expect(stamps.length).toBeGreaterThanOrEqual(8);
    expect(stamps[0]).toBeGreaterThan(before);
    expect(stamps.at(-1)).toBeLessThan(Number(process.hrtime.bigint()));
    expect([...stamps].sort((a, b) => a - b)).toEqual(stamps);
  });

  test('3,000 small requests, each answered exactly once', async () => {
    const requests = Array.from({ length: 3000 }, (_, id) =>
      makeRequest(id, { promptTokens: Int32Array.of(id % 160), maxNewTokens: 1 + (id % 3) }),
    );
    const answers = await bench.run(requests);
    expect(answers.map((tokens) => tokens.length)).toEqual(requests.map((r) => r.maxNewTokens));
    expect(bench.engine.stats().occupancySum / bench.engine.stats().steps).toBeGreaterThan(4);
  });

  test('cancel ends waiting and running requests with one event, and leaves the others alone', async () => {
    const [want] = await bench.run([makeRequest(9, { maxNewTokens: 100 })]);
    const ids = Array.from({ length: 1000 }, (_, i) => i + 100);
    const running = bench.run([
      ...ids.map((id) => makeRequest(id, { maxNewTokens: 100 })),
      makeRequest(9, { maxNewTokens: 100 }),
    ]);
    bench.engine.cancel(Int32Array.from([...ids, 5000]));
    bench.engine.cancel(Int32Array.from(ids));
    const answers = await running;
    expect(answers.at(-1)).toEqual(want);
    // The first may have finished before the call; each has ended once, or run() would not have.
    const statuses = ids.map((id) => bench.answers.get(id)!.status);
    expect(statuses.filter((s) => s === eventStatus.cancelled).length).toBeGreaterThan(500);
    expect(statuses.at(-1)).toBe(eventStatus.cancelled);
  });
});

test('an option that the engine does not know is refused, not passed over', async () => {
  const strange = { ...makeOptions(model), tensorParallelWays: 2 };
  await expect(Engine.load(strange, { onEvents: () => {} })).rejects.toEqual(
    refusal(/^tensorParallelWays is no option of this engine; allowed: modelPath, device, /),
  );
});

describe('refusals', () => {
  const refuse = (changes: object, message: RegExp) =>
    expect(() => bench.engine.submit([makeRequest(50), makeRequest(51, changes)])).toThrow(
      refusal(message),
    );

  test('a bad request is named, with its value and what is allowed, and none is taken', async () => {
    refuse({ promptTokens: new Int32Array(0) }, /request 51: promptTokens holds 0 tokens/);
    refuse(
      { promptTokens: Int32Array.of(1, 160) },
      /request 51: promptTokens\[1\] is 160; allowed: 0 to 159/,
    );
    refuse({ promptTokens: Int32Array.of(-1) }, /request 51: promptTokens\[0\] is -1/);
    refuse({ stopTokens: Int32Array.of(999) }, /request 51: stopTokens\[0\] is 999/);
    refuse({ promptTokens: [1, 2] }, /request 51: promptTokens is not an Int32Array/);
    refuse({ maxNewTokens: 126 }, /request 51: 3 prompt tokens and 126 .* at most 128 together/);
    refuse({ maxNewTokens: 0 }, /request 51: maxNewTokens is 0; allowed: an integer from 1/);
    refuse({ minNewTokens: 9 }, /request 51: minNewTokens is 9; allowed: an integer from 0 to 8/);
    refuse({ temperature: -1 }, /request 51: temperature is -1/);
    refuse({ temperature: Number.NaN }, /request 51: temperature is NaN/);
    refuse({ topK: -1 }, /request 51: topK is -1/);
    refuse({ topP: 0 }, /request 51: topP is 0/);
    refuse({ seed: -1n }, /request 51: seed is -1/);
    refuse({ id: 50 }, /request 50: its id belongs to an unfinished request/);
    refuse({ id: -1 }, /requests\[1\]\.id is -1; allowed: an integer from 0/);
    expect(await bench.run([makeRequest(50), makeRequest(51)])).toHaveLength(2);
  });

  test('the id of an unfinished request is refused, of a finished one is not', async () => {
    const many = Array.from({ length: 500 }, (_, i) => makeRequest(60 + i, { maxNewTokens: 100 }));
    const running = bench.run(many);
    expect(() => bench.engine.submit([makeRequest(559)])).toThrow(refusal(/request 559: its id/));
    bench.engine.cancel(Int32Array.from(many, (request) => request.id));
    await running;
    await bench.run([makeRequest(60)]);
  });

  test.each([
    [{ threads: 0 }, /threads is 0; allowed: an integer from 1/],
    [{ maxBatch: 1.5 }, /maxBatch is 1.5/],
    [{ device: 'cuda' }, /device is "cuda"; allowed: cpu, cuda:N/],
    [{ kvCacheType: 'fp8' }, /kvCacheType is "fp8"; allowed: fp32, fp16, bf16/],
    [{ weightFormat: 'int3' }, /weightFormat is "int3"/],
    [{ cudaGraphs: false }, /cudaGraphs is false; allowed on cpu: true$/],
    [
      { device: 'cuda:0', kvCacheType: 'fp16', activationType: 'fp16', cudaGraphs: 'off' },
      /cudaGraphs is "off"; allowed: true, false$/,
    ],
    [{ maxSequenceTokens: 513 }, /maxSequenceTokens is 513; allowed: 2 to 512, the model's/],
    [{ kvCacheBytes: 1000 }, /kvCacheBytes is 1000; allowed: 0, or at least 65536/],
    [{ modelPath: '' }, /modelPath is ""/],
  ])('options %j', async (changes, message) => {
    const options = { ...makeOptions(model), ...changes } as never;
    await expect(Engine.load(options, { onEvents: () => {} })).rejects.toEqual(refusal(message));
  });

  test('a plan larger than memory is refused with its numbers and what would fit', async () => {
    const options = makeOptions(model, { kvCacheBytes: 2 ** 50 });
    const loading = Engine.load(options, { onEvents: () => {} });
    await expect(loading).rejects.toEqual(
      refusal(
        /takes \d+ bytes .*weights \d+, KV cache 1125899906842624, .*available: \d+ bytes .*kvCacheBytes \d+ would fit/,
        'ERR_OUT_OF_MEMORY',
      ),
    );
  });
});

test('info and host features describe what runs', () => {
  expect(bench.engine.info).toMatchObject({
    architecture: 'LlamaForCausalLM',
    layers: 2,
    hiddenSize: 64,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    vocabSize: 160,
    parameters: 94_528,
    weightFormat: 'fp32',
    kvBytesPerToken: 2 * 2 * 2 * 16 * 4,
    kvPages: 16 * 8,
  });
  const { info } = bench.engine;
  expect(info.weightBytes).toBeGreaterThanOrEqual(4 * info.parameters);
  expect(info.weightBytes - info.weightBytesPerToken).toBe(4 * 160 * 64);
  expect(info.plannedBytes).toBeGreaterThan(info.weightBytes + info.kvCacheBytes);
  const { instructionSets, cuda } = hostFeatures();
  expect(instructionSets).toContain('plain');
  expect(cuda.reason === null).toBe(cuda.devices.length > 0);
  expect(cuda.built || cuda.devices.length === 0).toBe(true);
  expect(Object.keys(info.kernels)).toContain('fp32_linear');
});

describe('a step that fails', () => {
  test.each([
    ['exception', 'fault injected at step 5'],
    ['out-of-memory', 'out of memory: an allocation failed'],
    ['thread-death', 'its thread has ended without a word'],
  ] as const)('(%s) fails every request once, then every call', async (faultKind, told) => {
    const fault = { maxBatch: 2, faultAtStep: 5, faultKind };
    const broken = await Bench.load(makeOptions(model, fault));
    const requests = [1, 2, 3, 4].map((id) => makeRequest(id, { maxNewTokens: 50 }));
    const running = broken.run(requests);
    const scoring = broken.engine.score([
      { promptTokens: Int32Array.of(1), continuations: [Int32Array.of(2)] },
    ]);
    const reason = new RegExp(`broke at step 5: ${told}`);
    await expect(scoring).rejects.toEqual(refusal(reason, 'ERR_ENGINE_BROKEN'));
    expect((await running).map((tokens) => tokens.length)).toEqual([4, 4, 0, 0]);
    const statuses = requests.map(({ id }) => broken.answers.get(id)!.status);
    expect(statuses).toEqual(requests.map(() => eventStatus.failed));
    await vi.waitFor(() => expect(broken.broken).toEqual(refusal(reason, 'ERR_ENGINE_BROKEN')));
    expect(() => broken.engine.submit([makeRequest(9)])).toThrow(
      refusal(reason, 'ERR_ENGINE_BROKEN'),
    );
    expect(() => broken.engine.cancel(Int32Array.of(1))).toThrow(
      refusal(reason, 'ERR_ENGINE_BROKEN'),
    );
    await expect(broken.engine.forwardLogits(Int32Array.of(1))).rejects.toEqual(
      refusal(reason, 'ERR_ENGINE_BROKEN'),
    );
    expect(() => broken.engine.failNextStep()).toThrow(refusal(reason, 'ERR_ENGINE_BROKEN'));
    expect(broken.engine.stats().steps).toBe(5);
    await broken.engine.close();
  });

  test('can be asked for, and waits for work', async () => {
    const asked = await Bench.load(makeOptions(model, { faultKind: 'thread-death' }));
    await asked.run([makeRequest(1)]);
    const { steps } = asked.engine.stats();
    asked.engine.failNextStep();
    await asked.run([makeRequest(2)]);
    expect(asked.answers.get(2)!.status).toBe(eventStatus.failed);
    const reason = new RegExp(`broke at step ${steps + 1}: its thread has ended without a word`);
    await vi.waitFor(() => expect(asked.broken).toEqual(refusal(reason, 'ERR_ENGINE_BROKEN')));
    await asked.engine.close();
  });

  test('is refused where the CPU cannot fail so', async () => {
    await expect(
      Bench.load(makeOptions(model, { faultKind: 'device-fault', faultAtStep: 1 })),
    ).rejects.toEqual(
      refusal(
        /^faultKind is "device-fault", and the CPU .*; allowed on cpu: exception, out-of-memory, thread-death$/,
        'ERR_BAD_ARGUMENT',
      ),
    );
  });

  test('one engine breaking leaves another alone', async () => {
    expect(await bench.run([makeRequest(1)])).toHaveLength(1);
  });
});

test('a closed engine refuses calls and still tells its statistics', async () => {
  const closed = await Bench.load(makeOptions(model));
  await closed.run([makeRequest(1)]);
  const many = Array.from({ length: 500 }, (_, id) => makeRequest(id, { maxNewTokens: 100 }));
  const running = closed.run(many);
  await closed.engine.close();
  await running;
  expect(closed.answers.get(499)!.status).toBe(eventStatus.cancelled);
  expect(() => closed.engine.submit([makeRequest(3)])).toThrow(
    refusal(/closed/, 'ERR_ENGINE_BROKEN'),
  );
  expect(closed.engine.stats().generatedTokens).toBeGreaterThanOrEqual(8);
  await closed.engine.close();
});
