// When does a system under test that computes nothing do what it is to do? On the virtual clock its actions are events
// of that clock; on the real one they wait for their instant, coarsely by a timer and then by polling.

import { type Clock, VirtualClock } from '../../loadgen/index.js';

export interface Timeline {
  /** Inside an action the instant it was due, so that lateness does not add up; elsewhere the clock's time. */
  nowNs(): number;
  schedule(atNs: number, action: () => void): void;
  /** Lets actions happen, and nothing else, until the condition holds or none is left. */
  runUntil(condition: () => boolean): void;
  /** Forgets every action to come. */
  clear(): void;
}

export function createTimeline(clock: Clock): Timeline {
  return clock instanceof VirtualClock ? new VirtualTimeline(clock) : new RealTimeline(clock);
}

class VirtualTimeline implements Timeline {
  readonly #clock: VirtualClock;
  #era = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  nowNs(): number {
    return this.#clock.nowNs();
  }

  schedule(atNs: number, action: () => void): void {
    const era = this.#era;
    this.#clock.schedule(atNs, () => {
      if (era === this.#era) action();
    });
  }

  runUntil(condition: () => boolean): void {
    this.#clock.runUntil(condition);
  }

  clear(): void {
    this.#era++;
  }
}

/** A timer is late by up to a millisecond: this much before the instant, polling takes over. */
const pollNs = 1_300_000;
const longestTimerMs = 60_000;

class RealTimeline implements Timeline {
  readonly #clock: Clock;
  /** Only keeps the actions in order; its time follows the real one. */
  #queue = new VirtualClock();
  #timer: NodeJS.Timeout | undefined;
  #poll: NodeJS.Immediate | undefined;
  #timerAtNs = Number.POSITIVE_INFINITY;
  #isRunning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowNs(): number {
    return this.#isRunning ? this.#queue.nowNs() : this.#clock.nowNs();
  }

  schedule(atNs: number, action: () => void): void {
    this.#queue.schedule(atNs, action);
    if (!this.#isRunning) this.#wait();
  }

  runUntil(condition: () => boolean): void {
    while (!condition() && this.#queue.nextAtNs < Number.POSITIVE_INFINITY) this.#runDue();
    this.#wait();
  }

  clear(): void {
    this.#queue = new VirtualClock();
    this.#wait();
  }

  #runDue(): void {
    const queue = this.#queue;
    this.#isRunning = true;
    try {
      queue.advanceTo(this.#clock.nowNs());
    } finally {
      this.#isRunning = false;
    }
  }

  /** Sets the timer or the poll for whatever comes next. */
  #wait(): void {
    const nextNs = this.#queue.nextAtNs;
    if (nextNs === this.#timerAtNs) return;
    clearTimeout(this.#timer);
    clearImmediate(this.#poll);
    this.#timerAtNs = nextNs;
    if (nextNs === Number.POSITIVE_INFINITY) return;
    const coarseMs = (nextNs - this.#clock.nowNs() - pollNs) / 1e6;
    const wake = () => {
      this.#timerAtNs = Number.POSITIVE_INFINITY;
      this.#runDue();
      this.#wait();
    };
    if (coarseMs > 0) this.#timer = setTimeout(wake, Math.min(coarseMs, longestTimerMs));
    else this.#poll = setImmediate(wake);
  }
}
