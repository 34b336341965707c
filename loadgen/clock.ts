// Where time comes from: the machine's monotonic clock, or a virtual one that moves only when told to.
// Readings are CLOCK_MONOTONIC nanoseconds (process.hrtime's epoch), whole numbers held in a double.

import { LoadgenError } from './errors.js';

/** Something that ends a sleep early. */
export class Wakeup {
  #rung = false;
  #listener: (() => void) | null = null;

  /** Ends the sleep in progress, or the next one at its start. */
  ring(): void {
    this.#rung = true;
    this.#listener?.();
  }

  get rung(): boolean {
    return this.#rung;
  }

  /** Forgets an earlier ring. */
  reset(): void {
    this.#rung = false;
  }

  /** For clocks: what to call when it rings; null to stop listening. */
  listen(listener: (() => void) | null): void {
    this.#listener = listener;
  }
}

/** The time as LoadGen sees it. */
export interface Clock {
  nowNs(): number;
  /** UTC, in Unix milliseconds, of a reading. */
  unixMs(readingNs: number): number;
  /** Resolves at the instant (Infinity: never by itself), or as soon as the wakeup rings. */
  sleepUntil(atNs: number, wakeup: Wakeup): Promise<void>;
}

/** setTimeout rounds up to whole ms and wakes some 0.2 ms late: this much is left to polling. */
const coarseMarginNs = 1_300_000;
/** The last stretch is spun without letting other tasks in, so that none can make the query late. */
const spinNs = 60_000;
/** How long the issuing task may run before the event loop gets a turn to deliver answers. */
const turnNs = 1_000_000;
/** How long a virtual clock computes before the event loop gets a turn. */
const turnPeriodMs = 50;
/** setTimeout's largest delay. */
const longestTimeoutMs = 2_147_483_647;

/** The machine's clock: waits coarsely, then polls between events, then spins. */
export class RealClock implements Clock {
  readonly #unixMsAtZero = Date.now() - Number(process.hrtime.bigint()) / 1e6;
  #lastTurnNs = 0;

  nowNs(): number {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e9 + nanoseconds;
  }

  unixMs(readingNs: number): number {
    return Math.floor(this.#unixMsAtZero + readingNs / 1e6);
  }

  async sleepUntil(atNs: number, wakeup: Wakeup): Promise<void> {
    let now = this.nowNs();
    while (now < atNs && !wakeup.rung) {
      const remainingNs = atNs - now;
      if (remainingNs > coarseMarginNs) {
        await timeout(Math.min((remainingNs - coarseMarginNs) / 1e6, longestTimeoutMs), wakeup);
      } else if (remainingNs > spinNs) {
        await turn();
      }
      now = this.nowNs();
      this.#lastTurnNs = now;
    }
    if (now - this.#lastTurnNs > turnNs) {
      await turn();
      this.#lastTurnNs = this.nowNs();
    }
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function timeout(delayMs: number, wakeup: Wakeup): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      wakeup.listen(null);
      resolve();
    };
    const timer = setTimeout(finish, Math.max(1, Math.floor(delayMs)));
    wakeup.listen(finish);
  });
}

interface VirtualEvent {
  readonly atNs: number;
  readonly order: number;
  readonly action: () => void;
}

/** A clock that stands still until slept on: events happen in the order of their instants, then of their creation. */
export class VirtualClock implements Clock {
  readonly #unixMsAtZero: number;
  readonly #heap: VirtualEvent[] = [];
  #now = 0;
  #created = 0;
  /** When the event loop next gets a turn, by the real clock. */
  #turnAtMs = 0;

  constructor(unixMsAtZero = 0) {
    this.#unixMsAtZero = unixMsAtZero;
  }

  nowNs(): number {
    return this.#now;
  }

  unixMs(readingNs: number): number {
    return this.#unixMsAtZero + Math.floor(readingNs / 1e6);
  }

  /** Moves the time on without running what was due in between: a cost, not a wait. */
  spend(durationNs: number): void {
    this.#now += durationNs;
  }

  /** Has an action happen at an instant (at once on the next wait, when that has passed). */
  schedule(atNs: number, action: () => void): void {
    const event = { atNs, order: this.#created++, action };
    this.#heap.push(event);
    this.#siftUp(this.#heap.length - 1);
  }

  /** Lets events happen until the condition holds; says whether it does. */
  runUntil(condition: () => boolean, limitNs = Number.POSITIVE_INFINITY): boolean {
    while (!condition()) {
      const next = this.#heap[0];
      if (next === undefined || next.atNs > limitNs) return false;
      this.#pop();
      this.#now = Math.max(this.#now, next.atNs);
      next.action();
    }
    return true;
  }

  /** When the next event is due; Infinity when there is none. */
  get nextAtNs(): number {
    return this.#heap[0]?.atNs ?? Number.POSITIVE_INFINITY;
  }

  /** Lets everything happen that is due by then, and makes it that time. */
  advanceTo(atNs: number): void {
    this.runUntil(() => false, atNs);
    this.#now = Math.max(this.#now, atNs);
  }

  async sleepUntil(atNs: number, wakeup: Wakeup): Promise<void> {
    for (;;) {
      const mayGoOn = () => !wakeup.rung && performance.now() < this.#turnAtMs;
      if (!this.runUntil(() => !mayGoOn(), atNs)) break;
      if (wakeup.rung) return;
      // Simulated hours are computed in one go: an interruption has to get in somewhere.
      await turn();
      this.#turnAtMs = performance.now() + turnPeriodMs;
    }
    if (atNs === Number.POSITIVE_INFINITY) {
      throw new LoadgenError(
        'stalled',
        'Samples are outstanding and no event is left to answer them.',
      );
    }
    this.#now = Math.max(this.#now, atNs);
  }

  #siftUp(start: number): void {
    const heap = this.#heap;
    let child = start;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!before(heap[child]!, heap[parent]!)) return;
      [heap[child], heap[parent]] = [heap[parent]!, heap[child]!];
      child = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    let parent = 0;
    for (;;) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
      }
      if (least === parent) return;
      [heap[parent], heap[least]] = [heap[least]!, heap[parent]!];
      parent = least;
    }
  }
}

function before(a: VirtualEvent, b: VirtualEvent): boolean {
  return a.atNs < b.atNs || (a.atNs === b.atNs && a.order < b.order);
}
