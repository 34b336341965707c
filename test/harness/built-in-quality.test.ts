// Do the built-in models keep what is promised of them? Full test sets through the engine and the scorers, no LoadGen:
// how a run issues, times and judges is left to run-tiny.test.ts.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Dataset,
  loadTokenizer,
  openDataset,
  removeContext,
  type Tokenizer,
} from '../../datasets/index.js';
import {
  type ChoiceScore,
  type GenerationScore,
  scoreChoices,
  scoreGeneration,
} from '../../harness/accuracy/index.js';
import { findPackageRoot } from '../../harness/package-root.js';
import { DatasetLibrary } from '../../harness/sample-library.js';
import { Engine, type EngineOptions, type EventBatch, eventStatus } from '../../native/index.js';

/** What the two models are run with: see configs/runs/baseline.yaml and optimized.yaml. */
const numberTypes = {
  tiny: { activationType: 'fp32', kvCacheType: 'fp32' },
  'tiny-int4': { activationType: 'int8', kvCacheType: 'fp16' },
} as const;

const orca = openDataset('tiny-orca', 'test');
const mmlu = openDataset('tiny-mmlu', 'test');

/** The same questions and references, with nothing to read the answers from. */
const orcaWithoutContext: Dataset = {
  ...orca,
  sample: (index) => {
    const sample = orca.sample(index);
    return { ...sample, prompt: removeContext(sample.prompt) };
  },
};

/** A loaded model and the answers that it is giving. */
class Model {
  #engine: Engine | undefined;
  #answers: number[][] = [];
  #unfinished = 0;
  #settle: { resolve(): void; reject(error: Error): void } | undefined;

  private constructor(
    readonly name: string,
    readonly tokenizer: Tokenizer,
  ) {}

  /** Rejects where the checkpoint is missing: a promise about nothing is not kept. */
  static async load(name: keyof typeof numberTypes): Promise<Model> {
    const modelPath = join(findPackageRoot().folder, 'configs', 'models', name);
    const model = new Model(name, await loadTokenizer(modelPath));
    const options: EngineOptions = {
      modelPath,
      device: 'cpu',
      threads: availableParallelism(),
      maxBatch: 64,
      maxSequenceTokens: 1024,
      maxStepTokens: 512,
      pageTokens: 16,
      kvCacheBytes: 0,
      instructionSet: 'auto',
      ...numberTypes[name],
    };
    model.#engine = await Engine.load(options, {
      onEvents: (batch) => model.#takeEvents(batch),
      onBroken: (error) => model.#settle?.reject(error),
    });
    return model;
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error(`${this.name} is not loaded`);
    return this.#engine;
  }

  /** Greedy answers to every sample of a dataset, scored. */
  async answer(dataset: Dataset): Promise<GenerationScore> {
    const library = this.#tokenize(dataset);
    const indices = rowsOf(dataset);
    this.#answers = indices.map(() => []);
    this.#unfinished = indices.length;
    const finished = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    const requests = indices.map((id) => ({
      id,
      promptTokens: library.tokens(id).promptTokens,
      maxNewTokens: 128,
      minNewTokens: 2,
      stopTokens: Int32Array.of(this.tokenizer.eosId),
      temperature: 0,
      topK: 0,
      topP: 1,
      seed: BigInt(id),
    }));
    this.engine.submit(requests);
    await finished;
    return scoreGeneration(
      this.#answers.map((tokens, index) => {
        const sample = dataset.sample(index);
        if (sample.kind !== 'generation') throw new Error(`${sample.id} has no reference`);
        const { id, reference } = sample;
        const prediction = this.tokenizer.decode(tokens);
        return { id, prediction, reference, tokenCount: tokens.length };
      }),
    );
  }

  /** Every question of a dataset, answered by the likeliest choice. */
  async choose(dataset: Dataset): Promise<ChoiceScore> {
    const library = this.#tokenize(dataset);
    const indices = rowsOf(dataset);
    const results = await this.engine.score(indices.map((index) => library.tokens(index)));
    return scoreChoices(
      results.map(({ logProbs }, index) => {
        const sample = dataset.sample(index);
        if (sample.kind !== 'choice') throw new Error(`${sample.id} has no choices`);
        const { id, subject, answer } = sample;
        return { id, subject, answer, logProbs };
      }),
    );
  }

  #tokenize(dataset: Dataset): DatasetLibrary {
    const library = new DatasetLibrary(dataset, this.tokenizer, dataset.length);
    library.loadSamplesToRam(rowsOf(dataset));
    return library;
  }

  #takeEvents(batch: EventBatch): void {
    for (const [position, id] of batch.requestIds.entries()) {
      const token = batch.tokens[position]!;
      if (token >= 0) this.#answers[id]!.push(token);
      const status = batch.statuses[position]!;
      if (status === eventStatus.running) continue;
      if (status === eventStatus.stop || status === eventStatus.length) this.#unfinished--;
      else this.#settle?.reject(new Error(`request ${id} ended with status ${status}`));
    }
    if (this.#unfinished === 0) this.#settle?.resolve();
  }
}

function rowsOf(dataset: Dataset): number[] {
  return Array.from({ length: dataset.length }, (_, index) => index);
}

/** ROUGE and the share of right choices, in percent. */
async function measure(name: keyof typeof numberTypes) {
  const model = await Model.load(name);
  try {
    const generation = await model.answer(orca);
    const choices = await model.choose(mmlu);
    const { rouge1, rouge2, rougeL, genNum, tokensPerSample } = generation.metrics;
    console.log(
      `${name} (${model.engine.info.weightFormat}), tiny-orca, ${genNum} samples: rouge1 ${rouge1}, ` +
        `rouge2 ${rouge2}, rougeL ${rougeL}, ${tokensPerSample} tokens a sample`,
    );
    console.log(`${name}, tiny-mmlu, ${choices.total} questions: ${choices.metrics.mmlu} %`);
    return { rouge: generation.metrics, choices };
  } finally {
    await model.engine.close();
  }
}

/** What is left of a model's ROUGE when it cannot read the context. */
async function measureBlind(name: keyof typeof numberTypes) {
  const model = await Model.load(name);
  try {
    const { metrics } = await model.answer(orcaWithoutContext);
    console.log(
      `${name}, ${metrics.genNum} samples of tiny-orca without context: rougeL ${metrics.rougeL}`,
    );
    return metrics;
  } finally {
    await model.engine.close();
  }
}

describe('the built-in models', () => {
  let bf16: Awaited<ReturnType<typeof measure>>;
  let int4: Awaited<ReturnType<typeof measure>>;
  let blind: Awaited<ReturnType<typeof measureBlind>>;
  beforeAll(async () => {
    bf16 = await measure('tiny');
    blind = await measureBlind('tiny');
    int4 = await measure('tiny-int4');
  });

  it('are judged on the whole test sets', () => {
    for (const { rouge, choices } of [bf16, int4]) {
      expect([rouge.genNum, choices.total]).toEqual([1000, 500]);
    }
    expect(blind.genNum).toBe(1000);
  });

  it('tiny answers tiny-orca with a ROUGE-L of at least 70', () => {
    expect(bf16.rouge.rougeL).toBeGreaterThanOrEqual(70);
  });

  it('tiny reads its answers from the context: without it, less than half is left', () => {
    expect(blind.rougeL).toBeLessThan(bf16.rouge.rougeL / 2);
  });

  it('tiny answers at least 75 % of tiny-mmlu', () => {
    expect(bf16.choices.metrics.mmlu).toBeGreaterThanOrEqual(75);
  });

  it.each(['rouge1', 'rouge2', 'rougeL'] as const)(
    'tiny-int4 keeps 99 %% of the %s of tiny',
    (metric) => {
      expect(int4.rouge[metric]).toBeGreaterThanOrEqual(0.99 * bf16.rouge[metric]);
    },
  );

  it('tiny-int4 is at most 1.5 points below tiny on tiny-mmlu', () => {
    expect(int4.choices.metrics.mmlu).toBeGreaterThanOrEqual(bf16.choices.metrics.mmlu - 1.5);
  });
});
