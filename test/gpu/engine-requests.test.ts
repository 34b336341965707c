// Does the engine on a GPU keep its promises to callers: where an answer ends, sampling by seed, cancelling, scores, and
// answers from a KV cache of 8 bits?
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { eventStatus, type GenerateRequest, type ScoreResult } from '../../native/index.js';
import { largestDifference } from '../native/difference.js';
import { Bench } from '../native/golden-model.js';
import {
  answerAll,
  builtInModels,
  compareAnswers,
  cpuOptions,
  endedTokens,
  gpuOptions,
  hasGpu,
  loadRequests,
  loadSamples,
  logitBounds,
  vocabSize,
  withBench,
} from './built-in.js';

const questionCount = 50;
/** fp8 has 3 bits of mantissa: keys and values are off by up to 6 %. */
const fp8Bound = 2;
const none = new Int32Array(0);

function chosen({ logProbs }: ScoreResult): number {
  return logProbs.reduce((best, logProb, i) => (logProb > logProbs[best]! ? i : best), 0);
}

function shareOfSameChoices(a: readonly ScoreResult[], b: readonly ScoreResult[]): number {
  return a.filter((result, i) => chosen(result) === chosen(b[i]!)).length / a.length;
}

describe.skipIf(!hasGpu()).each(builtInModels)('%s, fp16', (model) => {
  let cpu: Bench;
  let gpu: Bench;
  let requests: GenerateRequest[];

  beforeAll(async () => {
    cpu = await Bench.load(cpuOptions(model));
    gpu = await Bench.load(gpuOptions(model, 'fp16', { maxSequenceTokens: 1024 }));
    requests = await loadRequests(64);
  });
  afterAll(async () => {
    await gpu?.engine.close();
    await cpu?.engine.close();
  });

  const ask = (changes: Partial<GenerateRequest>): GenerateRequest => ({
    ...requests[0]!,
    stopTokens: none,
    ...changes,
  });

  test('maxNewTokens ends with length, one event a token', async () => {
    const [tokens] = await gpu.run([ask({ maxNewTokens: 5 })]);
    expect(tokens).toHaveLength(5);
    expect(gpu.answers.get(0)).toMatchObject({ status: eventStatus.length, events: 5 });
    expect((await gpu.run([ask({ maxNewTokens: 1 })]))[0]).toEqual(tokens!.slice(0, 1));
  });

  test('a stop token ends with stop and is not part of the answer', async () => {
    const [free] = await gpu.run([ask({ maxNewTokens: 12 })]);
    const stop = free![4]!;
    const [tokens] = await gpu.run([ask({ maxNewTokens: 12, stopTokens: Int32Array.of(stop) })]);
    expect(tokens).toEqual(free!.slice(0, free!.indexOf(stop)));
    expect(gpu.answers.get(0)).toMatchObject({ status: eventStatus.stop });
  });

  test('stop tokens cannot be drawn before minNewTokens are out', async () => {
    const [free] = await gpu.run([ask({ maxNewTokens: 8 })]);
    const stopTokens = Int32Array.of(free![0]!);
    expect((await gpu.run([ask({ maxNewTokens: 8, stopTokens })]))[0]).toEqual([]);
    const [some] = await gpu.run([ask({ maxNewTokens: 8, minNewTokens: 4, stopTokens })]);
    expect(some!.length).toBeGreaterThanOrEqual(4);
    expect(some!.slice(0, 4)).not.toContain(free![0]);
  });

  test('sampling: right counts, the same tokens for the same seeds in the same batch', async () => {
    const draw = (changes: Partial<GenerateRequest>, firstSeed = 0) =>
      gpu.run(
        requests.map(({ id, promptTokens }) => {
          const terms = { temperature: 0.9, topK: id % 3 === 0 ? 20 : 0, topP: id % 2 ? 0.9 : 1 };
          const seed = BigInt(firstSeed + id);
          return ask({ id, promptTokens, maxNewTokens: 8 + (id % 40), ...terms, seed, ...changes });
        }),
      );
    const drawn = await draw({});
    expect(drawn.map((tokens) => tokens.length)).toEqual(requests.map(({ id }) => 8 + (id % 40)));
    expect(drawn.flat().every((token) => token >= 0 && token < vocabSize)).toBe(true);
    expect(await draw({})).toEqual(drawn);
    expect(await draw({}, 1000)).not.toEqual(drawn);
    // The best of one, or a nucleus of one: greedy.
    const greedy = await draw({ temperature: 0, topK: 0, topP: 1 });
    expect(await draw({ topK: 1, topP: 1 })).toEqual(greedy);
    expect(await draw({ topK: 0, topP: 1e-9 })).toEqual(greedy);
  });

  test('cancel ends waiting and running requests with one event, and leaves others alone', async () => {
    const ids = Array.from({ length: 500 }, (_, i) => i + 1000);
    const begun = gpu.batches.length;
    const long = ids.map((id) => ask({ id, maxNewTokens: 800 }));
    const running = gpu.run([...long, requests[1]!]);
    await vi.waitFor(() => expect(gpu.batches.length).toBeGreaterThan(begun + 5), { interval: 1 });
    gpu.engine.cancel(Int32Array.from([...ids, 999_999]));
    gpu.engine.cancel(Int32Array.from(ids));
    const answers = await running;
    // Each has ended once, or run() would not have.
    const statuses = ids.map((id) => gpu.answers.get(id)!.status);
    expect(statuses.filter((s) => s === eventStatus.cancelled).length).toBeGreaterThan(250);
    expect(answers[0]!.length).toBeGreaterThan(0);
    const right = await answerAll(cpu, [requests[1]!]);
    const left = [endedTokens(gpu.answers.get(1)!)];
    const bound = logitBounds.fp16;
    const { faults } = await compareAnswers(cpu.engine, [requests[1]!], right, left, bound);
    expect(faults).toEqual([]);
  });

  test('scores are the CPU\u2019s within the bound', async () => {
    const questions = await loadSamples('tiny-mmlu', questionCount);
    const texts = (await loadSamples('tiny-orca', 20)).map(({ promptTokens }) => ({
      promptTokens: promptTokens.slice(0, 30),
      // The third begins like the first and parts from it, the fourth reads on before it is scored.
      continuations: [
        promptTokens.slice(30),
        promptTokens.slice(30, 34),
        Int32Array.of(...promptTokens.slice(30, 36), ...promptTokens.slice(20, 26)),
        promptTokens.slice(30, 50),
      ],
      contextTokens: [0, 0, 0, 12],
    }));
    const asked = [...questions, ...texts];
    const right = await cpu.engine.score(asked);
    const scores = await gpu.engine.score(asked);
    for (const [i, { continuations }] of asked.entries()) {
      for (const [j, { length }] of continuations.entries()) {
        const difference = Math.abs(scores[i]!.logProbs[j]! - right[i]!.logProbs[j]!);
        // A log-probability is a logit less the logarithm of a sum: twice a logit's error at most.
        expect(difference).toBeLessThan(2 * logitBounds.fp16 * length);
      }
    }
    const share = shareOfSameChoices(scores.slice(0, questionCount), right.slice(0, questionCount));
    expect(share).toBeGreaterThanOrEqual(0.9);
  });

  test('every token as a choice, more than a step has room for, beside answers', async () => {
    const continuations = Array.from({ length: vocabSize }, (_, token) => Int32Array.of(token));
    const asked = requests
      .slice(0, 12)
      .map(({ promptTokens }) => ({ promptTokens, continuations }));
    const changes = { maxBatch: 8, maxStepTokens: 32 };
    await withBench(gpuOptions(model, 'fp16', changes), async (bench) => {
      const running = bench.run(requests.slice(0, 16));
      const results = await bench.engine.score(asked);
      for (const { logProbs } of results) {
        expect(logProbs.reduce((sum, logProb) => sum + Math.exp(logProb), 0)).toBeCloseTo(1, 6);
      }
      expect((await running).every((tokens) => tokens.length > 0)).toBe(true);
    });
  });

  test('fp8 KV cache: logits near fp16\u2019s, answers to their ends, the CPU\u2019s choices', async () => {
    const questions = await loadSamples('tiny-mmlu', questionCount);
    const right = await cpu.engine.score(questions);
    await withBench(gpuOptions(model, 'fp16', { kvCacheType: 'fp8' }), async (bench) => {
      expect(bench.engine.info.kvBytesPerToken).toBeLessThan(gpu.engine.info.kvBytesPerToken);
      let largest = 0;
      for (const { promptTokens } of requests.slice(0, 20)) {
        const logits = await bench.engine.forwardLogits(promptTokens);
        const near = await gpu.engine.forwardLogits(promptTokens);
        largest = Math.max(largest, largestDifference(logits, near));
      }
      const answers = await answerAll(bench, requests);
      const same = await compareAnswers(
        cpu.engine,
        requests,
        await answerAll(cpu, requests),
        answers,
        fp8Bound,
      );
      const share = shareOfSameChoices(await bench.engine.score(questions), right);
      console.log(
        `${model}, fp8 KV cache: logits differ by at most ${largest} from fp16's (${fp8Bound}), ` +
          `${same.same} of ${requests.length} answers and ${100 * share} % of choices are the CPU's`,
      );
      expect(largest).toBeLessThan(fp8Bound);
      expect(answers.every((tokens) => tokens.length > 0)).toBe(true);
      expect(share).toBeGreaterThanOrEqual(0.9);
    });
  });
});
