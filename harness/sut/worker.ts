// What is one worker given, and what is left of it? An engine on its own device or devices, with the jobs it has not
// finished, its figures of the test, and how it failed. Which worker gets which job is dispatcher.ts's business.

import {
  type Engine,
  type EngineHandlers,
  type EngineOptions,
  type EngineStats,
  type EventBatch,
  eventStatus,
  type NativeError,
  type ScoreResult,
} from '../../native/index.js';
import { messageOf } from '../errors.js';
import { devicesOf, type WorkerOptions } from '../worker-options.js';
import type { GenerationJob, Job, ScoringJob } from './job.js';
import { isBroken, nameWorker, readFailure, type WorkerFailure } from './worker-failure.js';

/** What a worker asks of an engine. */
export type WorkerEngine = Pick<
  Engine,
  | 'info'
  | 'stats'
  | 'submit'
  | 'cancel'
  | 'score'
  | 'startProfile'
  | 'profile'
  | 'failNextStep'
  | 'close'
>;
export type OpenEngine = (
  options: EngineOptions,
  handlers: EngineHandlers,
) => Promise<WorkerEngine>;

const maxTicket = 2 ** 31 - 1;

/** A job under way; `left` are the tokens still to be computed, as far as that can be told. */
interface Flight {
  readonly job: Job;
  tokens: number;
  left: number;
}

export class Worker {
  readonly devices: readonly string[];
  readonly maxBatch: number;
  failure: WorkerFailure | null = null;
  isClosing = false;
  /** Places of a batch that its jobs take, those waiting for one included. */
  sequences = 0;
  /** Tokens it has still to compute, as far as that can be told. */
  outstandingTokens = 0;
  /** Jobs finished since the test began. */
  samples = 0;
  /** The engine's counters when the test began. */
  before: EngineStats;
  readonly #flights = new Map<number, Flight>();
  #given: { readonly ticket: number; readonly job: GenerationJob }[] = [];
  #nextTicket = 0;

  constructor(
    readonly index: number,
    readonly options: WorkerOptions,
    readonly engine: WorkerEngine,
  ) {
    this.devices = devicesOf(options);
    this.maxBatch = options.maxBatch;
    this.before = engine.stats();
  }

  /** "worker 1 (cuda:1)" */
  get name(): string {
    return nameWorker(this.index, this.options);
  }

  get jobs(): number {
    return this.#flights.size;
  }

  beginTest(): void {
    this.before = this.engine.stats();
    this.samples = 0;
  }

  /** Whether a batch has places for it; `more` beyond those of a batch may be waited for. */
  hasRoom({ sequences }: Job, more: number): boolean {
    return this.sequences === 0 || this.sequences + sequences <= this.maxBatch + more;
  }

  /** Counts the job as its own, under the number returned; a generation goes to the engine with the next flush. */
  take(job: Job): number {
    const ticket = this.#nextTicket;
    this.#nextTicket = ticket === maxTicket ? 0 : ticket + 1;
    const left = job.promptTokens + job.newTokens;
    this.#flights.set(ticket, { job, tokens: 0, left });
    this.sequences += job.sequences;
    this.outstandingTokens += left;
    if (job.kind === 'generation') this.#given.push({ ticket, job });
    return ticket;
  }

  /**
   * Gives the engine what was taken. One that the engine refuses is let go of and told.
   * @throws NativeError when the engine is broken.
   */
  flush(onRefused: (job: GenerationJob, error: Error) => void): void {
    if (this.#given.length === 0) return;
    const given = this.#given;
    this.#given = [];
    const requests = given.map(({ ticket, job }) => ({ ...job.request, id: ticket }));
    try {
      this.engine.submit(requests);
      return;
    } catch (error) {
      if (isBroken(error)) throw error;
    }
    // All or none are taken: one by one, so that only those are refused which the engine refuses.
    for (const [at, { ticket, job }] of given.entries()) {
      try {
        this.engine.submit([requests[at]!]);
      } catch (error) {
        if (isBroken(error)) throw error;
        this.#release(ticket);
        const message = messageOf(error).replace(`request ${ticket}`, `request ${job.request.id}`);
        onRefused(job, new Error(message, { cause: error }));
      }
    }
  }

  /** Whether the job of this number is still its own. */
  owns(ticket: number): boolean {
    return this.#flights.has(ticket);
  }

  /** @throws NativeError; where the engine is broken, `isBroken` tells. */
  score(job: ScoringJob): Promise<ScoreResult[]> {
    return this.engine.score(job.requests);
  }

  finish(ticket: number): void {
    if (this.#release(ticket) !== undefined) this.samples++;
  }

  /** Lets go of a job that has failed. */
  drop(ticket: number): void {
    this.#release(ticket);
  }

  /**
   * Takes in one step's news and returns it with the callers' ids; events of jobs that are no longer its own are left
   * out. `brokenBy` is why the engine is broken, where an event tells that it is: what it has not finished is then still
   * its own. `ended` are the answers that came to an end, by their tokens.
   */
  takeEvents(batch: EventBatch): {
    readonly news: EventBatch;
    readonly brokenBy: NativeError | null;
    readonly ended: readonly number[];
  } {
    const ids = new Int32Array(batch.requestIds.length);
    const kept: number[] = [];
    const ended: number[] = [];
    let brokenBy: NativeError | null = null;
    for (const [at, ticket] of batch.requestIds.entries()) {
      const flight = this.#flights.get(ticket);
      if (flight?.job.kind !== 'generation') continue;
      const status = batch.statuses[at]!;
      // A request fails alone where its logits are not finite, and with all others where the engine broke.
      if (status === eventStatus.failed && !this.isClosing) brokenBy = this.#findBreak();
      if (brokenBy !== null) break;
      ids[kept.length] = flight.job.request.id;
      kept.push(at);
      this.#count(flight, batch.tokens[at]! >= 0);
      if (status === eventStatus.running) continue;
      if (status === eventStatus.stop || status === eventStatus.length) {
        ended.push(flight.tokens);
        this.samples++;
      }
      this.#release(ticket);
    }
    return { news: pick(batch, ids, kept), brokenBy, ended };
  }

  close(): Promise<void> {
    this.isClosing = true;
    return this.engine.close();
  }

  /** Why the engine takes nothing any more; null where it does. */
  #findBreak(): NativeError | null {
    try {
      this.engine.cancel(new Int32Array(0));
      return null;
    } catch (error) {
      if (isBroken(error)) return error;
      throw error;
    }
  }

  /** Lets go of those generations whose callers' ids are among these, and returns their numbers, for its engine. */
  giveUp(ids: ReadonlySet<number>): Int32Array {
    const tickets = [...this.#flights].flatMap(([ticket, { job }]) =>
      job.kind === 'generation' && ids.has(job.request.id) ? [ticket] : [],
    );
    for (const ticket of tickets) this.#release(ticket);
    return Int32Array.from(tickets);
  }

  /**
   * Takes back the newest generation that cannot have begun, for another worker; null where all may have.
   * @throws NativeError when the engine is broken.
   */
  recall(): GenerationJob | null {
    if (this.sequences <= this.maxBatch) return null;
    for (const [ticket, { job, tokens }] of [...this.#flights].reverse()) {
      if (job.kind !== 'generation' || tokens > 0) continue;
      this.engine.cancel(Int32Array.of(ticket));
      // Should it have begun all the same, its events are no longer of a job of this worker's.
      this.#release(ticket);
      return job;
    }
    return null;
  }

  /**
   * Ends its part; returns what it had not finished, in the order it was given, with the tokens that were out.
   * @param isLast nobody is left to be given it
   */
  fail(error: Error, isLast: boolean): readonly { readonly job: Job; readonly tokens: number }[] {
    const left = [...this.#flights.values()];
    this.failure = readFailure(error, isLast ? 0 : left.length);
    this.#flights.clear();
    this.#given = [];
    this.sequences = 0;
    this.outstandingTokens = 0;
    return left;
  }

  #release(ticket: number): Flight | undefined {
    const flight = this.#flights.get(ticket);
    if (flight === undefined) return undefined;
    this.#flights.delete(ticket);
    // Taken and let go of between two flushes, it is nothing to give the engine.
    if (this.#given.length > 0) this.#given = this.#given.filter((one) => one.ticket !== ticket);
    this.sequences -= flight.job.sequences;
    this.outstandingTokens -= flight.left;
    return flight;
  }

  /** A running answer has one token left at least; its prompt is read when its first token is there. */
  #count(flight: Flight, hasToken: boolean): void {
    if (!hasToken) return;
    flight.tokens++;
    const left = Math.max(1, flight.job.newTokens - flight.tokens);
    this.outstandingTokens += left - flight.left;
    flight.left = left;
  }
}

function pick(batch: EventBatch, ids: Int32Array, kept: readonly number[]): EventBatch {
  const requestIds = ids.subarray(0, kept.length);
  if (kept.length === batch.requestIds.length) return { ...batch, requestIds };
  return {
    requestIds,
    tokens: Int32Array.from(kept, (at) => batch.tokens[at]!),
    tokenCounts: Int32Array.from(kept, (at) => batch.tokenCounts[at]!),
    statuses: Uint8Array.from(kept, (at) => batch.statuses[at]!),
    timestampNs: batch.timestampNs,
  };
}
