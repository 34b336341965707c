// The columns of all samples of a test: one row a sample, in the order of sample ids, as typed arrays.
// Who may write what, and when, is recorder.ts's business.

import type { SampleColumns } from './outcome.js';
import type { SeriesPlan } from './schedule.js';

/** What became of a sample. */
export const sampleState = { notIssued: 0, outstanding: 1, completed: 2, failed: 3 } as const;

/** Grows by a whole series at a time, so that nothing is allocated while the clock runs. */
export class SampleTable implements SampleColumns {
  count = 0;
  state = new Uint8Array(0);
  sampleIndex = new Uint32Array(0);
  queryId = new Uint32Array(0);
  series = new Uint16Array(0);
  scheduledNs = new Float64Array(0);
  issuedNs = new Float64Array(0);
  firstTokenNs = new Float64Array(0);
  completedNs = new Float64Array(0);
  tokenCount = new Int32Array(0);

  /** Adds a series' samples, not yet issued; returns the id of the first. */
  append(plan: SeriesPlan, seriesNumber: number, firstQueryId: number): number {
    const first = this.count;
    this.count += plan.sampleIndices.length;
    this.#widen(first);
    this.sampleIndex.set(plan.sampleIndices, first);
    this.series.fill(seriesNumber, first);
    for (let id = first; id < this.count; id++) {
      this.queryId[id] = firstQueryId + Math.floor((id - first) / plan.samplesPerQuery);
    }
    return first;
  }

  #widen(from: number): void {
    const size = this.count;
    const copy = <T extends { set(old: T): void }>(wider: T, old: T): T => {
      wider.set(old);
      return wider;
    };
    this.state = copy(new Uint8Array(size), this.state);
    this.sampleIndex = copy(new Uint32Array(size), this.sampleIndex);
    this.queryId = copy(new Uint32Array(size), this.queryId);
    this.series = copy(new Uint16Array(size), this.series);
    this.scheduledNs = copy(new Float64Array(size), this.scheduledNs);
    this.issuedNs = copy(new Float64Array(size), this.issuedNs);
    this.firstTokenNs = copy(new Float64Array(size), this.firstTokenNs);
    this.completedNs = copy(new Float64Array(size), this.completedNs);
    this.tokenCount = copy(new Int32Array(size), this.tokenCount);
    for (const times of [this.scheduledNs, this.issuedNs, this.firstTokenNs, this.completedNs]) {
      times.fill(Number.NaN, from);
    }
  }

  /** Notes that the samples start..end-1 went out. */
  issue(start: number, end: number, scheduledNs: number, issuedNs: number): void {
    this.state.fill(sampleState.outstanding, start, end);
    this.scheduledNs.fill(scheduledNs, start, end);
    this.issuedNs.fill(issuedNs, start, end);
  }
}

/** The first `count` rows, sharing memory with the table. */
export function firstRows(columns: SampleColumns, count: number): SampleColumns {
  return {
    count,
    sampleIndex: columns.sampleIndex.subarray(0, count),
    queryId: columns.queryId.subarray(0, count),
    series: columns.series.subarray(0, count),
    scheduledNs: columns.scheduledNs.subarray(0, count),
    issuedNs: columns.issuedNs.subarray(0, count),
    firstTokenNs: columns.firstTokenNs.subarray(0, count),
    completedNs: columns.completedNs.subarray(0, count),
    tokenCount: columns.tokenCount.subarray(0, count),
  };
}
