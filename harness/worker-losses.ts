// What does a failed worker mean for a run? Its samples were answered by the others, so scores stand; a performance pass
// was then that of fewer workers than its configuration names, and does not count.

import type { WorkerLoss } from './sut/measured-sut.js';

const partNames = {
  accuracy: 'the accuracy pass',
  performance: 'the performance pass',
} as const;

/** One sentence a worker. */
export function remarkOnLosses(
  losses: readonly WorkerLoss[],
  faultAtStep: string | null,
): string[] {
  const made =
    faultAtStep === null
      ? []
      : [`workers were made to fail: engine.fault_at_step is ${faultAtStep}`];
  const told = losses.map(({ pass, message, resent }) => {
    const where = pass === null ? 'the warm-up' : partNames[pass];
    const samples = resent === 1 ? '1 unanswered sample was' : `${resent} unanswered samples were`;
    return `in ${where} ${message}; ${samples} sent again to other workers`;
  });
  return [...made, ...told];
}

/** Why figures of speed that were taken with or after these do not count; null where none failed. */
export function refuseSpeed(losses: readonly WorkerLoss[], workers: number): string | null {
  if (losses.length === 0) return null;
  const left = workers - losses.length;
  const failed = losses.map(({ message }) => message).join('; ');
  return `${failed}: the figures are of ${left} of ${workers} workers, not of the configuration named`;
}
