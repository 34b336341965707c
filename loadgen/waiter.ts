// Every wait of a test: for an instant or for answers, cut short by an interruption or by a system under test gone silent.

import type { Clock } from './clock.js';
import { Wakeup } from './clock.js';
import { LoadgenError } from './errors.js';
import type { Recorder } from './recorder.js';
import type { SeriesRecord } from './series-record.js';
import { settledSamples } from './series-record.js';

/** Why a test ended before its time. */
export type StopReason = 'interrupted' | 'stalled';

/** Waits on behalf of one test; times are ns since its start. */
export class Waiter {
  readonly wakeup = new Wakeup();
  /** Null while the test may go on. */
  stopReason: StopReason | null = null;
  readonly #clock: Clock;
  readonly #startedAtNs: number;
  readonly #idleNs: number;

  /** @param idleNs how long answers may stay out while samples are outstanding; Infinity for ever. */
  constructor(clock: Clock, startedAtNs: number, idleNs: number) {
    this.#clock = clock;
    this.#startedAtNs = startedAtNs;
    this.#idleNs = idleNs;
  }

  nowNs(): number {
    return this.#clock.nowNs() - this.#startedAtNs;
  }

  /** Ends the wait in progress and all later ones. */
  interrupt(): void {
    this.stopReason ??= 'interrupted';
    this.wakeup.ring();
  }

  /** Waits for an instant; false when the test was stopped first. */
  async untilTime(atNs: number, recorder: Recorder, series: SeriesRecord): Promise<boolean> {
    recorder.wakeAt = Number.POSITIVE_INFINITY;
    do {
      await this.#sleep(atNs, recorder, series);
    } while (this.stopReason === null && this.nowNs() < atNs);
    return this.stopReason === null;
  }

  /**
   * Waits until every sample issued in the series is answered, but for the last few that `mayBeOut` allows; false when
   * the test was stopped first.
   */
  async untilSettled(recorder: Recorder, series: SeriesRecord, mayBeOut = 0): Promise<boolean> {
    const enough = series.issuedSamples - mayBeOut;
    recorder.wakeAt = enough;
    // Even a system that answers on the caller's stack leaves the event loop a turn now and then.
    if (settledSamples(series) >= enough) {
      await this.#sleep(this.nowNs(), recorder, series);
    }
    while (this.stopReason === null && settledSamples(series) < enough) {
      await this.#sleep(Number.POSITIVE_INFINITY, recorder, series);
    }
    return this.stopReason === null;
  }

  async #sleep(atNs: number, recorder: Recorder, series: SeriesRecord): Promise<void> {
    if (this.stopReason !== null) return;
    this.wakeup.reset();
    const isOwed = settledSamples(series) < series.issuedSamples;
    const patienceNs = isOwed ? recorder.lastActivityNs + this.#idleNs : Number.POSITIVE_INFINITY;
    try {
      await this.#clock.sleepUntil(this.#startedAtNs + Math.min(atNs, patienceNs), this.wakeup);
    } catch (fault) {
      if (!(fault instanceof LoadgenError) || fault.code !== 'stalled') throw fault;
      this.stopReason ??= 'stalled';
    }
    const stillOwed = settledSamples(series) < series.issuedSamples;
    if (stillOwed && this.nowNs() >= recorder.lastActivityNs + this.#idleNs) {
      this.stopReason ??= 'stalled';
    }
  }
}
