// When was each token of a request known? For programs that time the engine directly, without a LoadGen between.

import { type EventBatch, eventStatus } from '../native/index.js';

/** Gathers when the tokens of one batch of requests were known, in CLOCK_MONOTONIC nanoseconds. */
export class TokenTimes {
  #times: number[][] = [];
  #left = 0;
  #done: (times: number[][]) => void = () => {};
  #fail: (error: Error) => void = () => {};

  /** Of requests 0 to count - 1, which are submitted by the caller right after. */
  expect(count: number): Promise<number[][]> {
    this.#times = Array.from({ length: count }, () => []);
    this.#left = count;
    return new Promise((done, fail) => {
      this.#done = done;
      this.#fail = fail;
    });
  }

  take({ requestIds, tokens, statuses, timestampNs }: EventBatch): void {
    for (const [i, id] of requestIds.entries()) {
      const status = statuses[i]!;
      if (tokens[i]! >= 0) this.#times[id]!.push(timestampNs);
      if (status === eventStatus.running) continue;
      if (status !== eventStatus.length) {
        this.break(new Error(`request ${id} ended with status ${status}`));
      }
      if (--this.#left === 0) this.#done(this.#times);
    }
  }

  break(error: Error): void {
    this.#fail(error);
  }
}
