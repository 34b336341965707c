// The system under test and the library of the golden runs, on the virtual clock: service times are a formula of the index.

import type {
  QuerySample,
  QuerySampleLibrary,
  QuerySampleResponse,
  Responder,
  SystemUnderTest,
  VirtualClock,
} from '../../loadgen/index.js';

/** How a golden run's system under test behaves; absent knobs are 0 unless said. */
export interface GoldenSutKnobs {
  readonly ttft_a?: number;
  readonly ttft_b?: number;
  readonly tpot_a?: number;
  readonly tpot_b?: number;
  /** 1 when absent. */
  readonly tok_a?: number;
  /** 1 when absent. */
  readonly tok_b?: number;
  /** Samples served at once; 0 means no limit. */
  readonly slots?: number;
  readonly sync?: number;
  readonly use_token_latencies?: number;
  readonly scenario?: string;
  /** 1: first tokens are reported in Offline too. */
  readonly first_tok?: number;
  /** The mistake to make, with sample number err_k. */
  readonly err?: string;
  readonly err_k?: number;
}

/** Rows as in events.json. */
export type GoldenEvent = readonly (number | string | readonly number[])[];

const knownErrors = [
  'double_complete',
  'double_first',
  'first_after',
  'neg_tokens',
  'no_first',
  'one_token',
  'zero_tokens',
];

export class GoldenLibrary implements QuerySampleLibrary {
  readonly name = 'GoldenQSL';
  constructor(
    readonly totalSampleCount: number,
    readonly performanceSampleCount: number,
    private readonly clock: VirtualClock,
    private readonly events: GoldenEvent[],
  ) {}

  loadSamplesToRam(indices: readonly number[]): void {
    this.events.push([this.clock.nowNs(), 'Load', indices]);
    this.clock.spend(5e6);
  }

  unloadSamplesFromRam(indices: readonly number[]): void {
    this.events.push([this.clock.nowNs(), 'Unload', indices]);
    this.clock.spend(1e6);
  }
}

interface Job {
  readonly sample: QuerySample;
  readonly number: number;
  readonly responder: Responder;
}

export class GoldenSut implements SystemUnderTest {
  #isNamed = false;
  #issued = 0;
  #busy = 0;
  #done = 0;
  readonly #queue: Job[] = [];

  constructor(
    private readonly knobs: GoldenSutKnobs,
    private readonly clock: VirtualClock,
    private readonly events: GoldenEvent[],
  ) {
    if (knobs.err !== undefined && !knownErrors.includes(knobs.err)) {
      throw new Error(`golden mistake ${knobs.err} is unknown`);
    }
  }

  get name(): string {
    if (!this.#isNamed) this.clock.spend(1000);
    this.#isNamed = true;
    return 'GoldenSUT';
  }

  issueQuery(samples: readonly QuerySample[], responder: Responder): void {
    const indices = samples.map((s) => s.index);
    this.events.push([this.clock.nowNs(), 'I', this.#issued, indices]);
    for (const sample of samples) this.#queue.push({ sample, number: this.#issued++, responder });
    const wanted = this.#issued;
    this.#startJobs();
    if (this.knobs.sync && !this.clock.runUntil(() => this.#done >= wanted)) {
      throw new Error('the golden system under test ran dry');
    }
  }

  flushQueries(): void {
    this.events.push([this.clock.nowNs(), 'Flush']);
  }

  #startJobs(): void {
    const limit = this.knobs.slots || Number.POSITIVE_INFINITY;
    while (this.#busy < limit) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      this.#busy += 1;
      this.#serve(job);
    }
  }

  #tokensOf(x: number): number {
    return (this.knobs.tok_a ?? 1) + ((31 * x) % (this.knobs.tok_b ?? 1));
  }

  #serve(job: Job): void {
    const { ttft_a = 0, ttft_b = 0, tpot_a = 0, tpot_b = 0 } = this.knobs;
    const x = job.sample.index;
    const now = this.clock.nowNs();
    const firstNs = ttft_a + ((7919 * x) % 1000) * ttft_b;
    const perTokenNs = tpot_a + ((104729 * x) % 512) * tpot_b;
    const serviceNs = firstNs + perTokenNs * (this.#tokensOf(x) - 1);
    if (this.#reportsFirst()) {
      this.clock.schedule(now + firstNs, () => this.#first(job));
    }
    this.clock.schedule(now + serviceNs, () => this.#complete(job));
  }

  #reportsFirst(): boolean {
    if (!this.knobs.use_token_latencies) return false;
    return this.knobs.scenario !== 'Offline' || this.knobs.first_tok === 1;
  }

  #errs(job: Job, mistake: string): boolean {
    return this.knobs.err === mistake && job.number === this.knobs.err_k;
  }

  #first(job: Job): void {
    if (this.#errs(job, 'no_first')) return;
    this.events.push([this.clock.nowNs(), 'F', job.number]);
    this.#sendFirst(job);
    // Mistakes are not part of the recorded events.
    if (this.#errs(job, 'double_first')) this.#sendFirst(job);
  }

  #sendFirst(job: Job): void {
    const data = new Uint8Array(4);
    const hash = Math.imul(job.sample.index, 2654435761) >>> 0;
    new DataView(data.buffer).setUint32(0, hash, true);
    job.responder.firstTokenComplete([{ id: job.sample.id, data, tokenCount: 0 }]);
  }

  #complete(job: Job): void {
    this.events.push([this.clock.nowNs(), 'C', job.number, this.#tokensPassed(job)]);
    this.#sendComplete(job);
    if (this.#errs(job, 'double_complete')) this.#sendComplete(job);
    if (this.#errs(job, 'first_after')) this.#sendFirst(job);
    this.#busy -= 1;
    this.#done += 1;
    this.#startJobs();
  }

  #tokensPassed(job: Job): number {
    if (this.#errs(job, 'zero_tokens')) return 0;
    if (this.#errs(job, 'one_token')) return 1;
    if (this.#errs(job, 'neg_tokens')) return -3;
    return this.knobs.use_token_latencies ? this.#tokensOf(job.sample.index) : 0;
  }

  #sendComplete(job: Job): void {
    const x = job.sample.index;
    const data = new Uint8Array(8);
    const view = new DataView(data.buffer);
    view.setUint32(0, x, true);
    view.setUint32(4, this.#tokensOf(x), true);
    const tokenCount = this.#tokensPassed(job);
    const response: QuerySampleResponse = { id: job.sample.id, data, tokenCount };
    job.responder.querySamplesComplete([response]);
  }
}
