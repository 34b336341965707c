// What do the runs of an experiment say of themselves? Each remark once, with whom it concerns: warnings that no run is a
// measurement, throttling, drifted clocks, samples that a quantizer saw.

import { listWarnings } from '../report/warnings.js';
import type { RunRecord } from '../run-record.js';

/** What a step or a point was made of. */
export interface RemarkedRuns {
  /** As its experiment calls it. */
  readonly name: string;
  readonly records: readonly RunRecord[];
  /** Of its comparison, beside those of its runs. */
  readonly remarks?: readonly string[];
}

export interface ExperimentRemark {
  readonly remark: string;
  /** Those with a run that says it, in the order of the experiment. */
  readonly of: readonly string[];
  /** Whether that is everything that was run. */
  readonly isOfAll: boolean;
}

export function collectRemarks(groups: readonly RemarkedRuns[]): ExperimentRemark[] {
  const made = groups.filter(({ records }) => records.length > 0);
  const found = new Map<string, Set<string>>();
  for (const { name, records, remarks = [] } of made) {
    for (const remark of [...records.flatMap(listOfRun), ...remarks]) {
      found.set(remark, (found.get(remark) ?? new Set()).add(name));
    }
  }
  return [...found].map(([remark, names]) => {
    return { remark, of: [...names], isOfAll: names.size === made.length };
  });
}

/** "all: ...", "max-batch=8, max-batch=64: ..." */
export function describeRemark({ remark, of, isOfAll }: ExperimentRemark): string {
  return `${isOfAll ? 'all' : of.join(', ')}: ${remark}`;
}

function listOfRun(record: RunRecord): string[] {
  const warnings = listWarnings(record).map((warning) => warning.replace(/ {2,}/, ': '));
  return [...warnings, ...(record.remarks ?? [])];
}
