// The golden values of test/golden/transformers, and the few lines every engine test needs to run requests.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Engine,
  type EngineOptions,
  type EventBatch,
  eventStatus,
  type GenerateRequest,
  type NativeError,
} from '../../native/index.js';

export const goldenFolder = join(dirname(fileURLToPath(import.meta.url)), '../golden/transformers');

/** As make.py describes it. */
export interface Golden {
  readonly vocabSize: number;
  readonly newTokens: number;
  readonly stopTokens: readonly number[];
  readonly logitPrompts: readonly number[];
  readonly logitRows: 'all' | 'last';
  readonly prompts: readonly (readonly number[])[];
  readonly greedy: readonly (readonly number[])[];
  readonly margins: readonly (readonly number[])[];
  readonly logits: Float32Array;
}

/** The folders beside a make.py that hold a checkpoint and its golden values. */
export function listModels(folder: string): string[] {
  return readdirSync(folder).filter(
    (name) =>
      existsSync(join(folder, name, 'golden.json')) &&
      existsSync(join(folder, name, 'config.json')),
  );
}

/** Those folders, and the GGUF files in them: the same weights and golden values. */
export function listCheckpoints(folder: string): string[] {
  const models = listModels(folder);
  const files = models.map((name) => join(name, 'model.gguf'));
  return [...models, ...files.filter((file) => existsSync(join(folder, file)))];
}

export function listGoldenModels(): string[] {
  return listModels(goldenFolder);
}

/** Of a folder, or of a GGUF file in it. */
export function readGolden(path: string): Golden {
  const folder = path.endsWith('.gguf') ? dirname(path) : path;
  const bytes = readFileSync(join(folder, 'logits.f32'));
  const logits = new Float32Array(bytes.length / 4);
  new Uint8Array(logits.buffer).set(bytes);
  return { ...JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')), logits };
}

export function makeOptions(model: string, changes: Partial<EngineOptions> = {}): EngineOptions {
  return {
    modelPath: join(goldenFolder, model),
    device: 'cpu',
    threads: 2,
    maxBatch: 8,
    maxSequenceTokens: 128,
    maxStepTokens: 64,
    pageTokens: 16,
    kvCacheBytes: 0,
    kvCacheType: 'fp32',
    instructionSet: 'auto',
    activationType: 'fp32',
    ...changes,
  };
}

export function makeRequest(id: number, changes: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    id,
    promptTokens: Int32Array.of(3, 4, 5),
    maxNewTokens: 8,
    minNewTokens: 0,
    stopTokens: new Int32Array(0),
    temperature: 0,
    topK: 0,
    topP: 1,
    seed: 0n,
    ...changes,
  };
}

export interface Answer {
  readonly tokens: number[];
  status: number;
  events: number;
}

/** An engine that gathers answers by request id. */
export class Bench {
  readonly answers = new Map<number, Answer>();
  readonly batches: EventBatch[] = [];
  broken: NativeError | undefined;
  #waiting: { left: number; resolve: () => void } | undefined;
  #finished = 0;
  engine!: Engine;

  static async load(options: EngineOptions): Promise<Bench> {
    const bench = new Bench();
    bench.engine = await Engine.load(options, {
      onEvents: (batch) => bench.#take(batch),
      onBroken: (error) => {
        bench.broken = error;
      },
    });
    return bench;
  }

  /** Submits, waits until every request submitted so far is finished, and returns these ones' tokens. */
  async run(requests: readonly GenerateRequest[]): Promise<number[][]> {
    for (const request of requests) this.answers.delete(request.id);
    const before = this.#finished;
    this.engine.submit(requests);
    await this.finished(before + requests.length);
    return requests.map((request) => this.answers.get(request.id)!.tokens);
  }

  /** Resolves when this many requests have finished since the engine was loaded. */
  finished(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#finished >= count) resolve();
      else this.#waiting = { left: count, resolve };
    });
  }

  #take(batch: EventBatch): void {
    this.batches.push(batch);
    for (let i = 0; i < batch.requestIds.length; i++) {
      const id = batch.requestIds[i]!;
      let answer = this.answers.get(id);
      if (answer === undefined) {
        answer = { tokens: [], status: eventStatus.running, events: 0 };
        this.answers.set(id, answer);
      }
      answer.events++;
      answer.status = batch.statuses[i]!;
      if (batch.tokens[i]! >= 0) answer.tokens.push(batch.tokens[i]!);
      if (batch.tokenCounts[i] !== answer.tokens.length) throw new Error('tokenCounts is wrong');
      if (answer.status !== eventStatus.running) this.#finished++;
    }
    if (this.#waiting !== undefined && this.#finished >= this.#waiting.left) {
      this.#waiting.resolve();
      this.#waiting = undefined;
    }
  }
}
