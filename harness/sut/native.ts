// The native engine as a system under test: LoadGen's samples become requests for tokens or for log-probabilities, the
// engine's events become responses. When a request runs is the engine's business; text never gets here.

import type { QuerySample, QuerySampleResponse, Responder } from '../../loadgen/index.js';
import {
  Engine,
  type EngineOptions,
  type EngineProfile,
  type EngineStats,
  type EventBatch,
  eventStatus,
  type GenerateRequest,
} from '../../native/index.js';
import { messageOf } from '../errors.js';
import type { DatasetLibrary } from '../sample-library.js';
import { encodeChoice } from './choice-response.js';
import { compareStats, describeEngine } from './engine-description.js';
import { type EngineReading, EngineReadings } from './engine-readings.js';
import { asLoadError } from './load-error.js';
import type { Answer, EngineWork, MeasuredSut, SutDescription, TestTerms } from './measured-sut.js';

/**
 * How answers are generated, the same for every sample that has no length of its own. Each sample's generator is seeded with `seed` plus its index:
 * the same sample draws the same answer.
 */
export type GenerationTerms = Omit<GenerateRequest, 'id' | 'promptTokens'>;

const noTokens = new Int32Array(0);

/** A sample that the engine is working on. */
interface Flight {
  readonly responder: Responder;
  readonly tokens: number[];
  firstTokenNs: number;
}

export class NativeSut implements MeasuredSut {
  readonly name = 'loadmark-native';
  readonly description: SutDescription;
  readonly answers = new Map<number, Answer>();
  generatedTokens = 0;
  brokenBy: Error | null = null;
  readonly #engine: Engine;
  readonly #library: DatasetLibrary;
  readonly #generation: GenerationTerms;
  readonly #flights = new Map<number, Flight>();
  readonly #questions: { sample: QuerySample; responder: Responder }[] = [];
  readonly #maxQuestions: number;
  readonly #maxSequenceTokens: number;
  #terms: TestTerms = { pass: null, reportsFirstTokens: false };
  #answering = 0;
  /** The engine's counters when the test began. */
  #before: EngineStats;
  #readings: EngineReadings;
  /** Numbers the tests, so that a question of an abandoned one is not answered in the next. */
  #test = 0;

  private constructor(
    engine: Engine,
    options: EngineOptions,
    library: DatasetLibrary,
    generation: GenerationTerms,
  ) {
    this.#engine = engine;
    this.#before = engine.stats();
    this.#library = library;
    this.#generation = generation;
    this.#maxQuestions = options.maxBatch;
    this.#maxSequenceTokens = options.maxSequenceTokens;
    this.description = describeEngine(engine.info, options);
    this.#readings = this.#startReadings();
  }

  /** @throws InputError when the engine refuses the model or the options, SystemUnderTestError when it is broken. */
  static async load(
    options: EngineOptions,
    library: DatasetLibrary,
    generation: GenerationTerms,
  ): Promise<NativeSut> {
    let sut: NativeSut | undefined;
    try {
      const engine = await Engine.load(options, {
        onEvents: (batch) => sut?.takeEvents(batch),
        onBroken: (error) => sut?.break(error),
      });
      library.useVocabulary(engine.info.vocabSize);
      sut = new NativeSut(engine, options, library, generation);
      return sut;
    } catch (error) {
      throw asLoadError(error, options.modelPath);
    }
  }

  beginTest(terms: TestTerms): void {
    this.#test++;
    this.#terms = terms;
    this.answers.clear();
    this.generatedTokens = 0;
    this.#before = this.#engine.stats();
    this.#readings = this.#startReadings();
  }

  get readings(): readonly EngineReading[] {
    return this.#readings.end();
  }

  get work(): EngineWork {
    return compareStats(this.#before, this.#engine.stats(), this.#engine.info);
  }

  startProfile(steps: number, firstStep: number): void {
    this.#engine.startProfile(steps, firstStep);
  }

  get profile(): EngineProfile | null {
    return this.#engine.profile();
  }

  issueQuery(samples: readonly QuerySample[], responder: Responder): void {
    if (this.#library.dataset.kind === 'generation') this.#generate(samples, responder);
    else this.#ask(samples, responder);
  }

  flushQueries(): void {}

  abandon(): void {
    this.#questions.length = 0;
    const unfinished = Int32Array.from(this.#flights.keys());
    this.#flights.clear();
    this.#test++;
    if (unfinished.length > 0 && this.brokenBy === null) this.#engine.cancel(unfinished);
  }

  async close(): Promise<void> {
    this.abandon();
    await this.#engine.close();
  }

  /** The engine's door: one step's news. */
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
        if (flight.tokens.length === 0) {
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
    this.#readings.note(batch.timestampNs);
    if (responder === undefined) return;
    if (this.#terms.reportsFirstTokens && first.length > 0) {
      responder.firstTokenComplete(first, batch.timestampNs);
    }
    if (whole.length > 0) responder.querySamplesComplete(whole, batch.timestampNs);
  }

  private break(error: Error): void {
    this.brokenBy = error;
  }

  #startReadings(): EngineReadings {
    return new EngineReadings(() => {
      const stats = this.#engine.stats();
      const outstanding = this.#flights.size + this.#questions.length + this.#answering;
      return { stats, outstanding, kvShare: stats.usedKvPages / this.#engine.info.kvPages };
    });
  }

  #finish(id: number, flight: Flight): QuerySampleResponse {
    this.#flights.delete(id);
    const tokens = Int32Array.from(flight.tokens);
    this.answers.set(id, { tokens, firstTokenNs: flight.firstTokenNs });
    return { id, data: bytesOf(tokens), tokenCount: tokens.length };
  }

  #generate(samples: readonly QuerySample[], responder: Responder): void {
    const requests = samples.map((sample) => this.#request(sample));
    for (const { id } of requests) {
      this.#flights.set(id, { responder, tokens: [], firstTokenNs: Number.NaN });
    }
    try {
      this.#engine.submit(requests);
    } catch {
      // All or none are taken: one by one, so that only those fail which the engine refuses.
      for (const request of requests) this.#submitAlone(request, responder);
    }
  }

  #submitAlone(request: GenerateRequest, responder: Responder): void {
    try {
      this.#engine.submit([request]);
    } catch (error) {
      this.#flights.delete(request.id);
      responder.sampleFailed(request.id, messageOf(error));
    }
  }

  #request({ id, index }: QuerySample): GenerateRequest {
    const { seed, ...terms } = this.#generation;
    const { promptTokens, newTokens } = this.#library.tokens(index);
    const drawn = { id, promptTokens, ...terms, seed: BigInt.asUintN(64, seed + BigInt(index)) };
    if (newTokens !== null) {
      const exactly = { maxNewTokens: newTokens, minNewTokens: newTokens };
      return { ...drawn, ...exactly, stopTokens: noTokens };
    }
    // A sequence ends where the model's positions do; a prompt that leaves no room is the engine's to refuse.
    const room = Math.max(1, this.#maxSequenceTokens - promptTokens.length);
    const maxNewTokens = Math.min(terms.maxNewTokens, room);
    return { ...drawn, maxNewTokens, minNewTokens: Math.min(terms.minNewTokens, maxNewTokens) };
  }

  #ask(samples: readonly QuerySample[], responder: Responder): void {
    for (const sample of samples) this.#questions.push({ sample, responder });
    this.#answerNext();
  }

  /** Keeps as many questions with the engine as it takes sequences; the rest can still be abandoned. */
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
      const [result] = await this.#engine.score([this.#library.tokens(sample.index)]);
      if (test !== this.#test) return;
      this.answers.set(sample.id, { tokens: new Int32Array(0), firstTokenNs: Number.NaN });
      const data = encodeChoice(result!.logProbs);
      this.#readings.note(result!.finishedNs);
      responder.querySamplesComplete([{ id: sample.id, data, tokenCount: 0 }], result!.finishedNs);
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
  return `the request failed in the engine after ${tokens} tokens: its logits are not finite, unless the engine broke`;
}

/** The tokens as they go to the accuracy log; Node runs on little-endian machines only. */
function bytesOf(tokens: Int32Array): Uint8Array {
  return new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
}
