// What a worker gives its engine of what it took, where something is let go of before the engine has heard of it.
import { expect, it } from 'vitest';
import { makeGeneration } from '../../../harness/sut/job.js';
import { Worker } from '../../../harness/sut/worker.js';
import type { WorkerOptions } from '../../../harness/worker-options.js';
import type { GenerateRequest } from '../../../native/index.js';
import { SimulatedEngine, Timeline } from './simulated-engine.js';

const terms = { maxBatch: 1, maxStepTokens: 8, stepNs: 1, tokenNs: 1, delayNs: 0 };

/** Of one place, with two requests taken that its engine has not heard of. */
function makeWorker() {
  const timeline = new Timeline();
  const answers = [2, 2];
  const engine = new SimulatedEngine(timeline, { ...terms, answers }, { onEvents: () => {} });
  const worker = new Worker(0, { maxBatch: 1, device: 'cpu' } as WorkerOptions, engine);
  for (const id of [70, 71]) {
    const request = { id, promptTokens: Int32Array.of(0, id - 70), maxNewTokens: 2 };
    worker.take(makeGeneration(request as GenerateRequest, null));
  }
  const flush = () => {
    worker.flush(() => expect.unreachable());
    timeline.run();
    return { submitted: engine.submitted, steps: engine.steps };
  };
  return { worker, flush };
}

it('what was taken goes to the engine with the next flush, once', () => {
  const { worker, flush } = makeWorker();
  expect(flush()).toEqual({ submitted: 2, steps: 4 });
  expect(flush()).toEqual({ submitted: 2, steps: 4 });
  expect(worker.jobs).toBe(2);
});

it('what is recalled before the flush never gets to the engine', () => {
  const { worker, flush } = makeWorker();
  expect(worker.recall()).toMatchObject({ request: { id: 71 } });
  expect(worker.jobs).toBe(1);
  expect(flush()).toEqual({ submitted: 1, steps: 2 });
});

it('what is given up before the flush never gets to the engine', () => {
  const { worker, flush } = makeWorker();
  expect(worker.giveUp(new Set([70])).length).toBe(1);
  expect([worker.jobs, worker.outstandingTokens]).toEqual([1, 4]);
  expect(flush()).toEqual({ submitted: 1, steps: 2 });
});
