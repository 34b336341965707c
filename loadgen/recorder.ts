// What happened to every sample: timestamps and token counts in typed arrays, written while the clock runs, read afterwards.
// It makes no text and judges nothing; mistakes of the system under test are passed on as faults.

import type { QuerySample, QuerySampleResponse, Responder } from './contracts.js';
import type { FailedSample, LoggedResponse, SampleColumns } from './outcome.js';
import type { SeriesPlan } from './schedule.js';

/** Who is told while samples are recorded. */
export interface RecorderListener {
  /** The system under test broke the rules; the text is LoadGen's where LoadGen has one. */
  onFault(message: string): void;
  /** As many samples as `Recorder.wakeAt` asked for are settled. */
  onSettled(): void;
  /** The system under test answered something. */
  onActivity(nowNs: number): void;
  readonly trace: RecorderTrace | null;
}

/** Where answers go when a trace is kept. */
export interface RecorderTrace {
  firstToken(sampleId: number, atNs: number): void;
  sampleComplete(sampleId: number, atNs: number): void;
  callComplete(
    name: 'FirstTokenComplete' | 'QuerySamplesComplete',
    fromNs: number,
    toNs: number,
  ): void;
}

/** What decides how answers are checked and kept. */
export interface RecorderRules {
  readonly useTokenLatencies: boolean;
  readonly needsFirstToken: boolean;
  /** Reads the clock, in ns since the start of the test. */
  readonly nowNs: () => number;
  /** Turns a reading of the clock into ns since the start of the test. */
  readonly sinceStart: (readingNs: number) => number;
}

const notIssued = 0;
const outstanding = 1;
const completed = 2;
const failed = 3;

/** The series being recorded. */
export interface SeriesRecord {
  readonly plan: SeriesPlan;
  readonly number: number;
  readonly firstSampleId: number;
  readonly firstQueryId: number;
  /** Samples of each query not yet answered; may go below 0 when a sample is answered twice. */
  readonly remaining: Int32Array;
  /** When the last sample of each query was answered. */
  readonly queryDoneNs: Float64Array;
  readonly queryScheduledNs: Float64Array;
  readonly queryIssuedNs: Float64Array;
  readonly isLogged: Uint8Array;
  startNs: number;
  issuedQueries: number;
  completedQueries: number;
  issuedSamples: number;
  completedSamples: number;
  failedSamples: number;
  maxCompletionNs: number;
}

/** A logged response, with the bytes of its first token. */
export interface KeptResponse extends LoggedResponse {
  readonly firstTokenData: Uint8Array | null;
}

/** Records all series of one test. */
export class Recorder implements Responder {
  readonly failedSamples: FailedSample[] = [];
  readonly kept: KeptResponse[] = [];
  /** Settled samples of the series at which the listener is told. */
  wakeAt = Number.POSITIVE_INFINITY;
  /** When something last came from the system under test, or work was given to it while it had none. */
  lastActivityNs = 0;
  readonly #rules: RecorderRules;
  readonly #listener: RecorderListener;
  readonly #firstTokenData = new Map<number, Uint8Array>();
  #series: SeriesRecord | null = null;
  #isClosed = false;
  #sampleCount = 0;
  #queryCount = 0;
  #state = new Uint8Array(0);
  #sampleIndex = new Uint32Array(0);
  #queryId = new Uint32Array(0);
  #seriesOf = new Uint16Array(0);
  #scheduled = new Float64Array(0);
  #issued = new Float64Array(0);
  #firstToken = new Float64Array(0);
  #completed = new Float64Array(0);
  #tokens = new Int32Array(0);

  constructor(rules: RecorderRules, listener: RecorderListener) {
    this.#rules = rules;
    this.#listener = listener;
  }

  /** Makes room for a series, so that nothing is allocated while the clock runs. */
  beginSeries(plan: SeriesPlan, number: number, isLogged: Uint8Array): SeriesRecord {
    const firstSampleId = this.#sampleCount;
    const firstQueryId = this.#queryCount;
    const samples = plan.sampleIndices.length;
    this.#sampleCount += samples;
    this.#queryCount += plan.queryCount;
    this.#grow(firstSampleId);
    this.#sampleIndex.set(plan.sampleIndices, firstSampleId);
    this.#seriesOf.fill(number, firstSampleId);
    for (let s = 0; s < samples; s++) {
      this.#queryId[firstSampleId + s] = firstQueryId + Math.floor(s / plan.samplesPerQuery);
    }
    this.#series = {
      plan,
      number,
      firstSampleId,
      firstQueryId,
      remaining: new Int32Array(plan.queryCount).fill(plan.samplesPerQuery),
      queryDoneNs: new Float64Array(plan.queryCount).fill(Number.NaN),
      queryScheduledNs: new Float64Array(plan.queryCount).fill(Number.NaN),
      queryIssuedNs: new Float64Array(plan.queryCount).fill(Number.NaN),
      isLogged,
      startNs: 0,
      issuedQueries: 0,
      completedQueries: 0,
      issuedSamples: 0,
      completedSamples: 0,
      failedSamples: 0,
      maxCompletionNs: 0,
    };
    return this.#series;
  }

  #grow(from: number): void {
    const size = this.#sampleCount;
    const wider = <T extends { set(old: T, at?: number): void }>(fresh: T, old: T): T => {
      fresh.set(old);
      return fresh;
    };
    this.#state = wider(new Uint8Array(size), this.#state);
    this.#sampleIndex = wider(new Uint32Array(size), this.#sampleIndex);
    this.#queryId = wider(new Uint32Array(size), this.#queryId);
    this.#seriesOf = wider(new Uint16Array(size), this.#seriesOf);
    this.#scheduled = wider(new Float64Array(size), this.#scheduled);
    this.#issued = wider(new Float64Array(size), this.#issued);
    this.#firstToken = wider(new Float64Array(size), this.#firstToken);
    this.#completed = wider(new Float64Array(size), this.#completed);
    this.#tokens = wider(new Int32Array(size), this.#tokens);
    for (const times of [this.#scheduled, this.#issued, this.#firstToken, this.#completed]) {
      times.fill(Number.NaN, from);
    }
  }

  /** The samples of a query of the series as the system under test gets them. */
  samplesOf(series: SeriesRecord, query: number, into: QuerySample[]): void {
    const { plan, firstSampleId } = series;
    const start = query * plan.samplesPerQuery;
    for (let s = start; s < start + plan.samplesPerQuery; s++) {
      into.push({ id: firstSampleId + s, index: plan.sampleIndices[s]! });
    }
  }

  /** Notes that the next query of the series goes out. */
  issue(series: SeriesRecord, scheduledNs: number, issuedNs: number): void {
    if (settledSamples(series) >= series.issuedSamples) this.lastActivityNs = issuedNs;
    const query = series.issuedQueries++;
    series.queryScheduledNs[query] = scheduledNs;
    series.queryIssuedNs[query] = issuedNs;
    const start = series.firstSampleId + query * series.plan.samplesPerQuery;
    const end = start + series.plan.samplesPerQuery;
    this.#state.fill(outstanding, start, end);
    this.#scheduled.fill(scheduledNs, start, end);
    this.#issued.fill(issuedNs, start, end);
    series.issuedSamples += series.plan.samplesPerQuery;
  }

  readonly firstTokenComplete = (
    responses: readonly QuerySampleResponse[],
    atNs?: number,
  ): void => {
    if (this.#isClosed) return;
    const at = atNs === undefined ? this.#rules.nowNs() : this.#rules.sinceStart(atNs);
    this.lastActivityNs = Math.max(this.lastActivityNs, at);
    for (const response of responses) this.#recordFirstToken(response, at);
    this.#listener.trace?.callComplete('FirstTokenComplete', at, this.#rules.nowNs());
  };

  readonly querySamplesComplete = (
    responses: readonly QuerySampleResponse[],
    atNs?: number,
  ): void => {
    if (this.#isClosed) return;
    const at = atNs === undefined ? this.#rules.nowNs() : this.#rules.sinceStart(atNs);
    this.lastActivityNs = Math.max(this.lastActivityNs, at);
    for (const response of responses) this.#recordCompletion(response, at);
    this.#listener.trace?.callComplete('QuerySamplesComplete', at, this.#rules.nowNs());
    this.#listener.onActivity(at);
    this.#tellWhenSettled();
  };

  readonly sampleFailed = (id: number, reason: string): void => {
    if (this.#isClosed) return;
    const series = this.#seriesWith(id, 'failure');
    if (series === null) return;
    if (this.#state[id] !== outstanding) {
      this.#listener.onFault(`Sample ${id} was reported as failed after it was settled: ${reason}`);
      return;
    }
    this.lastActivityNs = this.#rules.nowNs();
    this.#state[id] = failed;
    series.failedSamples += 1;
    const sampleIndex = this.#sampleIndex[id]!;
    this.failedSamples.push({ sampleId: id, sampleIndex, reason });
    this.#listener.onFault(`Sample ${id} (library index ${sampleIndex}) failed: ${reason}`);
    this.#countDown(series, id, this.lastActivityNs);
    this.#tellWhenSettled();
  };

  /** The current series when the id was issued in it; otherwise a fault and null. */
  #seriesWith(id: number, what: string): SeriesRecord | null {
    const series = this.#series;
    if (series === null || !Number.isInteger(id) || id < 0 || id >= this.#sampleCount) {
      this.#listener.onFault(`Received a ${what} for sample ${id}, which does not exist.`);
      return null;
    }
    if (id < series.firstSampleId) {
      this.#listener.onFault('Received completion for an old sample.');
      return null;
    }
    if (this.#state[id] === notIssued) {
      this.#listener.onFault(`Received a ${what} for sample ${id}, which was not issued.`);
      return null;
    }
    return series;
  }

  #recordFirstToken(response: QuerySampleResponse, at: number): void {
    const { id } = response;
    const series = this.#seriesWith(id, 'first token');
    if (series === null) return;
    if (this.#state[id] !== outstanding) {
      this.#listener.onFault('Attempted to record token latency after sample was completed');
      return;
    }
    if (!Number.isNaN(this.#firstToken[id])) {
      // LoadGen's words, although it is the first token that came twice.
      this.#listener.onFault('Attempted to complete a sample twice.');
      return;
    }
    this.#firstToken[id] = at;
    if (series.isLogged[id - series.firstSampleId] === 1) {
      this.#firstTokenData.set(id, response.data.slice());
    }
    this.#listener.trace?.firstToken(id, at);
  }

  #recordCompletion(response: QuerySampleResponse, at: number): void {
    const { id } = response;
    const series = this.#seriesWith(id, 'completion');
    if (series === null) return;
    this.#listener.trace?.sampleComplete(id, at);
    if (this.#state[id] === outstanding) this.#store(series, response, at);
    else this.#listener.onFault('Attempted to complete a sample twice.');
    this.#countDown(series, id, at);
  }

  #store(series: SeriesRecord, response: QuerySampleResponse, at: number): void {
    const { id, tokenCount } = response;
    this.#state[id] = completed;
    this.#completed[id] = at;
    this.#tokens[id] = tokenCount;
    series.completedSamples += 1;
    series.maxCompletionNs = Math.max(series.maxCompletionNs, at);
    if (this.#rules.useTokenLatencies) this.#checkTokens(id, tokenCount);
    if (series.isLogged[id - series.firstSampleId] === 1) {
      const firstTokenData = this.#firstTokenData.get(id) ?? null;
      this.#firstTokenData.delete(id);
      const sampleIndex = this.#sampleIndex[id]!;
      const data = response.data.slice();
      this.kept.push({ sampleId: id, sampleIndex, data, tokenCount, firstTokenData });
    }
  }

  #checkTokens(id: number, tokenCount: number): void {
    if (tokenCount === 0) {
      this.#listener.onFault(
        'n_tokens argument missing or attempted to record 0 as number of tokens',
      );
    } else if (tokenCount < 0) {
      this.#listener.onFault('Attempted to record a negative number of tokens');
    } else if (tokenCount === 1) {
      this.#listener.onFault('Number of tokens need to be greater than 1');
    }
    if (this.#rules.needsFirstToken && Number.isNaN(this.#firstToken[id])) {
      this.#listener.onFault(
        "Attempted to record a sample latency before it's first token latency",
      );
    }
  }

  /** A repeated answer counts here too, as in LoadGen. */
  #countDown(series: SeriesRecord, id: number, at: number): void {
    const query = this.#queryId[id]! - series.firstQueryId;
    const left = series.remaining[query]! - 1;
    series.remaining[query] = left;
    if (left !== 0) return;
    series.queryDoneNs[query] = at;
    series.completedQueries += 1;
  }

  #tellWhenSettled(): void {
    const series = this.#series;
    if (series !== null && settledSamples(series) >= this.wakeAt) this.#listener.onSettled();
  }

  /** Gives up what is outstanding in the current series, without a fault for each; says which samples. */
  abandon(reason: string): readonly FailedSample[] {
    const series = this.#series;
    if (series === null) return [];
    const abandoned: FailedSample[] = [];
    const end = series.firstSampleId + series.issuedSamples;
    for (let id = series.firstSampleId; id < end; id++) {
      if (this.#state[id] !== outstanding) continue;
      this.#state[id] = failed;
      series.failedSamples += 1;
      abandoned.push({ sampleId: id, sampleIndex: this.#sampleIndex[id]!, reason });
    }
    for (const sample of abandoned) this.failedSamples.push(sample);
    return abandoned;
  }

  /** The test is over: answers that still come change nothing. */
  close(): void {
    this.#isClosed = true;
  }

  /** Columns over all series so far; the arrays are the recorder's own. */
  columns(): SampleColumns {
    return {
      count: this.#sampleCount,
      sampleIndex: this.#sampleIndex,
      queryId: this.#queryId,
      series: this.#seriesOf,
      scheduledNs: this.#scheduled,
      issuedNs: this.#issued,
      firstTokenNs: this.#firstToken,
      completedNs: this.#completed,
      tokenCount: this.#tokens,
    };
  }
}

/** Samples of the series that need no more waiting for. */
export function settledSamples(series: SeriesRecord): number {
  return series.completedSamples + series.failedSamples;
}
