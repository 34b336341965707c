// The native engine behind LoadGen's contract, on a small random checkpoint: every sample is answered exactly once.
import { afterEach, describe, expect, it } from 'vitest';
import type { Dataset } from '../../../datasets/dataset.js';
import { openDataset } from '../../../datasets/index.js';
import { InputError } from '../../../harness/errors.js';
import { decodeChoice } from '../../../harness/sut/choice-response.js';
import type { NativeSut } from '../../../harness/sut/native.js';
import type { WorkerOptions } from '../../../harness/worker-options.js';
import { answerAll, generationSet, loadSut, questions, Recorder } from './small-model.js';

const opened: NativeSut[] = [];
afterEach(async () => {
  for (const sut of opened.splice(0)) await sut.close();
});

async function load(dataset: Dataset, changes: Partial<WorkerOptions> = {}, maxNewTokens = 12) {
  const sut = await loadSut(dataset, [changes], maxNewTokens);
  opened.push(sut);
  return sut;
}

describe('NativeSut', () => {
  it('answers each sample once, with first tokens before whole answers and little-endian ids', async () => {
    const prompts = Array.from({ length: 30 }, (_, index) =>
      `prompt ${index} `.repeat(1 + (index % 4)),
    );
    const sut = await load(generationSet(prompts));
    const before = Number(process.hrtime.bigint());
    const { first, whole, failed } = await answerAll(sut, 30, true);
    const after = Number(process.hrtime.bigint());
    expect(failed.size).toBe(0);
    expect(whole.size).toBe(30);
    expect(first.size).toBe(30);
    let tokenCount = 0;
    for (const [id, { response, atNs }] of whole) {
      const answer = sut.answers.get(id)!;
      expect(Array.from(answer.tokens)).toEqual(
        Array.from({ length: response.tokenCount }, (_, position) =>
          Buffer.from(response.data).readInt32LE(4 * position),
        ),
      );
      expect(answer.tokens.length).toBeGreaterThanOrEqual(2);
      expect(answer.tokens.length).toBeLessThanOrEqual(12);
      expect(first.get(id)).toBe(answer.firstTokenNs);
      expect(before).toBeLessThan(answer.firstTokenNs);
      expect(answer.firstTokenNs).toBeLessThan(atNs);
      expect(atNs).toBeLessThan(after);
      tokenCount += answer.tokens.length;
    }
    expect(sut.generatedTokens).toBe(tokenCount);
  });

  it('gives the same answers alone as in a batch, and keeps first tokens to itself in Offline', async () => {
    const prompts = Array.from({ length: 12 }, (_, index) => `q${index}`.repeat(1 + index));
    const texts: string[][] = [];
    for (const maxBatch of [1, 4]) {
      const sut = await load(generationSet(prompts), { maxBatch });
      const { first, whole } = await answerAll(sut, 12, false);
      expect(first.size).toBe(0);
      expect(sut.answers.get(3)!.firstTokenNs).toBeGreaterThan(0);
      texts.push(
        Array.from({ length: 12 }, (_, id) =>
          Buffer.from(whole.get(id)!.response.data).toString('hex'),
        ),
      );
    }
    expect(texts[1]).toEqual(texts[0]);
  });

  it('fails only the sample whose prompt is too long, and shortens answers that would not fit', async () => {
    const prompts = ['short', 'x'.repeat(200), 'y'.repeat(60), 'short too'];
    const sut = await load(generationSet(prompts), {}, 1000);
    const { whole, failed } = await answerAll(sut, 4, false);
    expect([...failed.keys()]).toEqual([1]);
    expect(failed.get(1)).toContain('201 prompt tokens');
    expect([...whole.keys()].sort()).toEqual([0, 2, 3]);
    expect(sut.answers.get(2)!.tokens.length).toBeLessThanOrEqual(3);
  });

  it('answers a synthetic row with exactly its own number of tokens, or fails it', async () => {
    const sut = await load(openDataset('synthetic:20x37:10', 'test'));
    const { whole, failed } = await answerAll(sut, 10, false);
    expect(failed.size).toBe(0);
    expect([...whole.values()].every(({ response }) => response.tokenCount === 37)).toBe(true);
    const { steps, occupancy, kvPeakShare, preemptions } = sut.work;
    // 370 answers' tokens, at most 4 a step, and the prompts in pieces of at most 16 tokens before them.
    expect(steps).toBeGreaterThanOrEqual(93);
    expect(occupancy).toBeGreaterThan(1);
    expect(occupancy).toBeLessThanOrEqual(4);
    expect(kvPeakShare).toBeGreaterThan(0.5);
    expect(preemptions).toBe(0);
    sut.beginTest({ pass: null, reportsFirstTokens: false });
    expect(sut.work).toMatchObject({ steps: 0, occupancy: null });

    const tooLong = await load(openDataset('synthetic:60x37:1', 'test'));
    expect((await answerAll(tooLong, 1, false)).failed.size).toBe(1);
  });

  it('answers questions with the log-probability of each choice and no tokens', async () => {
    const sut = await load(questions);
    const { whole, failed } = await answerAll(sut, 9, false);
    expect(failed.size).toBe(0);
    for (const { response } of whole.values()) {
      const logProbs = Array.from(decodeChoice(response.data));
      expect(response.tokenCount).toBe(0);
      expect(logProbs).toHaveLength(4);
      expect(logProbs.every((logProb) => logProb < 0 && Number.isFinite(logProb))).toBe(true);
      const best = Buffer.from(response.data).readInt32LE(0);
      expect(logProbs[best]).toBe(Math.max(...logProbs));
    }
  });

  it('fails every outstanding sample when the engine breaks, and says so', async () => {
    const prompts = Array.from({ length: 10 }, (_, index) => `prompt ${index}`);
    const sut = await load(generationSet(prompts), { faultAtStep: 5 });
    const { whole, failed } = await answerAll(sut, 10, false);
    expect(whole.size + failed.size).toBe(10);
    expect(failed.size).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sut.brokenBy).toBeInstanceOf(Error);
  });

  it('drops what comes after it was told to stop', async () => {
    const prompts = Array.from({ length: 200 }, (_, index) => `prompt ${index}`);
    const sut = await load(generationSet(prompts));
    const recorder = new Recorder(200);
    sut.beginTest({ pass: null, reportsFirstTokens: false });
    sut.issueQuery(
      prompts.map((_, id) => ({ id, index: id })),
      recorder,
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    sut.abandon();
    const answered = recorder.whole.size;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(recorder.whole.size).toBe(answered);
    expect(recorder.failed.size).toBe(0);
    expect((await answerAll(sut, 3, false)).whole.size).toBe(3);
  });

  it('says which model and kernels it runs', async () => {
    const { description } = await load(generationSet(['a']));
    expect(description).toMatchObject({
      kind: 'native',
      devices: ['cpu'],
      maxBatch: 4,
      threads: 2,
    });
    expect(description.model).toMatchObject({ architecture: expect.stringMatching(/llama/i) });
    expect(description.kvCache?.bytes).toBeGreaterThan(0);
    expect(Object.keys(description.kernels).length).toBeGreaterThan(0);
  });

  it('refuses a folder without a checkpoint, and options the engine cannot honour, as bad input', async () => {
    await expect(load(generationSet(['a']), { modelPath: '/nowhere' })).rejects.toThrowError(
      InputError,
    );
    await expect(load(generationSet(['a']), { maxBatch: 0 })).rejects.toThrowError(/maxBatch is 0/);
  });
});
