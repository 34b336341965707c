// A system under test that does what its script says: answers, times and faults are written down, nothing is computed.
// It takes its time from the clock it is given, so that one script serves the real clock and the virtual one.

import {
  type Clock,
  type QuerySample,
  type QuerySampleResponse,
  RealClock,
  type Responder,
} from '../../loadgen/index.js';
import type { DatasetLibrary } from '../sample-library.js';
import type { Script, ScriptFaults } from '../script-config.js';
import type { Answer, MeasuredSut, SutDescription, TestTerms } from './measured-sut.js';
import { type ScriptedAnswer, writeAnswers } from './script-answers.js';
import { draw, isStruck } from './script-draw.js';
import { createTimeline, type Timeline } from './timeline.js';

interface Job {
  readonly sample: QuerySample;
  readonly responder: Responder;
  readonly arrivedNs: number;
}

/** No sample has this id: LoadGen's tables end long before. */
const unknownId = 2 ** 40;
const noData = new Uint8Array(0);

export class ScriptedSut implements MeasuredSut {
  readonly name = 'scripted';
  readonly brokenBy = null;
  readonly losses = [];
  readonly work = null;
  readonly readings = [];
  readonly profile = null;
  readonly description: SutDescription;
  readonly answers = new Map<number, Answer>();
  generatedTokens = 0;
  readonly #script: Script;
  readonly #written: readonly ScriptedAnswer[];
  readonly #clock: Clock;
  readonly #timeline: Timeline;
  #terms: TestTerms = { pass: null, reportsFirstTokens: false };
  #waiting: Job[] = [];
  /** Those before it have been taken. */
  #next = 0;
  #busy = 0;
  #isSilent = false;

  constructor(script: Script, library: DatasetLibrary, clock: Clock = new RealClock()) {
    this.#script = script;
    this.#clock = clock;
    this.#timeline = createTimeline(clock);
    this.#written = writeAnswers(script, library);
    this.description = describe(script, library.dataset.synthetic !== undefined);
  }

  startProfile(): void {}

  beginTest(terms: TestTerms): void {
    this.abandon();
    this.answers.clear();
    this.generatedTokens = 0;
    this.#isSilent = false;
    this.#terms = terms;
  }

  issueQuery(samples: readonly QuerySample[], responder: Responder): void {
    const arrivedNs = this.#timeline.nowNs();
    for (const sample of samples) this.#waiting.push({ sample, responder, arrivedNs });
    this.#startJobs();
    if (this.#script.sync) this.#timeline.runUntil(() => this.#busy === 0);
  }

  flushQueries(): void {}

  abandon(): void {
    this.#timeline.clear();
    this.#waiting = [];
    this.#next = 0;
    this.#busy = 0;
  }

  async close(): Promise<void> {
    this.abandon();
  }

  #startJobs(): void {
    const slots = this.#script.slots || Number.POSITIVE_INFINITY;
    while (this.#busy < slots && this.#next < this.#waiting.length) {
      this.#busy++;
      this.#serve(this.#waiting[this.#next++]!);
    }
    if (this.#next < this.#waiting.length) return;
    this.#waiting = [];
    this.#next = 0;
  }

  #serve(job: Job): void {
    const { seed, timeToFirstToken, timePerOutputToken } = this.#script;
    const { index } = job.sample;
    const answer = this.#written[index]!;
    const lasts = (time: { baseMs: number; spreadMs: number }, purpose: string) =>
      Math.round(1e6 * (time.baseMs + time.spreadMs * draw(seed, purpose, index)));
    // A slot that became free a little late, by a timer, was free when its action was due.
    const startNs = Math.max(job.arrivedNs, this.#timeline.nowNs());
    const firstNs = startNs + lasts(timeToFirstToken, 'first token');
    const later = Math.max(0, answer.tokens.length - 1);
    const endNs = firstNs + later * lasts(timePerOutputToken, 'output token');
    const state = { firstTokenNs: Number.NaN };
    if (answer.tokens.length > 0) {
      this.#timeline.schedule(firstNs, () => {
        state.firstTokenNs = this.#clock.nowNs();
        if (!this.#strikes('answerBeforeFirstToken', job)) this.#sendFirst(job, answer);
      });
    }
    this.#timeline.schedule(endNs, () => {
      this.#end(job, answer, state.firstTokenNs);
      this.#busy--;
      this.#startJobs();
    });
  }

  #strikes(name: keyof ScriptFaults, { sample }: Job): boolean {
    const { seed, faults } = this.#script;
    return isStruck(faults[name], name, sample.id, { seed, pass: this.#terms.pass });
  }

  #sendFirst(job: Job, answer: ScriptedAnswer): void {
    if (!this.#terms.reportsFirstTokens || this.#isSilent) return;
    const response = { id: job.sample.id, data: answer.data.subarray(0, 4), tokenCount: 1 };
    job.responder.firstTokenComplete([response]);
    if (this.#strikes('firstTokenTwice', job)) job.responder.firstTokenComplete([response]);
  }

  #end(job: Job, answer: ScriptedAnswer, firstTokenNs: number): void {
    const { sample, responder } = job;
    if (this.#isSilent || this.#strikes('drop', job)) return;
    if (this.#strikes('silence', job)) this.#isSilent = true;
    if (this.#strikes('fail', job)) {
      responder.sampleFailed(sample.id, this.#script.faults.fail.reason);
      return;
    }
    const { tokens, data } = answer;
    this.answers.set(sample.id, { tokens, firstTokenNs });
    this.generatedTokens += tokens.length;
    const response: QuerySampleResponse = {
      id: sample.id,
      data,
      tokenCount: this.#claimTokens(job, tokens.length),
    };
    responder.querySamplesComplete([response]);
    if (this.#strikes('answerTwice', job)) responder.querySamplesComplete([response]);
    if (this.#strikes('answerBeforeFirstToken', job) && this.#terms.reportsFirstTokens) {
      responder.firstTokenComplete([{ ...response, data: data.subarray(0, 4) }]);
    }
    if (this.#strikes('answerUnasked', job)) {
      responder.querySamplesComplete([{ id: unknownId, data: noData, tokenCount: 2 }]);
    }
  }

  #claimTokens(job: Job, count: number): number {
    if (this.#strikes('zeroTokens', job)) return 0;
    if (this.#strikes('oneToken', job)) return 1;
    return this.#strikes('negativeTokens', job) ? -3 : count;
  }
}

function describe(script: Script, hasLengths: boolean): SutDescription {
  const { timeToFirstToken, timePerOutputToken, answers, faults } = script;
  const struck = Object.entries(faults)
    .filter(([, { sample, probability }]) => sample !== null || probability !== null)
    .map(([name]) => name);
  const whole = hasLengths ? "the dataset's lengths" : 'reference';
  return {
    kind: 'scripted',
    devices: [],
    workers: null,
    tensorParallel: null,
    threads: null,
    maxBatch: null,
    kvCache: null,
    features: {
      script: script.file,
      scriptSha256: script.sha256,
      firstTokenBaseMs: timeToFirstToken.baseMs,
      firstTokenSpreadMs: timeToFirstToken.spreadMs,
      outputTokenBaseMs: timePerOutputToken.baseMs,
      outputTokenSpreadMs: timePerOutputToken.spreadMs,
      slots: script.slots,
      sync: script.sync,
      answers: answers.tokens === null ? whole : `${answers.tokens} tokens`,
      degrade: answers.degrade,
      faults: struck.join(', ') || 'none',
    },
    kernels: {},
    memoryRead: null,
    memoryReadAbsentBecause: 'nothing is computed',
    model: null,
  };
}
