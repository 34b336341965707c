// Several engines side by side as one system under test: the answers of one, each sample once, whatever fails.
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

async function load(
  dataset: Dataset,
  workers: readonly Partial<WorkerOptions>[],
  maxNewTokens?: number,
) {
  const threads = workers.length === 1 ? 2 : 1;
  const all = workers.map((changes) => ({ threads, ...changes }));
  const sut = await loadSut(dataset, all, maxNewTokens);
  opened.push(sut);
  return sut;
}

function manyPrompts(count: number): Dataset {
  return generationSet(Array.from({ length: count }, (_, at) => `q${at}`.repeat(1 + (at % 5))));
}

function hexOf({ whole }: Recorder): Map<number, string> {
  return new Map(
    [...whole].map(([id, { response }]) => [id, Buffer.from(response.data).toString('hex')]),
  );
}

describe('two workers', () => {
  it('answer a query as one does, and share it', async () => {
    const dataset = manyPrompts(200);
    const one = await load(dataset, [{}]);
    const two = await load(dataset, [{}, {}]);
    const alone = await answerAll(one, 200, false);
    const shared = await answerAll(two, 200, false);
    expect(hexOf(shared)).toEqual(new Map([...hexOf(alone)]));
    expect(two.generatedTokens).toBe(one.generatedTokens);
    const { workers, steps } = two.work;
    expect(workers.map(({ state, devices }) => [state, devices])).toEqual([
      ['ok', ['cpu']],
      ['ok', ['cpu']],
    ]);
    const sum = (read: (worker: (typeof workers)[number]) => number) =>
      workers.reduce((total, worker) => total + read(worker), 0);
    expect(sum(({ samples }) => samples)).toBe(200);
    expect(sum((worker) => worker.steps)).toBe(steps);
    expect(sum(({ outstanding }) => outstanding)).toBe(0);
    for (const { samples, occupancy, busyShare } of workers) {
      expect(samples).toBeGreaterThan(20);
      expect(occupancy).toBeGreaterThan(1);
      expect(busyShare).toBeNull();
    }
    // A sample recalled as its first step began is computed twice.
    expect(sum(({ generatedTokens }) => generatedTokens)).toBeGreaterThanOrEqual(
      two.generatedTokens,
    );
    expect(two.readings.at(-1)?.workers).toHaveLength(2);
  });

  it('serve queries one by one, first tokens before whole answers', async () => {
    const dataset = manyPrompts(60);
    const one = await load(dataset, [{}]);
    const two = await load(dataset, [{}, {}]);
    const alone = await answerAll(one, 60, false);
    const recorder = new Recorder(60);
    two.beginTest({ pass: 'performance', reportsFirstTokens: true });
    for (let id = 0; id < 60; id++) {
      two.issueQuery([{ id, index: id }], recorder);
      if (id % 8 === 7) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await recorder.settled;
    expect(hexOf(recorder)).toEqual(new Map([...hexOf(alone)]));
    expect(recorder.first.size).toBe(60);
    for (const [id, { atNs }] of recorder.whole) expect(recorder.first.get(id)).toBeLessThan(atNs);
    expect(two.work.workers.every(({ samples }) => samples > 0)).toBe(true);
  });

  it('weigh choices to the bit of one', async () => {
    const one = await load(questions, [{}]);
    const two = await load(questions, [{ maxBatch: 2 }, { maxBatch: 2 }]);
    const alone = await answerAll(one, 9, false);
    const shared = await answerAll(two, 9, false);
    for (const [id, { response }] of shared.whole) {
      expect(decodeChoice(response.data)).toEqual(decodeChoice(alone.whole.get(id)!.response.data));
    }
    const samples = two.work.workers.map((worker) => worker.samples);
    expect(samples[0]! + samples[1]!).toBe(9);
    expect(Math.min(...samples)).toBeGreaterThan(1);
  });

  it('are both told to stop, and answer anew', async () => {
    const two = await load(manyPrompts(400), [{}, {}]);
    const recorder = new Recorder(400);
    two.beginTest({ pass: null, reportsFirstTokens: false });
    const samples = Array.from({ length: 400 }, (_, id) => ({ id, index: id }));
    two.issueQuery(samples, recorder);
    await new Promise((resolve) => setTimeout(resolve, 5));
    two.abandon();
    const answered = recorder.whole.size;
    expect(answered).toBeLessThan(400);
    expect(two.work.workers.map(({ outstanding }) => outstanding)).toEqual([0, 0]);
    const steps = two.work.steps;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(recorder.whole.size).toBe(answered);
    expect(recorder.failed.size).toBe(0);
    // The step under way, and one that was planned already.
    expect(two.work.steps - steps).toBeLessThanOrEqual(4);
    expect((await answerAll(two, 5, false)).whole.size).toBe(5);
  });

  it('describe themselves together', async () => {
    const two = await load(manyPrompts(2), [{}, { threads: 3 }]);
    const one = await load(manyPrompts(2), [{}]);
    expect(two.description).toMatchObject({
      devices: ['cpu', 'cpu'],
      workers: 2,
      tensorParallel: 1,
      threads: 4,
      maxBatch: 4,
      kvCache: { bytes: 2 * one.description.kvCache!.bytes },
    });
    const weightBytes = 2 * one.description.model!.weightBytes;
    expect(two.description.model).toEqual({ ...one.description.model, weightBytes });
    expect(two.description.kernels).toEqual(one.description.kernels);
  });
});

describe('loading', () => {
  it('fails as a whole, by the name of the worker whose engine refuses', async () => {
    const refused = load(manyPrompts(1), [{}, { maxBatch: 0 }]);
    await expect(refused).rejects.toThrowError(InputError);
    await expect(refused).rejects.toThrowError(/worker 1 \(cpu\): maxBatch is 0/);
    await expect(load(manyPrompts(1), [{ maxBatch: 0 }])).rejects.toThrowError(/: maxBatch is 0/);
  });
});

describe('a worker that fails', () => {
  it('at half of 10,000 samples leaves its own to the other, each answered once', async () => {
    const dataset = openDataset('synthetic:4x6:10000', 'test');
    const one = await load(dataset, [{}]);
    const alone = await answerAll(one, 10_000, false);
    const half = Math.round(one.work.steps / 4);
    const two = await load(dataset, [{}, { faultAtStep: half }]);
    const { whole, failed, first } = await answerAll(two, 10_000, true);
    expect(failed.size).toBe(0);
    expect(whole.size).toBe(10_000);
    expect(first.size).toBe(10_000);
    const [ok, broken] = two.work.workers;
    expect(ok).toMatchObject({ state: 'ok', failure: null });
    expect(broken).toMatchObject({
      state: 'failed',
      failure: `worker 1 (cpu) failed at step ${half}: fault injected at step ${half}`,
      outstanding: 0,
    });
    expect(broken!.samples).toBeGreaterThan(1000);
    expect(ok!.samples + broken!.samples).toBe(10_000);
    expect(two.losses).toHaveLength(1);
    expect(two.losses[0]).toMatchObject({ pass: null, message: broken!.failure });
    expect(two.losses[0]!.resent).toBeGreaterThan(0);
    expect(two.brokenBy).toBeNull();
    for (const [id, { response }] of alone.whole) {
      expect(whole.get(id)?.response.data).toEqual(response.data);
    }
    // What the failed one had begun does not count twice.
    expect(two.generatedTokens).toBe(60_000);
  }, 30_000);

  it('has its questions weighed by the other', async () => {
    const two = await load(questions, [{ maxBatch: 3 }, { maxBatch: 3, faultAtStep: 2 }]);
    const { whole, failed } = await answerAll(two, 9, false);
    expect([whole.size, failed.size]).toEqual([9, 0]);
    expect(two.losses).toHaveLength(1);
  });

  it('is found by the next request where nothing was under way', async () => {
    const two = await load(manyPrompts(40), [{}, { faultAtStep: 1 }]);
    expect((await answerAll(two, 40, false)).whole.size).toBe(40);
    expect((await answerAll(two, 40, false)).whole.size).toBe(40);
    expect(two.work.workers[1]).toMatchObject({ state: 'failed', steps: 0, samples: 0 });
    expect(two.losses).toHaveLength(1);
  });

  it('is the end where it is the last: every sample is answered or failed by name, once', async () => {
    const two = await load(manyPrompts(300), [{ faultAtStep: 20 }, { faultAtStep: 10 }]);
    const { whole, failed } = await answerAll(two, 300, true);
    expect(whole.size + failed.size).toBe(300);
    expect(failed.size).toBeGreaterThan(100);
    const end =
      'no worker is left: worker 0 (cpu) failed at step 20: fault injected at step 20; worker 1 (cpu) failed at step 10: fault injected at step 10';
    expect(new Set(failed.values())).toEqual(new Set([end]));
    expect(two.brokenBy?.message).toBe(end);
    expect(two.losses.map(({ resent }) => resent > 0)).toEqual([true, false]);
    const later = await answerAll(two, 3, false);
    expect([...later.failed.values()]).toEqual([end, end, end]);
  });
});
