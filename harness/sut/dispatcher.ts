// Which worker computes what? Takes requests as one engine does and gives each to the worker with the fewest tokens
// outstanding. A worker holds a batch and a reserve; what is beyond that waits here and is bound late. What a failed worker
// had not finished is sent to the others from its start.

import {
  Engine,
  type EngineProfile,
  type EventBatch,
  type GenerateRequest,
  type ScoreRequest,
  type ScoreResult,
} from '../../native/index.js';
import type { WorkerOptions } from '../worker-options.js';
import { type Job, JobQueue, makeGeneration, makeScoring } from './job.js';
import { asLoadError } from './load-error.js';
import { chooseWorker, findLevelling, isWorking } from './placement.js';
import { type OpenEngine, Worker } from './worker.js';
import { describeFailure, isBroken, nameWorker } from './worker-failure.js';

export interface DispatchHandlers {
  /** One call a step of a worker that had news. */
  onEvents(batch: EventBatch): void;
  /** The worker of these requests failed: another begins them anew, and the tokens they had do not count. */
  onRestarted(ids: readonly number[]): void;
  /** No worker takes the request. */
  onRefused(id: number, error: Error): void;
  /** A worker failed; the others go on, unless onBroken is called next. */
  onWorkerFailed(worker: Worker): void;
  /** No worker is left. What is unfinished is refused next. */
  onBroken(error: Error): void;
}

export class Dispatcher {
  readonly workers: readonly Worker[];
  readonly #handlers: DispatchHandlers;
  readonly #queue = new JobQueue();
  #finished = { answers: 0, tokens: 0 };
  /** Index of the worker that was given the last job. */
  #last = -1;
  #brokenBy: Error | null = null;
  #isClosed = false;

  private constructor(workers: readonly Worker[], handlers: DispatchHandlers) {
    this.workers = workers;
    this.#handlers = handlers;
  }

  /**
   * Loads one worker after the other: each plans its memory by what those before have left, the files of the first are in
   * the page cache for the next, and none slows down what another times while it loads.
   * @throws InputError when an engine refuses the model or its options, SystemUnderTestError when it is broken; by the
   * worker's name where there are several. None stays loaded then.
   */
  static async load(
    all: readonly WorkerOptions[],
    handlers: DispatchHandlers,
    open: OpenEngine = Engine.load,
  ): Promise<Dispatcher> {
    let dispatcher: Dispatcher | undefined;
    const workers: Worker[] = [];
    for (const [index, options] of all.entries()) {
      try {
        const engine = await open(options, {
          onEvents: (batch) => dispatcher?.takeEvents(index, batch),
          onBroken: (error) => dispatcher?.fail(workers[index]!, error),
        });
        workers.push(new Worker(index, options, engine));
      } catch (error) {
        await Promise.all(workers.map((worker) => worker.close()));
        const name = all.length === 1 ? null : nameWorker(index, options);
        throw asLoadError(error, options.modelPath, name);
      }
    }
    dispatcher = new Dispatcher(workers, handlers);
    return dispatcher;
  }

  /** Requests that wait here for a worker. */
  get waiting(): number {
    return this.#queue.length;
  }

  beginTest(): void {
    for (const worker of this.workers) worker.beginTest();
  }

  /** Each is answered by events, or refused. */
  submit(requests: readonly GenerateRequest[]): void {
    const { answers, tokens } = this.#finished;
    const mean = answers === 0 ? null : tokens / answers;
    for (const request of requests) this.#queue.push(makeGeneration(request, mean));
    this.#place();
  }

  /** One result a request, in order, all by one worker. */
  score(requests: readonly ScoreRequest[]): Promise<readonly ScoreResult[]> {
    return new Promise((finish, fail) => {
      this.#queue.push(makeScoring(requests, { finish, fail }));
      this.#place();
    });
  }

  /** Nothing more is heard of these; ids that are not under way are ignored. */
  cancel(ids: readonly number[]): void {
    const meant = new Set(ids);
    this.#queue.remove((job) => job.kind === 'generation' && meant.has(job.request.id));
    // Every worker lets go of them before an engine is told: of one that proves broken then, the others get what it has left.
    const known = this.#working().map((worker) => ({ worker, tickets: worker.giveUp(meant) }));
    const held = known.filter(({ tickets }) => tickets.length > 0);
    for (const { worker, tickets } of held) {
      try {
        worker.engine.cancel(tickets);
      } catch (error) {
        if (!isBroken(error)) throw error;
        this.fail(worker, error);
      }
    }
    if (held.length > 0) this.#place();
  }

  /** For tests: the worker's next step fails as its options say. */
  failNextStep(index: number): void {
    const worker = this.workers[index]!;
    if (!isWorking(worker)) return;
    try {
      worker.engine.failNextStep();
    } catch (error) {
      if (!isBroken(error)) throw error;
      this.fail(worker, error);
    }
  }

  /** Of the first worker: its kernels are those of all. */
  startProfile(steps: number, firstStep: number): void {
    this.workers[0]!.engine.startProfile(steps, firstStep);
  }

  profile(): EngineProfile | null {
    return this.workers[0]!.engine.profile();
  }

  /** Ends what is unfinished: a generation by an event or as refused, a score by its rejection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#refuseAll(closedError());
    await Promise.all(this.workers.map((worker) => worker.close()));
  }

  #working(): Worker[] {
    return this.workers.filter(isWorking);
  }

  /**
   * An engine's door: one step's news. It is passed on before new work is given out, since the engine may prove broken then
   * and what it had begun is begun anew.
   */
  private takeEvents(index: number, batch: EventBatch): void {
    const worker = this.workers[index]!;
    const { news, brokenBy, ended } = worker.takeEvents(batch);
    for (const tokens of ended) {
      this.#finished.answers++;
      this.#finished.tokens += tokens;
    }
    if (news.requestIds.length > 0) this.#handlers.onEvents(news);
    if (brokenBy !== null) this.fail(worker, brokenBy);
    if (ended.length > 0) this.#place();
  }

  /** An engine's door: it broke. Heard of again, nothing is done. */
  private fail(worker: Worker, error: Error): void {
    if (worker.failure !== null || this.#isClosed) return;
    const isLast = this.#working().length === 1;
    const left = worker.fail(error, isLast);
    this.#handlers.onWorkerFailed(worker);
    this.#queue.putBack(left.map(({ job }) => job));
    if (isLast) {
      this.#brokenBy = this.#describeEnd(error);
      this.#handlers.onBroken(this.#brokenBy);
      this.#refuseAll(this.#brokenBy);
      return;
    }
    const begun = left.flatMap(({ job, tokens }) =>
      job.kind === 'generation' && tokens > 0 ? [job.request.id] : [],
    );
    if (begun.length > 0) this.#handlers.onRestarted(begun);
    this.#place();
  }

  #describeEnd(last: Error): Error {
    if (this.workers.length === 1) return last;
    const each = this.workers.map((worker) => describeFailure(worker, worker.failure!));
    return new Error(`no worker is left: ${each.join('; ')}`, { cause: last });
  }

  #refuseAll(error: Error): void {
    for (const job of this.#queue.remove(() => true)) this.#refuse(job, error);
  }

  #refuse(job: Job, error: Error): void {
    if (job.kind === 'scoring') job.fail(error);
    else this.#handlers.onRefused(job.request.id, error);
  }

  /** Gives out what waits as far as there is room, and evens out what a worker has beyond its batch. */
  #place(): void {
    const end = this.#isClosed ? closedError() : this.#brokenBy;
    if (end !== null) {
      this.#refuseAll(end);
      return;
    }
    for (;;) {
      const job = this.#queue.peek();
      const worker =
        job === undefined ? this.#levelOne() : chooseWorker(job, this.workers, this.#last);
      if (worker === null) break;
      if (job !== undefined) this.#give(this.#queue.shift()!, worker);
    }
    for (const worker of this.#working()) this.#flush(worker);
  }

  #give(job: Job, worker: Worker): void {
    const ticket = worker.take(job);
    this.#last = worker.index;
    if (job.kind === 'scoring') void this.#score(job, worker, ticket);
  }

  #flush(worker: Worker): void {
    try {
      worker.flush((job, error) => this.#refuse(job, error));
    } catch (error) {
      if (!isBroken(error)) throw error;
      this.fail(worker, error);
    }
  }

  /** Where nothing waits: moves a job from a reserve to a worker with a place in its batch; null where there is none. */
  #levelOne(): Worker | null {
    const { idle, donors } = findLevelling(this.#working(), this.#last);
    if (idle === null) return null;
    for (const worker of donors) {
      try {
        const job = worker.recall();
        if (job === null) continue;
        this.#give(job, idle);
        return idle;
      } catch (error) {
        if (!isBroken(error)) throw error;
        this.fail(worker, error);
        return null;
      }
    }
    return null;
  }

  async #score(job: Extract<Job, { kind: 'scoring' }>, worker: Worker, ticket: number) {
    try {
      const results = await worker.score(job);
      if (!worker.owns(ticket)) return;
      worker.finish(ticket);
      job.finish(results);
    } catch (error) {
      // Of a worker that has failed, another has the job.
      if (!worker.owns(ticket)) return;
      if (isBroken(error) && !this.#isClosed) return this.fail(worker, error);
      worker.drop(ticket);
      job.fail(error as Error);
    }
    this.#place();
  }
}

function closedError(): Error {
  return new Error('the engine was closed');
}
