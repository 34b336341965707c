// What did the engine hold in the course of a test? Readings of its counters, taken between two steps' news at most once
// an interval: a step in between costs a comparison. When there are too many, every other one is dropped and the interval
// doubled, so that a second and a day take the same room.

import type { EngineStats } from '../../native/index.js';

/** Of one worker. */
export interface WorkerReading {
  readonly stats: EngineStats;
  readonly kvShare: number;
  /** Samples that it was given and has not answered. */
  readonly outstanding: number;
}

export interface EngineReading {
  /** CLOCK_MONOTONIC nanoseconds. */
  readonly atNs: number;
  /** Counted since the load of the engine, of all workers together. */
  readonly stats: EngineStats;
  /** Of the KV cache's pages, in use after the last step, 0..1. */
  readonly kvShare: number;
  /** Samples that LoadGen had asked for and that were not answered. */
  readonly outstanding: number;
  /** Each worker's own; none where there is one only. */
  readonly workers: readonly WorkerReading[];
}

const firstIntervalNs = 5e6;
const mostReadings = 1024;

export class EngineReadings {
  readonly #read: () => Omit<EngineReading, 'atNs'>;
  readonly #nowNs: () => number;
  readonly #most: number;
  #intervalNs = firstIntervalNs;
  #taken: EngineReading[];

  /** Takes the first one. */
  constructor(
    read: () => Omit<EngineReading, 'atNs'>,
    nowNs: () => number = monotonicNs,
    most: number = mostReadings,
  ) {
    this.#read = read;
    this.#nowNs = nowNs;
    this.#most = most;
    this.#taken = [this.#take()];
  }

  /** News of a step that ended at `atNs`. */
  note(atNs: number): void {
    if (atNs - this.#taken.at(-1)!.atNs < this.#intervalNs) return;
    this.#taken.push(this.#take());
    if (this.#taken.length < this.#most) return;
    this.#taken = this.#taken.filter((_, i) => i % 2 === 0);
    this.#intervalNs *= 2;
  }

  /** All that were kept, and one of now. */
  end(): EngineReading[] {
    return [...this.#taken, this.#take()];
  }

  #take(): EngineReading {
    return { atNs: this.#nowNs(), ...this.#read() };
  }
}

function monotonicNs(): number {
  return Number(process.hrtime.bigint());
}
