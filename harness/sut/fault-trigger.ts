// When is a fault due that is counted in samples? As many as it says are answered of a pass; those counted in steps are the
// engines' own.

import type { WorkerFault } from '../engine-fault.js';

export class FaultTrigger {
  #left: readonly WorkerFault[];
  readonly #fail: (worker: number) => void;
  #isPass = false;
  #issued = 0;

  /** @param fail makes this worker's next step fail */
  constructor(faults: readonly WorkerFault[], fail: (worker: number) => void) {
    this.#left = faults.filter(({ after }) => after.unit !== 'step');
    this.#fail = fail;
  }

  /** A warm-up is no pass. */
  beginTest(isPass: boolean): void {
    this.#isPass = isPass;
    this.#issued = 0;
  }

  noteIssued(samples: number): void {
    this.#issued += samples;
  }

  /** @param samples answered since the test began; a fault that is due comes once */
  noteAnswered(samples: number): void {
    if (!this.#isPass || this.#left.length === 0) return;
    const due = this.#left.filter(({ after: { unit, count } }) =>
      unit === 'percent' ? 100 * samples >= count * this.#issued : samples >= count,
    );
    if (due.length === 0) return;
    this.#left = this.#left.filter((fault) => !due.includes(fault));
    for (const { worker } of due) this.#fail(worker);
  }
}
