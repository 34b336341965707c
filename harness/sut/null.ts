// The system under test that computes nothing: it answers each sample after a fixed service time with tokens that mean
// nothing. It shows what LoadGen and the harness themselves cost, and how they behave.

import type { QuerySample, QuerySampleResponse, Responder } from '../../loadgen/index.js';
import type { Answer, MeasuredSut, SutDescription, TestTerms } from './measured-sut.js';

export interface NullSutOptions {
  /** Time to serve one sample, one after the other; 0 answers within issueQuery. */
  readonly delayMs: number;
  /** Tokens each answer claims, all of id 0; 0 where answers are not made of tokens. */
  readonly outputTokens: number;
}

interface Waiting {
  readonly sample: QuerySample;
  readonly responder: Responder;
}

export class NullSut implements MeasuredSut {
  readonly name = 'null';
  readonly brokenBy = null;
  readonly description: SutDescription;
  readonly answers = new Map<number, Answer>();
  readonly #options: NullSutOptions;
  readonly #queue: Waiting[] = [];
  #terms: TestTerms = { reportsFirstTokens: false };
  #timer: NodeJS.Timeout | undefined;
  /** When the server is done with what it has taken so far, CLOCK_MONOTONIC nanoseconds. */
  #freeAtNs = 0;

  constructor(options: NullSutOptions) {
    this.#options = options;
    this.description = {
      kind: 'null',
      devices: [],
      workers: null,
      tensorParallel: null,
      threads: null,
      maxBatch: null,
      kvCache: null,
      features: { delayMs: options.delayMs, outputTokens: options.outputTokens },
      kernels: {},
      model: null,
    };
  }

  get generatedTokens(): number {
    return this.answers.size * this.#options.outputTokens;
  }

  beginTest(terms: TestTerms): void {
    this.abandon();
    this.answers.clear();
    this.#terms = terms;
  }

  issueQuery(samples: readonly QuerySample[], responder: Responder): void {
    if (this.#options.delayMs === 0) {
      this.#answer(samples, responder);
      return;
    }
    if (this.#queue.length === 0) this.#freeAtNs = nowNs();
    for (const sample of samples) this.#queue.push({ sample, responder });
    this.#wait();
  }

  flushQueries(): void {}

  abandon(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#queue.length = 0;
  }

  async close(): Promise<void> {
    this.abandon();
  }

  #wait(): void {
    if (this.#timer !== undefined || this.#queue.length === 0) return;
    const dueInMs = (this.#freeAtNs - nowNs()) / 1e6 + this.#options.delayMs;
    this.#timer = setTimeout(() => this.#serveDue(), Math.max(0, dueInMs));
  }

  /** Timers are late by up to a millisecond: serves all that is due by now. */
  #serveDue(): void {
    this.#timer = undefined;
    const serviceNs = this.#options.delayMs * 1e6;
    while (this.#queue.length > 0 && this.#freeAtNs + serviceNs <= nowNs()) {
      const { sample, responder } = this.#queue.shift()!;
      this.#freeAtNs += serviceNs;
      this.#answer([sample], responder);
    }
    this.#wait();
  }

  #answer(samples: readonly QuerySample[], responder: Responder): void {
    const tokenCount = this.#options.outputTokens;
    const responses: QuerySampleResponse[] = samples.map(({ id }) => {
      return { id, data: new Uint8Array(4 * tokenCount), tokenCount };
    });
    const atNs = nowNs();
    const firstTokenNs = tokenCount > 0 ? atNs : Number.NaN;
    for (const { id, data } of responses) {
      this.answers.set(id, { tokens: new Int32Array(data.buffer), firstTokenNs });
    }
    if (this.#terms.reportsFirstTokens) {
      const first = responses.map(({ id, data }) => ({
        id,
        data: data.subarray(0, 4),
        tokenCount: 1,
      }));
      responder.firstTokenComplete(first, atNs);
    }
    responder.querySamplesComplete(responses, atNs);
  }
}

function nowNs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e9 + nanoseconds;
}
