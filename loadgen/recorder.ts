// What happened to every sample: timestamps and token counts in typed arrays, written while the clock runs, read afterwards.
// It makes no text and judges nothing; mistakes of the system under test are passed on as faults.

import type { QuerySample, QuerySampleResponse, Responder } from './contracts.js';
import type { FailedSample, LoggedResponse, SampleColumns, SampleObserver } from './outcome.js';
import { SampleTable, sampleState } from './sample-table.js';
import type { SeriesPlan } from './schedule.js';
import { newSeriesRecord, type SeriesRecord, settledSamples } from './series-record.js';

/** Who is told while samples are recorded. */
export interface RecorderListener {
  /** The system under test broke the rules; the text is LoadGen's where LoadGen has one. */
  onFault(message: string): void;
  /** As many samples as `Recorder.wakeAt` asked for are settled. */
  onSettled(): void;
  /** The system under test answered something. */
  onActivity(nowNs: number): void;
  readonly trace: RecorderTrace | null;
  readonly observer: SampleObserver | null;
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
  readonly #table = new SampleTable();
  #queryCount = 0;

  constructor(rules: RecorderRules, listener: RecorderListener) {
    this.#rules = rules;
    this.#listener = listener;
  }

  /** Makes room for a series, so that nothing is allocated while the clock runs. */
  beginSeries(plan: SeriesPlan, number: number, isLogged: Uint8Array): SeriesRecord {
    const firstQueryId = this.#queryCount;
    this.#queryCount += plan.queryCount;
    const firstSampleId = this.#table.append(plan, number, firstQueryId);
    this.#series = newSeriesRecord(plan, number, firstSampleId, firstQueryId, isLogged);
    return this.#series;
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
    const start = series.firstSampleId + query * series.plan.samplesPerQuery;
    this.#table.issue(start, start + series.plan.samplesPerQuery, scheduledNs, issuedNs);
    series.issuedSamples += series.plan.samplesPerQuery;
    this.#listener.observer?.issued(series.plan.samplesPerQuery, issuedNs - scheduledNs);
  }

  readonly firstTokenComplete = (
    responses: readonly QuerySampleResponse[],
    atNs?: number,
  ): void => {
    if (this.#isClosed) return;
    const at = this.#instantOf(atNs);
    for (const response of responses) this.#recordFirstToken(response, at);
    this.#listener.trace?.callComplete('FirstTokenComplete', at, this.#rules.nowNs());
  };

  readonly querySamplesComplete = (
    responses: readonly QuerySampleResponse[],
    atNs?: number,
  ): void => {
    if (this.#isClosed) return;
    const at = this.#instantOf(atNs);
    for (const response of responses) this.#recordCompletion(response, at);
    this.#listener.trace?.callComplete('QuerySamplesComplete', at, this.#rules.nowNs());
    this.#listener.onActivity(at);
    this.#tellWhenSettled();
  };

  readonly sampleFailed = (id: number, reason: string): void => {
    if (this.#isClosed) return;
    const series = this.#seriesWith(id, 'failure');
    if (series === null) return;
    if (this.#table.state[id] !== sampleState.outstanding) {
      this.#listener.onFault(`Sample ${id} was reported as failed after it was settled: ${reason}`);
      return;
    }
    this.lastActivityNs = this.#rules.nowNs();
    this.#table.state[id] = sampleState.failed;
    series.failedSamples += 1;
    this.#listener.observer?.failed();
    const sampleIndex = this.#table.sampleIndex[id]!;
    this.failedSamples.push({ sampleId: id, sampleIndex, reason });
    this.#listener.onFault(`Sample ${id} (library index ${sampleIndex}) failed: ${reason}`);
    this.#countDown(series, id, this.lastActivityNs);
    this.#tellWhenSettled();
  };

  /** Whole nanoseconds since the start: the sums of a test are exact ones. What is no number says nothing of when. */
  #instantOf(atNs: number = Number.NaN): number {
    const at = Number.isFinite(atNs)
      ? this.#rules.sinceStart(Math.round(atNs))
      : this.#rules.nowNs();
    this.lastActivityNs = Math.max(this.lastActivityNs, at);
    return at;
  }

  /** The current series when the id was issued in it; otherwise a fault and null. */
  #seriesWith(id: number, what: string): SeriesRecord | null {
    const series = this.#series;
    if (series === null || !Number.isInteger(id) || id < 0 || id >= this.#table.count) {
      this.#listener.onFault(`Received a ${what} for sample ${id}, which does not exist.`);
      return null;
    }
    if (id < series.firstSampleId) {
      this.#listener.onFault('Received completion for an old sample.');
      return null;
    }
    if (this.#table.state[id] === sampleState.notIssued) {
      this.#listener.onFault(`Received a ${what} for sample ${id}, which was not issued.`);
      return null;
    }
    return series;
  }

  #recordFirstToken(response: QuerySampleResponse, at: number): void {
    const { id } = response;
    const series = this.#seriesWith(id, 'first token');
    if (series === null) return;
    if (this.#table.state[id] !== sampleState.outstanding) {
      this.#listener.onFault('Attempted to record token latency after sample was completed');
      return;
    }
    if (!Number.isNaN(this.#table.firstTokenNs[id])) {
      // LoadGen's words, although it is the first token that came twice.
      this.#listener.onFault('Attempted to complete a sample twice.');
      return;
    }
    this.#table.firstTokenNs[id] = at;
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
    if (this.#table.state[id] === sampleState.outstanding) this.#store(series, response, at);
    else this.#listener.onFault('Attempted to complete a sample twice.');
    this.#countDown(series, id, at);
  }

  #store(series: SeriesRecord, response: QuerySampleResponse, at: number): void {
    const { id, tokenCount } = response;
    this.#table.state[id] = sampleState.completed;
    this.#table.completedNs[id] = at;
    this.#table.tokenCount[id] = tokenCount;
    series.completedSamples += 1;
    series.maxCompletionNs = Math.max(series.maxCompletionNs, at);
    const scheduledNs = this.#table.scheduledNs[id]!;
    this.#listener.observer?.completed(id, scheduledNs, at, tokenCount);
    if (this.#rules.useTokenLatencies) this.#checkTokens(id, tokenCount);
    if (series.isLogged[id - series.firstSampleId] === 1) {
      const firstTokenData = this.#firstTokenData.get(id) ?? null;
      this.#firstTokenData.delete(id);
      const sampleIndex = this.#table.sampleIndex[id]!;
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
    if (this.#rules.needsFirstToken && Number.isNaN(this.#table.firstTokenNs[id])) {
      this.#listener.onFault(
        "Attempted to record a sample latency before it's first token latency",
      );
    }
  }

  /** A repeated answer counts here too, as in LoadGen. */
  #countDown(series: SeriesRecord, id: number, at: number): void {
    const ends = series.queryEnds;
    if (ends === null) {
      series.completedQueries = settledSamples(series);
      return;
    }
    const query = this.#table.queryId[id]! - series.firstQueryId;
    const left = ends.remaining[query]! - 1;
    ends.remaining[query] = left;
    if (left !== 0) return;
    ends.doneNs[query] = at;
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
      if (this.#table.state[id] !== sampleState.outstanding) continue;
      this.#table.state[id] = sampleState.failed;
      series.failedSamples += 1;
      this.#listener.observer?.failed();
      abandoned.push({ sampleId: id, sampleIndex: this.#table.sampleIndex[id]!, reason });
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
    return this.#table;
  }
}
