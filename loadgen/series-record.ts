// The running account of one series: its queries' times and its counts.

import type { SeriesPlan } from './schedule.js';

/** One series while it is issued and answered; times are ns since the start of the test. */
export interface SeriesRecord {
  readonly plan: SeriesPlan;
  readonly number: number;
  readonly firstSampleId: number;
  readonly firstQueryId: number;
  /** Samples of each query not yet answered; may go below 0 when a sample is answered twice. */
  readonly remaining: Int32Array;
  /** When the last sample of each query was answered; NaN before. */
  readonly queryDoneNs: Float64Array;
  readonly queryScheduledNs: Float64Array;
  readonly queryIssuedNs: Float64Array;
  /** 1 for the samples whose answers go to the accuracy log. */
  readonly isLogged: Uint8Array;
  startNs: number;
  issuedQueries: number;
  completedQueries: number;
  issuedSamples: number;
  completedSamples: number;
  failedSamples: number;
  maxCompletionNs: number;
}

/** A series before its first query. */
export function newSeriesRecord(
  plan: SeriesPlan,
  number: number,
  firstSampleId: number,
  firstQueryId: number,
  isLogged: Uint8Array,
): SeriesRecord {
  const times = (): Float64Array => new Float64Array(plan.queryCount).fill(Number.NaN);
  return {
    plan,
    number,
    firstSampleId,
    firstQueryId,
    remaining: new Int32Array(plan.queryCount).fill(plan.samplesPerQuery),
    queryDoneNs: times(),
    queryScheduledNs: times(),
    queryIssuedNs: times(),
    isLogged,
    startNs: 0,
    issuedQueries: 0,
    completedQueries: 0,
    issuedSamples: 0,
    completedSamples: 0,
    failedSamples: 0,
    maxCompletionNs: 0,
  };
}

/** Samples of the series that need no more waiting for. */
export function settledSamples(series: SeriesRecord): number {
  return series.completedSamples + series.failedSamples;
}
