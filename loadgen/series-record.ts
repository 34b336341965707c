// The running account of one series: its counts, and when its queries ended. When a query was due and went out stands
// with its samples (sample-table.ts).

import type { SeriesPlan } from './schedule.js';

/** How far queries of several samples have come. */
export interface QueryEnds {
  /** Samples of each query not yet answered; may go below 0 when a sample is answered twice. */
  readonly remaining: Int32Array;
  /** When the last sample of each query was answered; NaN before. */
  readonly doneNs: Float64Array;
}

/** One series while it is issued and answered; times are ns since the start of the test. */
export interface SeriesRecord {
  readonly plan: SeriesPlan;
  readonly number: number;
  readonly firstSampleId: number;
  readonly firstQueryId: number;
  /** Null where a query is one sample, whose answer is its end. */
  readonly queryEnds: QueryEnds | null;
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
  return {
    plan,
    number,
    firstSampleId,
    firstQueryId,
    queryEnds: plan.samplesPerQuery === 1 ? null : newQueryEnds(plan),
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

function newQueryEnds({ queryCount, samplesPerQuery }: SeriesPlan): QueryEnds {
  return {
    remaining: new Int32Array(queryCount).fill(samplesPerQuery),
    doneNs: new Float64Array(queryCount).fill(Number.NaN),
  };
}

/** Samples of the series that need no more waiting for. */
export function settledSamples(series: SeriesRecord): number {
  return series.completedSamples + series.failedSamples;
}
