// What do the runs of a ladder, and its comparisons, remark: of which steps and of which factors alone?

import type { Side } from '../compare/side.js';
import { collectRemarks, type ExperimentRemark } from '../experiment/experiment-remarks.js';
import type { MeasuredStep } from './ladder.js';

/** @param rungs one more than steps; null where none of its runs was made, as in `alone` */
export function listLadderRemarks(
  steps: readonly MeasuredStep[],
  rungs: readonly (Side | null)[],
  alone: readonly (Side | null)[],
): ExperimentRemark[] {
  const recordsOf = (side: Side | null) => side?.runs.map(({ record }) => record) ?? [];
  return collectRemarks([
    { name: 'the base', records: recordsOf(rungs[0]!) },
    ...steps.map(({ name, before }, k) => {
      return { name, records: recordsOf(rungs[k + 1]!), remarks: before.remarks };
    }),
    ...steps.flatMap(({ name, alone: contrast }, k) => {
      // The first factor alone is the first step.
      if (k === 0 || contrast === null) return [];
      return [{ name: `${name} alone`, records: recordsOf(alone[k]!), remarks: contrast.remarks }];
    }),
  ]);
}
