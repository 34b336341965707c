// Where and when were the runs of an experiment made, and by which loadmark? What ladder.json and sweep.json say beside
// their figures, since a ratio without a machine is nobody's.

import type { System } from '../environment.js';
import type { RunRecord } from '../run-record.js';

export interface MeasuredOn {
  /** Of the run that was made first. */
  readonly startedAt: string;
  readonly version: string;
  readonly commit: string | null;
  readonly system: System;
  readonly devices: readonly string[];
}

/** Of the first run; others that were made elsewhere are no repeats of it, and told as such. Null where there is none. */
export function describeMeasuredOn(records: readonly RunRecord[]): MeasuredOn | null {
  const [first] = [...records].sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  if (first === undefined) return null;
  const { startedAt, version, commit, system, sut } = first;
  return { startedAt, version, commit, system, devices: sut?.devices ?? [] };
}
