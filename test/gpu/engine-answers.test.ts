// Does the engine on a GPU say what it says on the CPU? Logits within a bound; greedy answers token by token, but for
// ties, whatever the batch is and however often a sequence was preempted.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineOptions, GenerateRequest } from '../../native/index.js';
import { largestDifference } from '../native/difference.js';
import { Bench } from '../native/golden-model.js';
import {
  activationTypes,
  answerAll,
  builtInModels,
  type Comparison,
  compareAnswers,
  cpuOptions,
  gpuOptions,
  hasGpu,
  loadRequests,
  logitBounds,
  withBench,
  withPages,
} from './built-in.js';

const prompts = 256;
const logitPrompts = 20;
/** One sequence of 256 tokens is 16 pages: a batch of answers soon asks for more than these. */
const fewPages = 48;

const arrangements: readonly [string, Partial<EngineOptions>, number][] = [
  ['batch 1', { maxBatch: 1 }, 24],
  ['batch 7', { maxBatch: 7 }, prompts],
  ['batch 64', { maxBatch: 64 }, prompts],
  ['batch 256', { maxBatch: 256 }, prompts],
];

/** Faults are told with the comparison; bf16 may differ at ties as often as they come. */
function expectSame(name: string, comparison: Comparison, leastShare: number): void {
  const { same, ties, faults } = comparison;
  const count = same + ties + faults.length;
  console.log(`${name}: ${same} of ${count} answers are the CPU's, ${ties} differ at a tie`);
  expect(faults).toEqual([]);
  expect(same / count).toBeGreaterThanOrEqual(leastShare);
}

describe.skipIf(!hasGpu()).each(builtInModels)('%s', (model) => {
  let cpu: Bench;
  let requests: GenerateRequest[];
  let want: number[][];

  beforeAll(async () => {
    cpu = await Bench.load(cpuOptions(model));
    requests = await loadRequests(prompts);
    want = await answerAll(cpu, requests);
  });
  afterAll(() => cpu?.engine.close());

  describe.each(activationTypes)('%s', (activations) => {
    const bound = logitBounds[activations];
    const leastShare = activations === 'fp16' ? 0.9 : 0;

    test('logits', async () => {
      const largest = await withBench(gpuOptions(model, activations), async ({ engine }) => {
        let found = 0;
        for (const { promptTokens } of requests.slice(0, logitPrompts)) {
          const logits = await engine.forwardLogits(promptTokens);
          const right = await cpu.engine.forwardLogits(promptTokens);
          const difference = largestDifference(logits, right);
          if (!(difference <= found)) found = difference;
        }
        return found;
      });
      console.log(`${model}, ${activations}: logits differ by at most ${largest} (${bound})`);
      expect(largest).toBeLessThan(bound);
    });

    test.each(arrangements)('greedy answers, %s', async (name, changes, count) => {
      const asked = requests.slice(0, count);
      const answers = await withBench(gpuOptions(model, activations, changes), async (bench) => {
        const answered = await answerAll(bench, asked);
        expect(bench.engine.stats().preemptions).toBe(0);
        return answered;
      });
      const comparison = await compareAnswers(cpu.engine, asked, want, answers, bound);
      expectSame(`${model}, ${activations}, ${name}`, comparison, leastShare);
    });

    test('greedy answers, preempted', async () => {
      const options = await withPages(gpuOptions(model, activations), fewPages);
      const answers = await withBench(options, async (bench) => {
        const answered = await answerAll(bench, requests);
        expect(bench.engine.info.kvPages).toBe(fewPages);
        expect(bench.engine.stats().preemptions).toBeGreaterThan(0);
        return answered;
      });
      const comparison = await compareAnswers(cpu.engine, requests, want, answers, bound);
      expectSame(`${model}, ${activations}, preempted`, comparison, leastShare);
    });
  });

  test('one request alone, in a batch and among preempted ones', async () => {
    const options = gpuOptions(model, 'fp16');
    const alone = await withBench(options, async (bench) => {
      const first = await answerAll(bench, requests.slice(0, 1));
      for (let again = 0; again < 4; again++) {
        expect(await answerAll(bench, requests.slice(0, 1))).toEqual(first);
      }
      return first[0]!;
    });
    // Last in the queue, so that it is the one to give its pages up.
    const queue = [...requests.slice(1, 64), requests[0]!];
    for (const pages of [null, fewPages]) {
      const arranged = pages === null ? options : await withPages(options, pages);
      const answers = await withBench(arranged, async (bench) => {
        const answered = await answerAll(bench, queue);
        expect(bench.engine.stats().preemptions > 0).toBe(pages !== null);
        return answered;
      });
      const pair = [alone, answers.at(-1)!];
      const asked = [requests[0]!, requests[0]!];
      const right = [want[0]!, want[0]!];
      const { faults } = await compareAnswers(cpu.engine, asked, right, pair, logitBounds.fp16);
      expect(faults).toEqual([]);
    }
  });
});
