// The native engine as a system under test: LoadGen's samples become requests for tokens or for log-probabilities, the
// engine's events become responses. Which worker computes a request, and when, is the dispatcher's business; text never gets
// here.

import type { QuerySample, QuerySampleResponse, Responder } from '../../loadgen/index.js';
import { type EngineProfile, type EventBatch, eventStatus } from '../../native/index.js';
import type { WorkerFault } from '../engine-fault.js';
import { messageOf } from '../errors.js';
import type { DatasetLibrary } from '../sample-library.js';
import type { WorkerOptions } from '../worker-options.js';
import { encodeChoice } from './choice-response.js';
import { Dispatcher } from './dispatcher.js';
import { describeEngine, describeWork, readWorkers } from './engine-description.js';
import { type EngineReading, EngineReadings } from './engine-readings.js';
import { FaultTrigger } from './fault-trigger.js';
import { type GenerationTerms, makeRequest } from './generation-request.js';
import type {
  Answer,
  EngineWork,
  MeasuredSut,
  SutDescription,
  TestTerms,
  WorkerLoss,
} from './measured-sut.js';
import type { Worker } from './worker.js';
import { describeFailure } from './worker-failure.js';

/** A sample that the engine is working on. */
interface Flight {
  readonly responder: Responder;
  readonly tokens: number[];
  /** Of its first worker, should there be another after it. */
  firstTokenNs: number;
}

/** What goes along with a load. */
export interface LoadBeside {
  readonly onLoss: (message: string) => void;
  readonly faults: readonly WorkerFault[];
}

export class NativeSut implements MeasuredSut {
  readonly name = 'loadmark-native';
  readonly description: SutDescription;
  readonly answers = new Map<number, Answer>();
  generatedTokens = 0;
  brokenBy: Error | null = null;
  readonly losses: WorkerLoss[] = [];
  readonly #dispatcher: Dispatcher;
  readonly #library: DatasetLibrary;
  readonly #generation: GenerationTerms;
  readonly #trigger: FaultTrigger;
  readonly #flights = new Map<number, Flight>();
  readonly #questions: { sample: QuerySample; responder: Responder }[] = [];
  readonly #maxQuestions: number;
  readonly #maxSequenceTokens: number;
  #terms: TestTerms = { pass: null, reportsFirstTokens: false };
  #answering = 0;
  #readings: EngineReadings;
  #testStartNs = 0;
  #lastNewsNs = 0;
  /** Numbers the tests, so that a question of an abandoned one is not answered in the next. */
  #test = 0;

  private constructor(
    dispatcher: Dispatcher,
    library: DatasetLibrary,
    generation: GenerationTerms,
    faults: readonly WorkerFault[],
  ) {
    const { workers } = dispatcher;
    this.#dispatcher = dispatcher;
    this.#library = library;
    this.#generation = generation;
    this.#trigger = new FaultTrigger(faults, (worker) => dispatcher.failNextStep(worker));
    this.#maxQuestions = workers.reduce((sum, { maxBatch }) => sum + maxBatch, 0);
    this.#maxSequenceTokens = workers[0]!.options.maxSequenceTokens;
    this.description = describeEngine(workers);
    this.#readings = this.#startReadings();
  }

  /**
   * @param workers one at least
   * @param beside hears at once of a worker that failed; faults of workers that are made to fail
   * @throws InputError when an engine refuses the model or its options, SystemUnderTestError when it is broken.
   */
  static async load(
    workers: readonly WorkerOptions[],
    library: DatasetLibrary,
    generation: GenerationTerms,
    { onLoss, faults }: LoadBeside = { onLoss: () => {}, faults: [] },
  ): Promise<NativeSut> {
    let sut: NativeSut | undefined;
    const dispatcher = await Dispatcher.load(workers, {
      onEvents: (batch) => sut?.takeEvents(batch),
      onRestarted: (ids) => sut?.restart(ids),
      onRefused: (id, error) => sut?.refuse(id, error),
      onWorkerFailed: (worker) => {
        onLoss(describeFailure(worker, worker.failure!));
        sut?.lose(worker);
      },
      onBroken: (error) => sut?.break(error),
    });
    library.useVocabulary(dispatcher.workers[0]!.engine.info.vocabSize);
    sut = new NativeSut(dispatcher, library, generation, faults);
    return sut;
  }

  beginTest(terms: TestTerms): void {
    this.#test++;
    this.#terms = terms;
    this.answers.clear();
    this.generatedTokens = 0;
    this.#trigger.beginTest(terms.pass !== null);
    this.#dispatcher.beginTest();
    this.#readings = this.#startReadings();
    this.#testStartNs = Number(process.hrtime.bigint());
    this.#lastNewsNs = this.#testStartNs;
  }

  get readings(): readonly EngineReading[] {
    return this.#readings.end();
  }

  get work(): EngineWork {
    return describeWork(this.#dispatcher.workers, this.#lastNewsNs - this.#testStartNs);
  }

  startProfile(steps: number, firstStep: number): void {
    this.#dispatcher.startProfile(steps, firstStep);
  }

  get profile(): EngineProfile | null {
    return this.#dispatcher.profile();
  }

  issueQuery(samples: readonly QuerySample[], responder: Responder): void {
    this.#trigger.noteIssued(samples.length);
    if (this.#library.dataset.kind === 'generation') this.#generate(samples, responder);
    else this.#ask(samples, responder);
  }

  flushQueries(): void {}

  abandon(): void {
    this.#questions.length = 0;
    const unfinished = [...this.#flights.keys()];
    this.#flights.clear();
    this.#test++;
    if (unfinished.length > 0) this.#dispatcher.cancel(unfinished);
  }

  async close(): Promise<void> {
    this.abandon();
    await this.#dispatcher.close();
  }

  /** The dispatcher's door: one step's news. */
  private takeEvents(batch: EventBatch): void {
    const first: QuerySampleResponse[] = [];
    const whole: QuerySampleResponse[] = [];
    let responder: Responder | undefined;
    for (const [position, id] of batch.requestIds.entries()) {
      const flight = this.#flights.get(id);
      if (flight === undefined) continue;
      responder = flight.responder;
      const token = batch.tokens[position]!;
      if (token >= 0) {
        if (Number.isNaN(flight.firstTokenNs)) {
          flight.firstTokenNs = batch.timestampNs;
          first.push({ id, data: bytesOf(Int32Array.of(token)), tokenCount: 1 });
        }
        flight.tokens.push(token);
        this.generatedTokens++;
      }
      const status = batch.statuses[position]!;
      if (status === eventStatus.stop || status === eventStatus.length) {
        whole.push(this.#finish(id, flight));
      } else if (status !== eventStatus.running) {
        this.#flights.delete(id);
        responder.sampleFailed(id, failureOf(status, flight.tokens.length));
      }
    }
    this.#note(batch.timestampNs);
    if (responder === undefined) return;
    if (this.#terms.reportsFirstTokens && first.length > 0) {
      responder.firstTokenComplete(first, batch.timestampNs);
    }
    if (whole.length === 0) return;
    responder.querySamplesComplete(whole, batch.timestampNs);
    this.#trigger.noteAnswered(this.answers.size);
  }

  /** The dispatcher's door: what these had so far does not count. A first token that was reported stays reported. */
  private restart(ids: readonly number[]): void {
    for (const id of ids) {
      const flight = this.#flights.get(id);
      if (flight !== undefined) this.generatedTokens -= flight.tokens.splice(0).length;
    }
  }

  private refuse(id: number, error: Error): void {
    const flight = this.#flights.get(id);
    if (flight === undefined) return;
    this.#flights.delete(id);
    flight.responder.sampleFailed(id, messageOf(error));
  }

  private lose(worker: Worker): void {
    const failure = worker.failure!;
    const message = describeFailure(worker, failure);
    this.losses.push({ pass: this.#terms.pass, message, resent: failure.resent });
  }

  private break(error: Error): void {
    this.brokenBy = error;
  }

  #note(atNs: number): void {
    this.#lastNewsNs = Math.max(this.#lastNewsNs, atNs);
    this.#readings.note(atNs);
  }

  #startReadings(): EngineReadings {
    return new EngineReadings(() => {
      const outstanding = this.#flights.size + this.#questions.length + this.#answering;
      return { ...readWorkers(this.#dispatcher.workers), outstanding };
    });
  }

  #finish(id: number, flight: Flight): QuerySampleResponse {
    this.#flights.delete(id);
    const tokens = Int32Array.from(flight.tokens);
    this.answers.set(id, { tokens, firstTokenNs: flight.firstTokenNs });
    return { id, data: bytesOf(tokens), tokenCount: tokens.length };
  }

  #generate(samples: readonly QuerySample[], responder: Responder): void {
    const room = this.#maxSequenceTokens;
    const requests = samples.map(({ id, index }) =>
      makeRequest(id, index, this.#library.tokens(index), this.#generation, room),
    );
    for (const { id } of requests) {
      this.#flights.set(id, { responder, tokens: [], firstTokenNs: Number.NaN });
    }
    this.#dispatcher.submit(requests);
  }

  #ask(samples: readonly QuerySample[], responder: Responder): void {
    for (const sample of samples) this.#questions.push({ sample, responder });
    this.#answerNext();
  }

  /** Keeps as many questions with the workers as they take sequences; the rest can still be abandoned. */
  #answerNext(): void {
    while (this.#answering < this.#maxQuestions) {
      const next = this.#questions.shift();
      if (next === undefined) return;
      this.#answering++;
      void this.#answerQuestion(next.sample, next.responder);
    }
  }

  async #answerQuestion(sample: QuerySample, responder: Responder): Promise<void> {
    const test = this.#test;
    try {
      const [result] = await this.#dispatcher.score([this.#library.tokens(sample.index)]);
      if (test !== this.#test) return;
      this.answers.set(sample.id, { tokens: new Int32Array(0), firstTokenNs: Number.NaN });
      const data = encodeChoice(result!.logProbs);
      this.#note(result!.finishedNs);
      responder.querySamplesComplete([{ id: sample.id, data, tokenCount: 0 }], result!.finishedNs);
      this.#trigger.noteAnswered(this.answers.size);
    } catch (error) {
      if (test === this.#test) responder.sampleFailed(sample.id, messageOf(error));
    } finally {
      this.#answering--;
      this.#answerNext();
    }
  }
}

function failureOf(status: number, tokens: number): string {
  if (status === eventStatus.cancelled) {
    return `the request was cancelled in the engine after ${tokens} tokens`;
  }
  return `the request failed in the engine after ${tokens} tokens: its logits are not finite`;
}

/** The tokens as they go to the accuracy log; Node runs on little-endian machines only. */
function bytesOf(tokens: Int32Array): Uint8Array {
  return new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
}
