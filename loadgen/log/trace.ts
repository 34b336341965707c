// mlperf_log_trace.json: Chrome trace events of the calls and samples of a test.
// Differs from loadgen: no events of a logging thread (there is none), and the file is valid JSON.

import { formatFixed } from './number-format.js';

/** Extra fields of a span. */
export type SpanArguments = Readonly<Record<string, number>>;

/** A sample as its events show it; times in ns since the start of the test. */
export interface TracedSample {
  readonly sampleId: number;
  readonly queryId: number;
  readonly sampleIndex: number;
  readonly scheduledNs: number;
  readonly issuedNs: number;
}

function microseconds(ns: number): string {
  return formatFixed(Math.round(ns) / 1000, 3);
}

/** Collects events while the test runs; each becomes text when the file is asked for. */
export class Trace {
  readonly #events: (() => string)[] = [];
  readonly #isPaced: boolean;

  /** @param isServer whether issue delays are shown as a counter. */
  constructor(isServer: boolean) {
    this.#isPaced = isServer;
  }

  span(name: string, fromNs: number, toNs: number, args: SpanArguments = {}): void {
    this.#events.push(
      () =>
        `{"name":"${name}","ph":"X","pid":${process.pid},"tid":${process.pid},` +
        `"ts":${microseconds(fromNs)},"dur":${microseconds(toNs - fromNs)},"args":${JSON.stringify(args)}}`,
    );
  }

  firstToken(sample: TracedSample, atNs: number): void {
    if (this.#isPaced) this.#counter('Token_Latency', sample, atNs);
    else this.#asynchronous('Token', sample, atNs);
  }

  complete(sample: TracedSample, atNs: number): void {
    if (this.#isPaced) this.#counter('Latency', sample, atNs);
    this.#asynchronous('Sample', sample, atNs);
  }

  #counter(name: string, sample: TracedSample, atNs: number): void {
    this.#events.push(
      () =>
        `{"name":"${name}","ph": "C","pid":${process.pid},"ts":${microseconds(sample.scheduledNs)},` +
        `"args":{ "issue_delay":${sample.issuedNs - sample.scheduledNs},"issue_to_done":${atNs - sample.issuedNs}}}`,
    );
  }

  #asynchronous(name: string, sample: TracedSample, atNs: number): void {
    const start = `{"name":"${name}","cat":"default","ph":`;
    this.#events.push(
      () =>
        `${start}"b","pid":${process.pid},"id":${sample.sampleId},"ts":${microseconds(sample.scheduledNs)},` +
        `"args":{"sample_seq":${sample.sampleId},"query_seq":${sample.queryId},"sample_idx":${sample.sampleIndex},` +
        `"issue_start_ns":${sample.issuedNs - sample.scheduledNs},"complete_ns":${atNs - sample.scheduledNs}}}`,
    );
    this.#events.push(
      () => `${start}"e", "pid":${process.pid},"id":${sample.sampleId},"ts":${microseconds(atNs)}}`,
    );
  }

  /** @param startUnixMs UTC of the start of the test. */
  toText(startUnixMs: number): string {
    const events = this.#events.map((event) => `${event()},\n`).join('');
    return (
      `{"traceEvents":[\n${events}{"name":"LastTrace"}\n],\n"displayTimeUnit":"ns",\n"otherData":{\n` +
      `"ts":${formatFixed(startUnixMs * 1000, 3)},\n"version":"MLPerf LoadGen v1.0"\n}\n}\n`
    );
  }
}
