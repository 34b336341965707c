// The figures of one recorded series, exactly as LoadGen derives them from its timestamps.

import type { EffectiveSettings } from './effective-settings.js';
import type { Metrics, SampleColumns } from './outcome.js';
import type { SeriesRecord } from './series-record.js';
import { describe, truncatedMean } from './statistics.js';

/** LoadGen's view of a finished performance series; latencies ascending. */
export interface SeriesResult {
  readonly settings: EffectiveSettings;
  readonly queryCount: number;
  readonly sampleCount: number;
  readonly latencies: Float64Array;
  /** MultiStream's own: until the last sample of a query; empty elsewhere. */
  readonly queryLatencies: Float64Array;
  /** Empty without token latencies and in Offline. */
  readonly ttft: Float64Array;
  readonly tpot: Float64Array;
  /** Numbers of tokens that LoadGen refuses (below 2) count as 0. */
  readonly tokenCount: number;
  readonly maxLatencyNs: number;
  /** Of the last query issued, since the start of the series. */
  readonly finalScheduledS: number;
  readonly finalIssuedS: number;
  readonly finalDoneS: number;
  readonly durationNs: number;
  readonly issueLagNs: Float64Array;
}

class Collector {
  readonly #values: Float64Array;
  #length = 0;

  constructor(capacity: number) {
    this.#values = new Float64Array(capacity);
  }

  push(value: number): void {
    this.#values[this.#length++] = value;
  }

  /** Ascending and in place: nothing may be pushed any more. */
  sorted(): Float64Array {
    return this.#values.subarray(0, this.#length).sort();
  }
}

interface TokenFigures {
  readonly ttft: Float64Array;
  readonly tpot: Float64Array;
  readonly tokenCount: number;
}

const noTokens: TokenFigures = {
  ttft: new Float64Array(0),
  tpot: new Float64Array(0),
  tokenCount: 0,
};

/** LoadGen's token figures, with its odd arithmetic for counts below 2. */
function tokenFigures(
  columns: SampleColumns,
  first: number,
  end: number,
  paced: boolean,
): TokenFigures {
  const ttft = new Collector(end - first);
  const tpot = new Collector(end - first);
  let tokenCount = 0;
  for (let id = first; id < end; id++) {
    if (Number.isNaN(columns.completedNs[id])) continue;
    const tokens = columns.tokenCount[id]! > 1 ? columns.tokenCount[id]! : 0;
    tokenCount += tokens;
    const toFirst = columns.firstTokenNs[id]! - columns.scheduledNs[id]!;
    if (!paced || Number.isNaN(toFirst)) continue;
    const latency = columns.completedNs[id]! - columns.scheduledNs[id]!;
    ttft.push(toFirst);
    tpot.push(Math.trunc((latency - toFirst) / (tokens - 1)));
  }
  return { ttft: ttft.sorted(), tpot: tpot.sorted(), tokenCount };
}

/** From the due time of each query to the answer of its last sample, ascending. */
function queryLatencies(record: SeriesRecord, columns: SampleColumns): Float64Array {
  const { firstSampleId, issuedQueries, queryEnds } = record;
  const { samplesPerQuery } = record.plan;
  const latencies = new Collector(issuedQueries);
  for (let query = 0; query < issuedQueries; query++) {
    const first = firstSampleId + query * samplesPerQuery;
    const doneNs = queryEnds === null ? columns.completedNs[first]! : queryEnds.doneNs[query]!;
    const latency = doneNs - columns.scheduledNs[first]!;
    if (!Number.isNaN(latency)) latencies.push(latency);
  }
  return latencies.sorted();
}

/** How late each query went out, ascending. */
function issueLags(record: SeriesRecord, columns: SampleColumns): Float64Array {
  const { firstSampleId, issuedQueries, plan } = record;
  const lags = new Float64Array(issuedQueries);
  for (let query = 0; query < issuedQueries; query++) {
    const first = firstSampleId + query * plan.samplesPerQuery;
    lags[query] = columns.issuedNs[first]! - columns.scheduledNs[first]!;
  }
  return lags.sort();
}

/** Draws the figures of a series from the record. */
export function summarizeSeries(
  settings: EffectiveSettings,
  record: SeriesRecord,
  columns: SampleColumns,
): SeriesResult {
  const first = record.firstSampleId;
  const end = first + record.issuedSamples;
  const latencies = new Collector(record.issuedSamples);
  for (let id = first; id < end; id++) {
    const latency = columns.completedNs[id]! - columns.scheduledNs[id]!;
    if (!Number.isNaN(latency)) latencies.push(latency);
  }
  const queryCount = record.issuedQueries;
  const sorted = latencies.sorted();
  const last = end - record.plan.samplesPerQuery;
  const sinceStartS = (atNs: number | undefined): number =>
    atNs === undefined || Number.isNaN(atNs) ? 0 : (atNs - record.startNs) / 1e9;
  const lastDone = record.queryEnds?.doneNs[queryCount - 1] ?? columns.completedNs[last];
  const isOffline = settings.scenario === 'Offline';
  return {
    settings,
    queryCount,
    sampleCount: sorted.length,
    latencies: sorted,
    queryLatencies:
      settings.scenario === 'MultiStream' ? queryLatencies(record, columns) : new Float64Array(0),
    ...(settings.useTokenLatencies ? tokenFigures(columns, first, end, !isOffline) : noTokens),
    maxLatencyNs: sorted[sorted.length - 1] ?? 0,
    finalScheduledS: sinceStartS(columns.scheduledNs[last]),
    finalIssuedS: sinceStartS(columns.issuedNs[last]),
    // A last query that failed has no end; the last answer of the series stands in for it.
    finalDoneS: sinceStartS(Number.isNaN(lastDone) ? record.maxCompletionNs : lastDone),
    durationNs: record.maxCompletionNs === 0 ? 0 : record.maxCompletionNs - record.startNs,
    issueLagNs: issueLags(record, columns),
  };
}

/** Mean latency in seconds, from LoadGen's truncated nanoseconds. */
export function meanLatencyS(result: SeriesResult): number {
  return truncatedMean(result.latencies) / 1e9;
}

/** The rates that LoadGen prints; which of them applies depends on the scenario. */
export interface Rates {
  readonly samplesPerSecond: number;
  readonly scheduledSamplesPerSecond: number;
  readonly qpsWithoutOverhead: number;
  readonly tokensPerSecond: number;
  readonly tokensPerSecondWithOverhead: number;
  readonly inferredTokensPerSecond: number;
}

/** Computes every rate in the order of operations LoadGen uses. */
export function ratesOf(result: SeriesResult): Rates {
  const { settings, sampleCount, tokenCount } = result;
  const maxLatencyS = result.maxLatencyNs / 1e9;
  const meanS = meanLatencyS(result);
  const factor = settings.tokenLatencyScalingFactor;
  const qpsWithoutOverhead = 1 / meanS;
  const tokensPerSecondWithOverhead = tokenCount / result.finalIssuedS;
  const common = {
    scheduledSamplesPerSecond: (sampleCount - 1) / result.finalScheduledS,
    qpsWithoutOverhead,
    tokensPerSecondWithOverhead,
  };
  switch (settings.scenario) {
    case 'Offline':
      return {
        ...common,
        samplesPerSecond: sampleCount / maxLatencyS,
        tokensPerSecond: tokenCount / maxLatencyS,
        inferredTokensPerSecond: (factor * sampleCount) / maxLatencyS,
      };
    case 'Server':
      return {
        ...common,
        samplesPerSecond: (sampleCount - 1) / result.finalDoneS,
        tokensPerSecond: tokenCount / result.finalDoneS,
        inferredTokensPerSecond: (factor * (sampleCount - 1)) / result.finalDoneS,
      };
    case 'SingleStream':
    case 'MultiStream':
      return {
        ...common,
        // Those that were answered before the last one went.
        samplesPerSecond: (sampleCount - result.settings.maxAsyncQueries) / result.finalIssuedS,
        tokensPerSecond: tokenCount / (meanS * sampleCount),
        inferredTokensPerSecond: factor * qpsWithoutOverhead,
      };
  }
}

/** Values above the limit in an ascending list. */
export function countAbove(sorted: Float64Array, limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! > limit) high = middle;
    else low = middle + 1;
  }
  return sorted.length - low;
}

interface MeasuredTokens {
  readonly ttft: Float64Array;
  readonly tpot: Float64Array;
}

/** First tokens and paces wherever they were reported, Offline included; a pace needs two tokens. */
function measuredTokens(record: SeriesRecord, columns: SampleColumns): MeasuredTokens {
  const first = record.firstSampleId;
  const ttft = new Collector(record.issuedSamples);
  const tpot = new Collector(record.issuedSamples);
  for (let id = first; id < first + record.issuedSamples; id++) {
    const firstToken = columns.firstTokenNs[id]!;
    const done = columns.completedNs[id]!;
    if (Number.isNaN(firstToken)) continue;
    ttft.push(firstToken - columns.scheduledNs[id]!);
    const tokens = columns.tokenCount[id]!;
    if (tokens > 1 && !Number.isNaN(done))
      tpot.push(Math.trunc((done - firstToken) / (tokens - 1)));
  }
  return { ttft: ttft.sorted(), tpot: tpot.sorted() };
}

/** The typed figures for whoever called; null when nothing was answered. */
export function metricsOf(
  result: SeriesResult,
  record: SeriesRecord,
  columns: SampleColumns,
): Metrics | null {
  const { settings } = result;
  const isServer = settings.scenario === 'Server';
  const perQuery = settings.scenario === 'MultiStream' ? result.queryLatencies : result.latencies;
  const latency = describe(perQuery);
  const issueLag = describe(result.issueLagNs);
  if (latency === null || issueLag === null) return null;
  const rates = ratesOf(result);
  const tokens = measuredTokens(record, columns);
  const offersInference = settings.scenario === 'Offline' || isServer;
  return {
    latency,
    ttft: describe(tokens.ttft),
    tpot: describe(tokens.tpot),
    issueLag,
    queryCount: result.queryCount,
    sampleCount: result.sampleCount,
    tokenCount: settings.useTokenLatencies ? result.tokenCount : null,
    durationNs: result.durationNs,
    samplesPerSecond: rates.samplesPerSecond,
    scheduledSamplesPerSecond: isServer ? rates.scheduledSamplesPerSecond : null,
    tokensPerSecond: settings.useTokenLatencies ? rates.tokensPerSecond : null,
    inferredTokensPerSecond:
      settings.inferTokenLatencies && offersInference ? rates.inferredTokensPerSecond : null,
    overlatencyQueryCount: isServer ? countAbove(result.latencies, settings.targetLatencyNs) : null,
  };
}
