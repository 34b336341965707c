// How does the engine answer items? Keeps its workers full with calls of score() and with generations, and ends a generation at its
// stop strings. What answers mean is judge.ts's business.

import { type EngineInfo, type EventBatch, eventStatus } from '../../native/index.js';
import { SystemUnderTestError } from '../errors.js';
import { Dispatcher } from '../sut/dispatcher.js';
import { describeFailure } from '../sut/worker-failure.js';
import type { WorkerOptions } from '../worker-options.js';
import type { Weighed } from './judge.js';
import { shareRequests } from './score-requests.js';
import type { TextEncoder } from './text-encoder.js';
import type { TokenRequest } from './token-requests.js';

export interface Generation {
  readonly prompt: Int32Array;
  readonly maxNewTokens: number;
  readonly stopTokens: Int32Array;
  readonly stops: readonly string[];
}

interface Flight {
  readonly stops: readonly string[];
  readonly tokens: number[];
  readonly finish: (text: string) => void;
  readonly fail: (error: Error) => void;
}

/** No stop string is longer than what so many tokens write: each writes a byte at least. */
const tailTokens = 32;

export class EvalEngine {
  readonly #encoder: TextEncoder;
  readonly #flights = new Map<number, Flight>();
  /** Workers that failed, one sentence each: the others have taken over what they had not answered. */
  readonly remarks: string[] = [];
  #engine!: Dispatcher;
  #nextId = 0;
  /** What ended the engine before it was closed. */
  brokenBy: Error | null = null;
  isClosed = false;

  private constructor(encoder: TextEncoder) {
    this.#encoder = encoder;
  }

  /**
   * @param note hears at once what becomes a remark
   * @throws InputError when an engine refuses the model or its options, SystemUnderTestError when it is broken.
   */
  static async load(
    workers: readonly WorkerOptions[],
    encoder: TextEncoder,
    note: (remark: string) => void = () => {},
  ): Promise<EvalEngine> {
    const made = new EvalEngine(encoder);
    made.#engine = await Dispatcher.load(workers, {
      onEvents: (batch) => made.takeEvents(batch),
      onRestarted: (ids) => made.restart(ids),
      onRefused: (id, error) => made.refuse(id, error),
      onWorkerFailed: (worker) => {
        const { resent } = worker.failure!;
        made.remarks.push(
          `${describeFailure(worker, worker.failure!)}; ${resent} unfinished requests were sent again to the others`,
        );
        note(made.remarks.at(-1)!);
      },
      onBroken: (error) => {
        made.brokenBy = new SystemUnderTestError(error.message, { cause: error });
      },
    });
    return made;
  }

  get info(): EngineInfo {
    return this.#engine.workers[0]!.engine.info;
  }

  /** One answer a text, item by item. Rejects with a NativeError, also when the engine is closed before. */
  async weigh(items: readonly (readonly TokenRequest[])[]): Promise<Weighed[][]> {
    const { requests, places } = shareRequests(items.flat());
    const results = await this.#engine.score(requests);
    const weighed = places.map(({ request, at }) => ({
      logProb: results[request]!.logProbs[at]!,
      isGreedy: results[request]!.isGreedy[at] === 1,
    }));
    let end = 0;
    return items.map(({ length }) => {
      end += length;
      return weighed.slice(end - length, end);
    });
  }

  /** Greedy text up to the first stop string, which may be in it with a few tokens more. Rejects as weigh() does. */
  generate({ prompt, maxNewTokens, stopTokens, stops }: Generation): Promise<string> {
    const id = this.#nextId++;
    return new Promise((finish, fail) => {
      this.#flights.set(id, { stops, tokens: [], finish, fail });
      this.#engine.submit([
        {
          id,
          promptTokens: prompt,
          maxNewTokens,
          minNewTokens: 0,
          stopTokens,
          temperature: 0,
          topK: 0,
          topP: 1,
          seed: 0n,
        },
      ]);
    });
  }

  /** Ends what is unfinished, whose promises are rejected, after the step under way; a second call waits for the first. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.#engine.close();
  }

  /** The dispatcher's door: one step's news. */
  private takeEvents(batch: EventBatch): void {
    const stopped: number[] = [];
    for (const [position, id] of batch.requestIds.entries()) {
      const flight = this.#flights.get(id);
      if (flight === undefined) continue;
      const token = batch.tokens[position]!;
      if (token >= 0) flight.tokens.push(token);
      const status = batch.statuses[position]!;
      if (status === eventStatus.running && !this.hasStop(flight)) continue;
      this.#flights.delete(id);
      if (status === eventStatus.running) stopped.push(id);
      if (status === eventStatus.failed) {
        flight.fail(new Error(`after ${flight.tokens.length} tokens its logits are not finite`));
      } else if (status === eventStatus.cancelled) {
        flight.fail(new Error('it was cancelled'));
      } else flight.finish(this.#encoder.tokenizer.decode(flight.tokens));
    }
    if (stopped.length > 0) this.#engine.cancel(stopped);
  }

  private restart(ids: readonly number[]): void {
    for (const id of ids) this.#flights.get(id)?.tokens.splice(0);
  }

  private refuse(id: number, error: Error): void {
    this.#flights.get(id)?.fail(error);
    this.#flights.delete(id);
  }

  private hasStop({ stops, tokens }: Flight): boolean {
    const tail = this.#encoder.tokenizer.decode(tokens.slice(-tailTokens));
    return stops.some((stop) => stop !== '' && tail.includes(stop));
  }
}
