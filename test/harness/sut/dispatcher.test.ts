// Which worker gets what, on a virtual clock: lengths that nobody knows beforehand, news that is heard late, workers that
// fail. The ideal it is held to is the same engines taking from one queue at the very moment a place is free.
import { describe, expect, it, type MockInstance, vi } from 'vitest';
import { Dispatcher } from '../../../harness/sut/dispatcher.js';
import type { WorkerOptions } from '../../../harness/worker-options.js';
import {
  type EventBatch,
  eventStatus,
  type GenerateRequest,
  NativeError,
} from '../../../native/index.js';
import { type EngineTerms, SimulatedEngine, Timeline } from './simulated-engine.js';

/** Prompt and answer, in tokens. */
interface Lengths {
  readonly prompt: number;
  readonly answer: number;
}

const mostTokens = 2048;
/** A GPU's: a step of some milliseconds that a full batch makes little longer, news heard 5 ms late. */
const gpu = { maxBatch: 64, maxStepTokens: 512, stepNs: 4e6, tokenNs: 1e4, delayNs: 5e6 } as const;

function requestsOf(lengths: readonly Lengths[], knowsLength = false): GenerateRequest[] {
  return lengths.map(({ prompt, answer }, id) => ({
    id,
    promptTokens: new Int32Array(Math.max(2, prompt)).fill(id),
    maxNewTokens: knowsLength ? answer : mostTokens,
    minNewTokens: knowsLength ? answer : 1,
    stopTokens: new Int32Array(0),
    temperature: 0,
    topK: 0,
    topP: 1,
    seed: 0n,
  }));
}

interface Simulation {
  readonly engines: readonly SimulatedEngine[];
  readonly dispatcher: Dispatcher;
  readonly timeline: Timeline;
  /** Answers by request id: how often, and the tokens of the last. */
  readonly finished: Map<number, { times: number; tokens: number }>;
  /** Tokens heard of by request id. */
  readonly tokens: Map<number, number>;
  readonly refused: Map<number, string>;
  readonly failures: string[];
}

async function simulate(
  count: number,
  terms: Omit<EngineTerms, 'answers'>,
  lengths: readonly Lengths[],
  faults: readonly number[] = [],
): Promise<Simulation> {
  const timeline = new Timeline();
  const engines: SimulatedEngine[] = [];
  const finished = new Map<number, { times: number; tokens: number }>();
  const tokens = new Map<number, number>();
  const refused = new Map<number, string>();
  const failures: string[] = [];
  const take = (batch: EventBatch) => {
    for (const [at, id] of batch.requestIds.entries()) {
      tokens.set(id, (tokens.get(id) ?? 0) + 1);
      if (batch.statuses[at] === eventStatus.running) continue;
      expect(batch.statuses[at]).toBe(eventStatus.length);
      const times = (finished.get(id)?.times ?? 0) + 1;
      finished.set(id, { times, tokens: tokens.get(id)! });
    }
  };
  const options = { device: 'cpu', maxBatch: terms.maxBatch } as WorkerOptions;
  const dispatcher = await Dispatcher.load(
    Array(count).fill(options),
    {
      onEvents: take,
      onRestarted: (ids) => {
        for (const id of ids) tokens.delete(id);
      },
      onRefused: (id, error) => refused.set(id, error.message),
      onWorkerFailed: ({ index, failure }) => failures.push(`${index} at ${failure?.step}`),
      onBroken: (error) => failures.push(error.message),
    },
    async (_, handlers) => {
      const faultAtStep = faults[engines.length] ?? 0;
      const answers = lengths.map(({ answer }) => answer);
      const own = { ...terms, answers, ...(faultAtStep > 0 ? { faultAtStep } : {}) };
      engines.push(new SimulatedEngine(timeline, own, handlers));
      return engines.at(-1)!;
    },
  );
  return { engines, dispatcher, timeline, finished, tokens, refused, failures };
}

function makespan(engines: readonly SimulatedEngine[]): number {
  return Math.max(...engines.map(({ lastNs }) => lastNs));
}

/** Engines that take from one queue, nothing bound before its turn and nothing late. */
function idealMakespan(
  count: number,
  terms: Omit<EngineTerms, 'answers'>,
  lengths: readonly Lengths[],
): number {
  const timeline = new Timeline();
  const inbox = requestsOf(lengths);
  const answers = lengths.map(({ answer }) => answer);
  const own = { ...terms, delayNs: 0, answers };
  const engines = Array.from(
    { length: count },
    () => new SimulatedEngine(timeline, own, { onEvents: () => {} }, inbox),
  );
  for (const engine of engines) engine.wake();
  timeline.run();
  return makespan(engines);
}

/** Each worker its share of the query from the start. */
function halvesMakespan(
  count: number,
  terms: Omit<EngineTerms, 'answers'>,
  lengths: readonly Lengths[],
): number {
  const share = Math.ceil(lengths.length / count);
  const parts = Array.from({ length: count }, (_, at) =>
    lengths.slice(at * share, (at + 1) * share),
  );
  return Math.max(...parts.map((part) => idealMakespan(1, terms, part)));
}

/** Uniform on (0, 1), the same in every run. */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (1_103_515_245 * state + 12_345) % 2 ** 31;
    return (state + 0.5) / 2 ** 31;
  };
}

function lognormal(count: number, seed = 1): Lengths[] {
  const draw = draws(seed);
  const normal = () => Math.sqrt(-2 * Math.log(draw())) * Math.cos(2 * Math.PI * draw());
  const length = (median: number, sigma: number) =>
    Math.min(mostTokens, Math.max(2, Math.round(median * Math.exp(sigma * normal()))));
  return Array.from({ length: count }, () => ({ prompt: length(200, 1), answer: length(120, 1) }));
}

const skews: Readonly<Record<string, (count: number) => Lengths[]>> = {
  lognormal: (count) => lognormal(count),
  'one giant in the middle': (count) =>
    Array.from({ length: count }, (_, at) =>
      at === count / 2 ? { prompt: 1500, answer: mostTokens } : { prompt: 100, answer: 40 },
    ),
  'one giant at the end': (count) =>
    Array.from({ length: count }, (_, at) =>
      at === count - 1 ? { prompt: 1500, answer: mostTokens } : { prompt: 100, answer: 40 },
    ),
  'sorted, longest first': (count) => lognormal(count).sort((a, b) => b.answer - a.answer),
  'sorted, longest last': (count) => lognormal(count).sort((a, b) => a.answer - b.answer),
  'long and short in turns': (count) =>
    Array.from({ length: count }, (_, at) =>
      at % 2 === 0 ? { prompt: 800, answer: 600 } : { prompt: 20, answer: 4 },
    ),
};

describe('an Offline query over several workers', () => {
  it.each(Object.keys(skews))(
    'takes no more than a tenth longer than the ideal split: %s',
    async (name) => {
      for (const [count, size] of [
        [2, 600],
        [4, 600],
        [2, 200],
      ] as const) {
        const lengths = skews[name]!(size);
        const { engines, dispatcher, timeline, finished } = await simulate(count, gpu, lengths);
        dispatcher.submit(requestsOf(lengths));
        timeline.run();
        expect(finished.size).toBe(size);
        for (const [id, { times, tokens }] of finished) {
          expect({ times, tokens }).toEqual({ times: 1, tokens: lengths[id]!.answer });
        }
        const ideal = idealMakespan(count, gpu, lengths);
        expect(makespan(engines) / ideal, `${count} workers, ${size} samples`).toBeLessThan(1.1);
        // Limits that are the lengths, as those of synthetic rows are, gain nothing that a limit of all would lose.
        const known = await simulate(count, gpu, lengths);
        known.dispatcher.submit(requestsOf(lengths, true));
        known.timeline.run();
        const gain = makespan(engines) / makespan(known.engines);
        expect(Math.abs(gain - 1), `${count} workers, ${size} samples`).toBeLessThan(0.02);
      }
    },
  );

  it('is not split into halves, which sorted lengths make a third slower', async () => {
    const lengths = skews['sorted, longest first']!(1000);
    const ideal = idealMakespan(2, gpu, lengths);
    expect(halvesMakespan(2, gpu, lengths) / ideal).toBeGreaterThan(1.33);
  });

  it('keeps batches full over pauses of the event loop', async () => {
    // Half a batch is over in 40 steps of a millisecond.
    const fast = { ...gpu, stepNs: 1e6, tokenNs: 0, delayNs: 15e6, maxStepTokens: 8192 };
    const lengths = Array.from({ length: 2000 }, () => ({ prompt: 20, answer: 80 }));
    const { engines, dispatcher, timeline } = await simulate(2, fast, lengths);
    dispatcher.submit(requestsOf(lengths));
    timeline.run();
    expect(makespan(engines) / idealMakespan(2, fast, lengths)).toBeLessThan(1.05);
  });

  it('gives what waits in one reserve to a worker that is idle, each to one', async () => {
    // Nobody knows that every other of the first answers is short: the reserve of one worker outlasts the other's.
    const small = { ...gpu, maxBatch: 8, delayNs: 0 };
    const lengths = Array.from({ length: 24 }, (_, at) =>
      at < 16 && at % 2 === 1 ? { prompt: 10, answer: 2 } : { prompt: 10, answer: 400 },
    );
    const { engines, dispatcher, timeline, finished } = await simulate(2, small, lengths);
    dispatcher.submit(requestsOf(lengths));
    timeline.run();
    expect([...finished.values()].every(({ times }) => times === 1)).toBe(true);
    expect(finished.size).toBe(24);
    const moved = engines.reduce((sum, { recalled }) => sum + recalled, 0);
    expect(moved).toBeGreaterThan(0);
    expect(engines.reduce((sum, { submitted }) => sum + submitted, 0)).toBe(24 + moved);
    expect(makespan(engines) / idealMakespan(2, small, lengths)).toBeLessThan(1.1);
  });
});

describe('the worker with the fewest tokens outstanding', () => {
  it('is chosen by tokens, not by requests', async () => {
    const lengths = skews['long and short in turns']!(40);
    const { dispatcher } = await simulate(2, gpu, lengths);
    dispatcher.submit(requestsOf(lengths, true));
    const [first, second] = dispatcher.workers.map((worker) => worker.outstandingTokens);
    // In turns by requests one would have 28,000 and the other 480.
    expect(Math.abs(first! - second!)).toBeLessThanOrEqual(1400);
    const jobs = dispatcher.workers.map((worker) => worker.jobs);
    expect(jobs[0]! + jobs[1]!).toBe(40);
  });

  it('is what is left of a request: its prompt until the first token, then the tokens to come', async () => {
    const lengths = [{ prompt: 100, answer: 10 }];
    const { dispatcher, timeline } = await simulate(2, gpu, lengths);
    dispatcher.submit(requestsOf(lengths, true));
    const worker = dispatcher.workers[0]!;
    expect(worker.outstandingTokens).toBe(110);
    const seen = new Set<number>();
    const watch = () => {
      seen.add(worker.outstandingTokens);
      if (worker.jobs > 0) timeline.at(timeline.nowNs + 1e6, watch);
    };
    timeline.at(0, watch);
    timeline.run();
    expect([...seen]).toEqual([110, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it('is expected to answer as long as answers were so far', async () => {
    const lengths = Array.from({ length: 11 }, () => ({ prompt: 10, answer: 50 }));
    const { dispatcher, timeline } = await simulate(2, gpu, lengths);
    const requests = requestsOf(lengths);
    dispatcher.submit(requests.slice(0, 1));
    expect(dispatcher.workers[0]!.outstandingTokens).toBe(10 + mostTokens);
    timeline.run();
    dispatcher.submit(requests.slice(1));
    const outstanding = dispatcher.workers.map((worker) => worker.outstandingTokens);
    expect(outstanding).toEqual([300, 300]);
  });

  it('is the next in turn where several have as few', async () => {
    const lengths = Array.from({ length: 9 }, () => ({ prompt: 10, answer: 5 }));
    const { engines, dispatcher, timeline, finished } = await simulate(3, gpu, lengths);
    // One a second: each finds all workers idle.
    for (const [at, request] of requestsOf(lengths).entries()) {
      timeline.at(at * 1e9, () => dispatcher.submit([request]));
    }
    timeline.run();
    expect(finished.size).toBe(9);
    expect(engines.map(({ submitted }) => submitted)).toEqual([3, 3, 3]);
  });

  it('has a place in its batch, where another has none and less to do', async () => {
    const short = Array.from({ length: 64 }, () => ({ prompt: 2, answer: 2 }));
    const { dispatcher } = await simulate(2, { ...gpu, maxBatch: 32 }, short);
    const requests = requestsOf([...short, { prompt: 2, answer: 2 }], true);
    const long = { ...requests[0]!, id: 1000, maxNewTokens: 1500, minNewTokens: 1500 };
    dispatcher.submit([long]);
    dispatcher.submit(requests.slice(0, 32));
    expect(dispatcher.workers.map((worker) => worker.jobs)).toEqual([1, 32]);
    dispatcher.submit(requests.slice(32, 33));
    expect(dispatcher.workers.map((worker) => worker.jobs)).toEqual([2, 32]);
  });
});

describe('Server queries', () => {
  it('reach an engine within the call, and wait centrally only where every reserve is full', async () => {
    const lengths = Array.from({ length: 500 }, () => ({ prompt: 10, answer: 20 }));
    const { engines, dispatcher, timeline, finished } = await simulate(2, gpu, lengths);
    const requests = requestsOf(lengths);
    for (let at = 0; at < 192; at++) {
      dispatcher.submit([requests[at]!]);
      expect(engines[0]!.submitted + engines[1]!.submitted).toBe(at + 1);
    }
    dispatcher.submit(requests.slice(192));
    // A batch and half a batch each.
    expect(engines[0]!.submitted + engines[1]!.submitted).toBe(192);
    expect(dispatcher.waiting).toBe(308);
    timeline.run();
    expect(finished.size).toBe(500);
  });

  it('are given up together: those that wait, those under way, and their later news', async () => {
    const lengths = Array.from({ length: 300 }, () => ({ prompt: 10, answer: 200 }));
    const { dispatcher, timeline, finished, tokens: heard } = await simulate(2, gpu, lengths);
    const requests = requestsOf(lengths);
    dispatcher.submit(requests);
    timeline.at(100e6, () => {
      dispatcher.cancel(requests.map(({ id }) => id));
      heard.clear();
      expect(dispatcher.waiting).toBe(0);
      expect(dispatcher.workers.map((worker) => worker.outstandingTokens)).toEqual([0, 0]);
      // The same ids again: no news of the old ones is taken for theirs.
      dispatcher.submit(requests.slice(0, 10));
    });
    timeline.run();
    expect([...finished.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const { times, tokens } of finished.values()) {
      expect({ times, tokens }).toEqual({ times: 1, tokens: 200 });
    }
  });
});

describe('requests that are given up', () => {
  const small = { maxBatch: 4, maxStepTokens: 512, stepNs: 4e6, tokenNs: 0, delayNs: 5e6 };
  const fifty = (count: number) => Array.from({ length: count }, () => ({ prompt: 2, answer: 50 }));

  // Broken at 45 ms, which is heard at 50.
  it.each([
    { faults: [10], left: 1 },
    { faults: [0, 10], left: 1 },
    { faults: [10, 10], left: 1 },
    { faults: [10, 10], left: 0 },
  ])(
    'stay so where an engine has broken unheard: $faults, $left more under way',
    async ({ faults, left }) => {
      const count = 3;
      const lengths = fifty(4 * count);
      const all = await simulate(count, small, lengths, faults);
      const { engines, dispatcher, timeline, finished, tokens, refused, failures } = all;
      const requests = requestsOf(lengths, true);
      dispatcher.submit(requests);
      const given = () => engines.reduce((sum, { submitted }) => sum + submitted, 0);
      timeline.at(47e6, () => {
        const before = given();
        const meant = requests.slice(count * left).map(({ id }) => id);
        for (const id of meant) tokens.delete(id);
        dispatcher.cancel(meant);
        const broken = faults.filter((step) => step > 0).length;
        expect(failures).toHaveLength(broken);
        expect(dispatcher.waiting).toBe(0);
        expect(dispatcher.workers.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(count * left);
        // Only what nobody gave up is given to others.
        expect(given() - before).toBe(broken * left);
      });
      timeline.run();
      expect(refused.size).toBe(0);
      expect([...tokens.keys()].every((id) => id < count * left)).toBe(true);
      expect([...finished.values()]).toEqual(Array(count * left).fill({ times: 1, tokens: 50 }));
    },
  );

  it('make room for those that wait', async () => {
    const lengths = fifty(60);
    const { dispatcher, timeline, finished } = await simulate(2, small, lengths);
    const requests = requestsOf(lengths, true);
    dispatcher.submit(requests);
    const under = 60 - dispatcher.waiting;
    timeline.at(47e6, () => dispatcher.cancel(requests.slice(0, under).map(({ id }) => id)));
    timeline.run();
    expect(dispatcher.waiting).toBe(0);
    expect(finished.size).toBe(60 - under);
  });
});

describe('a worker that fails', () => {
  it('leaves its requests to the others, each answered once and from its start', async () => {
    const small = { ...gpu, maxBatch: 8, delayNs: 1.2 * gpu.stepNs };
    const lengths = lognormal(200).map(({ answer }) => ({ prompt: 8, answer: 2 + (answer % 40) }));
    // Its last news is heard when it is broken already, and may have answers that end: then it is asked for more.
    for (let step = 1; step < 60; step++) {
      const { dispatcher, timeline, finished, failures, refused } = await simulate(
        3,
        small,
        lengths,
        [0, step],
      );
      dispatcher.submit(requestsOf(lengths));
      timeline.run();
      expect(failures).toEqual([`1 at ${step}`]);
      expect(refused.size).toBe(0);
      expect(finished.size).toBe(200);
      for (const [id, { times, tokens }] of finished) {
        expect({ id, times, tokens }).toEqual({ id, times: 1, tokens: lengths[id]!.answer });
      }
      const [, failed] = dispatcher.workers;
      expect(failed!.failure).toMatchObject({ step, message: 'a simulated fault' });
      expect(failed!.failure!.resent).toBeGreaterThan(0);
      expect(dispatcher.workers.reduce((sum, { samples }) => sum + samples, 0)).toBe(200);
    }
  });

  it('weighs nothing any more: its late result gives way to that of the worker that has the job', async () => {
    const { dispatcher, engines } = await simulate(2, gpu, []);
    const results: ((logProb: number) => void)[] = [];
    for (const [at, engine] of engines.entries()) {
      const weigh = vi.spyOn(engine, 'score') as unknown as MockInstance<() => Promise<unknown>>;
      weigh.mockImplementation(
        () => new Promise((resolve) => (results[at] = (logProb) => resolve([logProb]))),
      );
    }
    const request = { promptTokens: new Int32Array(4), continuations: [new Int32Array(2)] };
    const score = dispatcher.score([request]);
    const [first, second] = dispatcher.workers;
    engines[0]!.handlers.onBroken?.(new NativeError('ERR_ENGINE_BROKEN', 'a simulated fault'));
    results[0]!(-1);
    await Promise.resolve();
    results[1]!(-2);
    expect(await score).toEqual([-2]);
    expect([first!.samples, second!.samples]).toEqual([0, 1]);
  });

  it('refuses what is left where all have failed, by name, and what is asked later', async () => {
    const lengths = lognormal(1000);
    const { dispatcher, timeline, finished, failures, refused } = await simulate(
      2,
      gpu,
      lengths,
      [100, 50],
    );
    const requests = requestsOf(lengths);
    dispatcher.submit(requests);
    timeline.run();
    const end =
      'no worker is left: worker 0 (cpu) failed at step 100: a simulated fault; worker 1 (cpu) failed at step 50: a simulated fault';
    expect(failures).toEqual(['1 at 50', '0 at 100', end]);
    expect(finished.size + refused.size).toBe(1000);
    expect([...refused.keys()].some((id) => finished.has(id))).toBe(false);
    dispatcher.submit([{ ...requests[0]!, id: 5000 }]);
    expect(refused.get(5000)).toBe(end);
  });
});
