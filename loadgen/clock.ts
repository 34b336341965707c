// Where time comes from: the machine's monotonic clock, or a virtual one that moves only when told to.
// Readings are CLOCK_MONOTONIC nanoseconds (process.hrtime's epoch), whole numbers held in a double.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

/** setTimeout counts whole ms of a clock read earlier and wakes some 0.2 ms late: this much is left to polling. */
const coarseMarginNs = 1_300_000;
/** setTimeout's shortest delay: a wait with less to sleep is polled from its start. */
const shortestTimeoutNs = 1_000_000;
/** The last stretch is spun without letting other tasks in, so that none can make the query late. */
const spinNs = 60_000;
/** Before it the event loop gets a turn this often: a turn makes garbage, and collecting it would make a query late. */
const pollNs = 20_000;
/** How long the issuing task may run before the event loop gets a turn to deliver answers. */
const turnNs = 1_000_000;
/** Young garbage is collected in waits at least this long (a collection takes 0.4 to 2 ms), and not more often than that. */
const quietNs = 5_000_000;
const collectPeriodNs = 100_000_000;
/** How long a virtual clock computes before the event loop gets a turn. */
const turnPeriodMs = 50;
/** setTimeout's largest delay. */
const longestTimeoutMs = 2_147_483_647;

/** The machine's clock: waits coarsely, then polls between events, then spins. */
export class RealClock implements Clock {
  readonly #unixMsAtZero = Date.now() - Number(process.hrtime.bigint()) / 1e6;
  readonly #collect = findCollector();
  #lastTurnNs = 0;
  #lastCollectNs = 0;

  nowNs(): number {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e9 + nanoseconds;
  }

  unixMs(readingNs: number): number {
    return Math.floor(this.#unixMsAtZero + readingNs / 1e6);
  }

  async sleepUntil(atNs: number, wakeup: Wakeup): Promise<void> {
    let now = this.nowNs();
    if (atNs - now > quietNs && now - this.#lastCollectNs > collectPeriodNs) {
      this.#collect();
      this.#lastCollectNs = now;
      now = this.nowNs();
    }
    while (now < atNs && !wakeup.rung) {
      const remainingNs = atNs - now;
      if (remainingNs >= coarseMarginNs + shortestTimeoutNs) {
        await timeout(Math.min((remainingNs - coarseMarginNs) / 1e6, longestTimeoutMs), wakeup);
      } else if (remainingNs > spinNs) {
        await turn();
        this.#spinUntil(Math.min(this.nowNs() + pollNs, atNs - spinNs), wakeup);
      }
      now = this.nowNs();
      this.#lastTurnNs = now;
    }
    if (now - this.#lastTurnNs > turnNs) {
      await turn();
      this.#lastTurnNs = this.nowNs();
    }
  }

  #spinUntil(atNs: number, wakeup: Wakeup): void {
    while (!wakeup.rung && this.nowNs() < atNs);
  }
}

/**
 * V8 collects young garbage when it is full, which is as likely as not just before a query is due: half of the queries
 * that were late by more than 0.5 ms were so for that. Collecting while nothing is due takes it out of their way.
 */
function findCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return typeof collect === 'function' ? () => collect({ type: 'minor' }) : () => {};
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
    const timer = setTimeout(finish, Math.floor(delayMs));
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
    this.#now += Math.round(durationNs);
  }

  /** Has an action happen at an instant (at once on the next wait, when that has passed). */
  schedule(atNs: number, action: () => void): void {
    const event = { atNs: Math.round(atNs), order: this.#created++, action };
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
