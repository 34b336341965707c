// What a system under test and a sample library promise LoadGen, and what LoadGen promises them.
// Times here are CLOCK_MONOTONIC nanoseconds (process.hrtime's epoch) as doubles: exact for 104 days of uptime.

/** One sample of a query: `id` names the response, `index` names the row of the sample library. */
export interface QuerySample {
  readonly id: number;
  readonly index: number;
}

/** An answer, or the first token of one. */
export interface QuerySampleResponse {
  /** The `id` of the QuerySample answered. */
  readonly id: number;
  /** The bytes that go to the accuracy log (little-endian token ids for a language model). */
  readonly data: Uint8Array;
  /** Output tokens, first one included; 0 where the answer is not made of tokens. */
  readonly tokenCount: number;
}

/** LoadGen's side of a query: how a system under test answers. Callable from any task, at any time. */
export interface Responder {
  /**
   * Reports first tokens. Only needed where token latencies are measured outside Offline.
   * @param atNs when it happened, by the monotonic clock; the moment of this call when left out.
   */
  firstTokenComplete(responses: readonly QuerySampleResponse[], atNs?: number): void;
  /**
   * Reports whole answers; the responses of one call share one timestamp and may belong to any mix of queries.
   * @param atNs when it happened, by the monotonic clock; the moment of this call when left out.
   */
  querySamplesComplete(responses: readonly QuerySampleResponse[], atNs?: number): void;
  /** Reports that a sample will never be answered: the run goes on, and names the sample as failed. */
  sampleFailed(id: number, reason: string): void;
}

/** What is measured. */
export interface SystemUnderTest {
  /** Printed in the logs. */
  readonly name: string;
  /**
   * Takes a query. Timed: it must hand the samples on and return; answers may come during the call or after it.
   */
  issueQuery(samples: readonly QuerySample[], responder: Responder): void;
  /** No further query will come in this series. Untimed. */
  flushQueries(): void;
}

/** Where samples come from. LoadGen knows their indices only. */
export interface QuerySampleLibrary {
  /** Printed in the logs. */
  readonly name: string;
  readonly totalSampleCount: number;
  /** How many samples fit in memory at once; a performance run uses indices below it. */
  readonly performanceSampleCount: number;
  /** Untimed, before a series. */
  loadSamplesToRam(indices: readonly number[]): void | Promise<void>;
  /** Untimed, after a series, with the same list. */
  unloadSamplesFromRam(indices: readonly number[]): void | Promise<void>;
}
