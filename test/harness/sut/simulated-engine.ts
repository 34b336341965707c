// An engine on a virtual clock, for tests of dispatching: batches, chunked prompts and steps as the real one has them, with
// a time that a step takes and a time after which its news is heard.

import type { WorkerEngine } from '../../../harness/sut/worker.js';
import type { EngineHandlers, GenerateRequest } from '../../../native/index.js';
import { eventStatus, NativeError } from '../../../native/index.js';

/** Actions in the order of their time. */
export class Timeline {
  nowNs = 0;
  readonly #actions: { readonly atNs: number; readonly act: () => void }[] = [];

  at(atNs: number, act: () => void): void {
    let place = this.#actions.length;
    while (place > 0 && this.#actions[place - 1]!.atNs > atNs) place--;
    this.#actions.splice(place, 0, { atNs, act });
  }

  /** Until nothing is left to happen. */
  run(): void {
    for (let next = this.#actions.shift(); next !== undefined; next = this.#actions.shift()) {
      this.nowNs = next.atNs;
      next.act();
    }
  }
}

export interface EngineTerms {
  readonly maxBatch: number;
  readonly maxStepTokens: number;
  /** A step takes so long, and so much more a token. */
  readonly stepNs: number;
  readonly tokenNs: number;
  /** From the end of a step until its events are heard, and from a call until the engine heeds it. */
  readonly delayNs: number;
  /** Tokens of each answer, by the second of the prompt's tokens: the first says nothing. */
  readonly answers: readonly number[];
  /** Fails at the end of this step. */
  readonly faultAtStep?: number;
}

interface Running {
  readonly request: GenerateRequest;
  readonly length: number;
  promptLeft: number;
  tokens: number;
}

/** Where engines take requests from; one of its own each, or one for all: then every engine takes what it has room for. */
export type Inbox = GenerateRequest[];

export class SimulatedEngine implements WorkerEngine {
  readonly info = { kvPages: 100, kernels: {}, vocabSize: 10 } as unknown as WorkerEngine['info'];
  /** When its last answer was whole. */
  lastNs = 0;
  steps = 0;
  /** Requests given to it, and of these those cancelled before they began. */
  submitted = 0;
  recalled = 0;
  #running: Running[] = [];
  #isBusy = false;
  #failsNext = false;
  #broken: string | null = null;

  constructor(
    readonly timeline: Timeline,
    readonly terms: EngineTerms,
    readonly handlers: Pick<EngineHandlers, 'onEvents' | 'onBroken'>,
    readonly inbox: Inbox = [],
  ) {}

  submit(requests: readonly GenerateRequest[]): void {
    this.#requireWorking();
    this.submitted += requests.length;
    this.timeline.at(this.timeline.nowNs + this.terms.delayNs, () => {
      this.inbox.push(...requests);
      this.wake();
    });
  }

  cancel(ids: Int32Array): void {
    this.#requireWorking();
    this.timeline.at(this.timeline.nowNs + this.terms.delayNs, () => {
      for (const id of ids) {
        const place = this.inbox.findIndex((request) => request.id === id);
        if (place >= 0) this.recalled += this.inbox.splice(place, 1).length;
        else this.#running = this.#running.filter(({ request }) => request.id !== id);
      }
    });
  }

  /** Begins a step where there is something to compute. */
  wake(): void {
    if (this.#isBusy || this.#broken !== null) return;
    this.#admit();
    if (this.#running.length === 0) return;
    this.#isBusy = true;
    const rows = this.#plan();
    const { stepNs, tokenNs } = this.terms;
    let tokens = 0;
    for (const count of rows.values()) tokens += count;
    this.timeline.at(this.timeline.nowNs + stepNs + tokens * tokenNs, () => this.#end(rows));
  }

  stats() {
    const none = { promptTokens: 0, generatedTokens: 0, occupancySum: 0, preemptions: 0 };
    return {
      ...none,
      steps: this.steps,
      usedKvPages: 0,
      peakKvPages: 0,
      deviceNs: 0,
      rankDeviceNs: new Float64Array(0),
      deviceGapNs: 0,
    };
  }

  score(): Promise<never> {
    return Promise.reject(new Error('it weighs nothing'));
  }

  startProfile(): void {}

  failNextStep(): void {
    this.#failsNext = true;
  }

  profile(): null {
    return null;
  }

  async close(): Promise<void> {
    this.#broken = 'the engine was closed';
  }

  #requireWorking(): void {
    if (this.#broken !== null) throw new NativeError('ERR_ENGINE_BROKEN', this.#broken);
  }

  #admit(): void {
    while (this.#running.length < this.terms.maxBatch) {
      const request = this.inbox.shift();
      if (request === undefined) return;
      const length = this.terms.answers[request.promptTokens[1]!]!;
      this.#running.push({ request, length, promptLeft: request.promptTokens.length, tokens: 0 });
    }
  }

  /** Tokens of each running request: one of an answer, then pieces of prompts. */
  #plan(): Map<Running, number> {
    const { maxStepTokens } = this.terms;
    let room = maxStepTokens - this.#running.filter(({ promptLeft }) => promptLeft === 0).length;
    const rows = new Map<Running, number>();
    for (const one of this.#running) {
      const count = one.promptLeft === 0 ? 1 : Math.max(0, Math.min(one.promptLeft, room));
      if (one.promptLeft > 0) room -= count;
      rows.set(one, count);
    }
    return rows;
  }

  #end(rows: ReadonlyMap<Running, number>): void {
    this.#isBusy = false;
    this.steps++;
    const atNs = this.timeline.nowNs;
    if (this.#failsNext || this.steps === this.terms.faultAtStep) {
      this.#break(atNs);
      return;
    }
    const news = this.#running.filter((one) => advance(one, rows.get(one) ?? 0));
    this.#tell(news, atNs, ({ tokens, length }) =>
      tokens < length ? eventStatus.running : eventStatus.length,
    );
    if (news.some(({ tokens, length }) => tokens === length)) this.lastNs = atNs;
    this.#running = this.#running.filter(({ tokens, length }) => tokens < length);
    this.wake();
  }

  #break(atNs: number): void {
    this.#broken = `the engine broke at step ${this.steps}: a simulated fault`;
    const left = [...this.#running, ...this.inbox.splice(0).map((request) => ({ request }))];
    this.#running = [];
    const { onBroken } = this.handlers;
    const events = left.map(({ request }) => ({ request, tokens: 0 }));
    this.#tell(events, atNs, () => eventStatus.failed);
    this.timeline.at(atNs + this.terms.delayNs, () =>
      onBroken?.(new NativeError('ERR_ENGINE_BROKEN', this.#broken!)),
    );
  }

  #tell<T extends { readonly request: GenerateRequest; readonly tokens: number }>(
    news: readonly T[],
    atNs: number,
    statusOf: (one: T) => number,
  ): void {
    if (news.length === 0) return;
    const statuses = Uint8Array.from(news, statusOf);
    const isFailure = statuses[0] === eventStatus.failed;
    const batch = {
      requestIds: Int32Array.from(news, ({ request }) => request.id),
      tokens: Int32Array.from(news, () => (isFailure ? -1 : 1)),
      tokenCounts: Int32Array.from(news, ({ tokens }) => tokens),
      statuses,
      timestampNs: atNs,
    };
    this.timeline.at(atNs + this.terms.delayNs, () => this.handlers.onEvents(batch));
  }
}

/** Whether it has a token more. */
function advance(one: Running, rows: number): boolean {
  if (rows === 0) return false;
  one.promptLeft = Math.max(0, one.promptLeft - rows);
  if (one.promptLeft > 0) return false;
  one.tokens++;
  return true;
}
