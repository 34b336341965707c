// Which worker is given a job, and which may be relieved of one? By the tokens that each has outstanding; giving and taking
// is the dispatcher's.

import type { Job } from './job.js';
import type { Worker } from './worker.js';

/**
 * What waits in an engine beside its batch, so that a place is filled in the step in which it is left. Half a batch ends in
 * as many steps as half a mean answer has tokens: tens of milliseconds where steps take one, which is longer than an event
 * loop is held up. More would be bound earlier than it need be.
 */
const reserveShare = 0.5;
const leastReserve = 4;

/**
 * With a place in its batch where there is one, else in its reserve; null where the job has to wait.
 * @param last index of the worker that was given the job before; -1 for the first
 */
export function chooseWorker(job: Job, all: readonly Worker[], last: number): Worker | null {
  // Where there is no choice to make later, nothing is gained by waiting.
  if (all.length === 1) return all[0]!;
  const working = all.filter(isWorking);
  const reserve = ({ maxBatch }: Worker) =>
    Math.max(leastReserve, Math.ceil(reserveShare * maxBatch));
  return (
    leastOutstanding(
      working.filter((worker) => worker.hasRoom(job, 0)),
      last,
    ) ??
    leastOutstanding(
      working.filter((worker) => worker.hasRoom(job, reserve(worker))),
      last,
    )
  );
}

/** Who has a place in its batch while nothing waits, and who may have something in reserve, the busiest first. */
export function findLevelling(
  working: readonly Worker[],
  last: number,
): {
  readonly idle: Worker | null;
  readonly donors: readonly Worker[];
} {
  const donors = working
    .filter(({ sequences, maxBatch }) => sequences > maxBatch)
    .sort((a, b) => b.outstandingTokens - a.outstandingTokens);
  const open = working.filter(({ sequences, maxBatch }) => sequences < maxBatch);
  return { idle: donors.length === 0 ? null : leastOutstanding(open, last), donors };
}

export function isWorking({ failure }: Worker): boolean {
  return failure === null;
}

/** Of equals the next in turn after `last`: workers that are idle are all equal. */
function leastOutstanding(workers: readonly Worker[], last: number): Worker | null {
  const isLater = ({ index }: Worker) => index > last;
  const inTurn = [...workers.filter(isLater), ...workers.filter((one) => !isLater(one))];
  return inTurn.reduce<Worker | null>(
    (least, worker) =>
      least === null || worker.outstandingTokens < least.outstandingTokens ? worker : least,
    null,
  );
}
