// The native engine as a system under test on a small random checkpoint, what it is asked, and who keeps its answers.
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ChoiceSample, Dataset, GenerationSample } from '../../../datasets/dataset.js';
import type { Tokenizer } from '../../../datasets/tokenizer.js';
import { findPackageRoot } from '../../../harness/package-root.js';
import { DatasetLibrary } from '../../../harness/sample-library.js';
import { NativeSut } from '../../../harness/sut/native.js';
import type { WorkerOptions } from '../../../harness/worker-options.js';
import type { QuerySampleResponse, Responder } from '../../../loadgen/index.js';

export const options: WorkerOptions = {
  modelPath: join(findPackageRoot().folder, 'test', 'golden', 'transformers', 'float32'),
  device: 'cpu',
  threads: 2,
  maxBatch: 4,
  maxSequenceTokens: 64,
  maxStepTokens: 16,
  pageTokens: 4,
  kvCacheBytes: 0,
  kvCacheType: 'fp32',
  instructionSet: 'auto',
  activationType: 'fp32',
};

const generation = {
  maxNewTokens: 12,
  minNewTokens: 2,
  stopTokens: Int32Array.of(2),
  temperature: 0,
  topK: 0,
  topP: 1,
  seed: 1n,
};

/** The model knows 160 tokens: a character is the token of its code, shifted. */
const tokenizer: Tokenizer = {
  encode: (text) => Int32Array.from(text, (letter) => 3 + (letter.codePointAt(0)! % 150)),
  decode: (tokens) => String.fromCodePoint(...Array.from(tokens)),
  bosId: 1,
  eosId: 2,
  vocabSize: 160,
};

export function generationSet(prompts: readonly string[]): Dataset {
  const sample = (index: number): GenerationSample => ({
    kind: 'generation',
    id: `${index}`,
    prompt: prompts[index]!,
    reference: '',
  });
  const length = prompts.length;
  return { name: 'prompts', split: 'test', kind: 'generation', length, sample, digest: () => '' };
}

export const questions: Dataset = {
  name: 'questions',
  split: 'test',
  kind: 'choice',
  length: 9,
  sample: (index: number): ChoiceSample => ({
    kind: 'choice',
    id: `${index}`,
    subject: 'any',
    prompt: `Question ${index}?\nAnswer:`,
    choices: [' A', ' B', ' C', ' D'],
    answer: 0,
  }),
  digest: () => '',
};

/** One worker for each entry, with what it changes; close it. */
export async function loadSut(
  dataset: Dataset,
  workers: readonly Partial<WorkerOptions>[] = [{}],
  maxNewTokens = 12,
): Promise<NativeSut> {
  const library = new DatasetLibrary(dataset, tokenizer, dataset.length);
  const all = workers.map((changes) => ({ ...options, ...changes }));
  const sut = await NativeSut.load(all, library, { ...generation, maxNewTokens });
  library.loadSamplesToRam(Array.from({ length: dataset.length }, (_, index) => index));
  return sut;
}

/** Keeps every call, and resolves once so many samples are settled. */
export class Recorder implements Responder {
  readonly first = new Map<number, number>();
  readonly whole = new Map<number, { response: QuerySampleResponse; atNs: number }>();
  readonly failed = new Map<number, string>();
  readonly settled: Promise<void>;
  #left: number;
  #resolve = () => {};

  constructor(count: number) {
    this.#left = count;
    this.settled = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  firstTokenComplete(responses: readonly QuerySampleResponse[], atNs = Number.NaN): void {
    for (const { id } of responses) {
      expect(this.first.has(id)).toBe(false);
      this.first.set(id, atNs);
    }
  }

  querySamplesComplete(responses: readonly QuerySampleResponse[], atNs = Number.NaN): void {
    for (const response of responses) {
      expect(this.whole.has(response.id)).toBe(false);
      this.whole.set(response.id, { response, atNs });
    }
    this.#settle(responses.length);
  }

  sampleFailed(id: number, reason: string): void {
    expect(this.failed.has(id) || this.whole.has(id)).toBe(false);
    this.failed.set(id, reason);
    this.#settle(1);
  }

  #settle(count: number): void {
    this.#left -= count;
    expect(this.#left).toBeGreaterThanOrEqual(0);
    if (this.#left === 0) this.#resolve();
  }
}

export async function answerAll(sut: NativeSut, count: number, reportsFirstTokens: boolean) {
  const recorder = new Recorder(count);
  sut.beginTest({ pass: null, reportsFirstTokens });
  const samples = Array.from({ length: count }, (_, id) => ({ id, index: id }));
  sut.issueQuery(samples, recorder);
  sut.flushQueries();
  await recorder.settled;
  return recorder;
}
