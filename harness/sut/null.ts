// The system under test that computes nothing: it answers each sample after a fixed service time with tokens that mean
// nothing. It shows what LoadGen and the harness themselves cost, and how they behave.

import {
  type Clock,
  type QuerySample,
  type QuerySampleResponse,
  RealClock,
  type Responder,
} from '../../loadgen/index.js';
import type { Answer, MeasuredSut, SutDescription, TestTerms } from './measured-sut.js';
import { createTimeline, type Timeline } from './timeline.js';

export interface NullSutOptions {
  /** Time to serve one sample, one after the other; 0 answers within issueQuery. */
  readonly delayMs: number;
  /** Tokens each answer claims, all of id 0; 0 where answers are not made of tokens. */
  readonly outputTokens: number;
}

export class NullSut implements MeasuredSut {
  readonly name = 'null';
  readonly brokenBy = null;
  readonly losses = [];
  readonly work = null;
  readonly readings = [];
  readonly profile = null;
  readonly description: SutDescription;
  readonly answers = new Map<number, Answer>();
  readonly #options: NullSutOptions;
  readonly #clock: Clock;
  readonly #timeline: Timeline;
  #terms: TestTerms = { pass: null, reportsFirstTokens: false };
  /** When the server is done with what it has taken so far, by the clock. */
  #freeAtNs = 0;

  constructor(options: NullSutOptions, clock: Clock = new RealClock()) {
    this.#options = options;
    this.#clock = clock;
    this.#timeline = createTimeline(clock);
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
      memoryRead: null,
      memoryReadAbsentBecause: 'nothing is computed',
      model: null,
    };
  }

  get generatedTokens(): number {
    return this.answers.size * this.#options.outputTokens;
  }

  startProfile(): void {}

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
    this.#freeAtNs = Math.max(this.#freeAtNs, this.#timeline.nowNs());
    for (const sample of samples) {
      this.#freeAtNs += this.#options.delayMs * 1e6;
      this.#timeline.schedule(this.#freeAtNs, () => this.#answer([sample], responder));
    }
  }

  flushQueries(): void {}

  abandon(): void {
    this.#timeline.clear();
    this.#freeAtNs = 0;
  }

  async close(): Promise<void> {
    this.abandon();
  }

  #answer(samples: readonly QuerySample[], responder: Responder): void {
    const tokenCount = this.#options.outputTokens;
    const responses: QuerySampleResponse[] = samples.map(({ id }) => {
      return { id, data: new Uint8Array(4 * tokenCount), tokenCount };
    });
    const atNs = this.#clock.nowNs();
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
