// What does a failed worker mean for a run? Its samples were answered by the others, so scores stand; a performance pass
// was then that of fewer workers than its configuration names, and does not count.

import type { RunConfig } from './config.js';
import type { WorkerLoss } from './sut/measured-sut.js';

const partNames = {
  accuracy: 'the accuracy pass',
  performance: 'the performance pass',
} as const;

/** One sentence a worker. */
export function remarkOnLosses(losses: readonly WorkerLoss[]): string[] {
  return losses.map(({ pass, message, resent }) => {
    const where = pass === null ? 'the warm-up' : partNames[pass];
    return `in ${where} ${message}; ${tellResent(resent)}`;
  });
}

function tellResent(resent: number): string {
  if (resent === 0) return 'no samples of its own were sent again to other workers';
  const samples = resent === 1 ? '1 sample was' : `${resent} samples were`;
  return `${samples} unanswered and sent again to other workers`;
}

/** Why a run whose workers are made to fail is none that counts; null for others. */
export function refuseFaulty({ engine, workers }: Pick<RunConfig, 'engine' | 'workers'>) {
  if (engine.fault === null || workers === null) return null;
  return `workers are made to fail (engine.fault is ${engine.fault}), which tests loadmark and measures nothing`;
}

/** Why figures of speed that were taken with or after these do not count; null where none failed. */
export function refuseSpeed(losses: readonly WorkerLoss[], workers: number): string | null {
  if (losses.length === 0) return null;
  const left = workers - losses.length;
  const failed = losses.map(({ message }) => message).join('; ');
  return `${failed}: the figures are of ${left} of ${workers} workers, not of the configuration named`;
}
