// Hands a dataset's samples to LoadGen by index and to a system under test as tokens. Samples are tokenized when
// LoadGen loads them, which is untimed, and stay in memory; what they mean is the dataset's business.

import type { Dataset, Sample } from '../datasets/dataset.js';
import type { Tokenizer } from '../datasets/tokenizer.js';
import type { QuerySampleLibrary } from '../loadgen/index.js';
import type { PromptWriter } from './prompt-writer.js';

/** A sample in tokens. */
export interface TokenizedSample {
  /** BOS, where the model has one, and the prompt. */
  readonly promptTokens: Int32Array;
  /** One a choice; none for generation. */
  readonly continuations: readonly Int32Array[];
  /** The answer has exactly so many tokens; null where the model decides. */
  readonly newTokens: number | null;
}

/** The first `count` samples of a dataset, all of which fit in memory. */
export class DatasetLibrary implements QuerySampleLibrary {
  readonly name: string;
  readonly totalSampleCount: number;
  readonly performanceSampleCount: number;
  readonly #loaded = new Map<number, TokenizedSample>();
  readonly #continuations = new Map<string, Int32Array>();
  #vocabSize: number | null = null;

  constructor(
    readonly dataset: Dataset,
    /** null when the system under test writes no tokens. */
    readonly tokenizer: Tokenizer | null,
    count: number,
    /** false when the system under test reads none: prompts are then counted only where the dataset brings tokens. */
    readonly tokenizesPrompts = tokenizer !== null,
    /** null: BOS, where the model has one, and the prompt. */
    readonly writePrompt: PromptWriter | null = null,
  ) {
    this.name = dataset.name;
    this.totalSampleCount = count;
    this.performanceSampleCount = count;
  }

  /** From how many ids a synthetic dataset draws: the loaded model's. Without it such a dataset has no tokens. */
  useVocabulary(size: number): void {
    this.#vocabSize = size;
  }

  loadSamplesToRam(indices: readonly number[]): void {
    for (const index of indices) {
      if (this.#loaded.has(index)) continue;
      const tokenized = this.#drawTokens(index) ?? this.#takeTokens(index) ?? this.#tokenize(index);
      if (tokenized !== null) this.#loaded.set(index, tokenized);
    }
  }

  /** Keeps them: the next pass asks for the same ones. */
  unloadSamplesFromRam(): void {}

  sample(index: number): Sample {
    return this.dataset.sample(index);
  }

  /** @throws Error when LoadGen never loaded the sample. */
  tokens(index: number): TokenizedSample {
    const tokenized = this.#loaded.get(index);
    if (tokenized === undefined) throw new Error(`sample ${index} of ${this.name} is not loaded`);
    return tokenized;
  }

  /** null when nothing was tokenized, and the dataset does not know either. */
  promptTokenCount(index: number): number | null {
    const { synthetic } = this.dataset;
    if (synthetic !== undefined) return synthetic.promptLength(index);
    return this.#loaded.get(index)?.promptTokens.length ?? null;
  }

  /** null when the dataset is not synthetic, or no model has told its vocabulary. */
  #drawTokens(index: number): TokenizedSample | null {
    const { synthetic } = this.dataset;
    if (synthetic === undefined || this.#vocabSize === null) return null;
    const promptTokens = synthetic.promptTokens(index, this.#vocabSize);
    return { promptTokens, continuations: [], newTokens: newTokensOf(this.sample(index)) };
  }

  /** The tokens that the dataset brings; null when it brings none. */
  #takeTokens(index: number): TokenizedSample | null {
    const sample = this.dataset.sample(index);
    if (sample.kind !== 'generation' || sample.promptTokens === undefined) return null;
    const { promptTokens } = sample;
    return { promptTokens, continuations: [], newTokens: newTokensOf(sample) };
  }

  #tokenize(index: number): TokenizedSample | null {
    const { tokenizer } = this;
    if (tokenizer === null || !this.tokenizesPrompts) return null;
    const sample = this.dataset.sample(index);
    const most = sample.kind === 'generation' ? sample.maxPromptTokens : undefined;
    const promptTokens =
      this.writePrompt?.(sample.prompt, most) ?? beginPrompt(sample.prompt, most, tokenizer);
    const continuations =
      sample.kind === 'choice'
        ? sample.choices.map((choice) => this.#continue(sample.prompt, choice, tokenizer))
        : [];
    return { promptTokens, continuations, newTokens: newTokensOf(sample) };
  }

  /**
   * The tokens a choice adds to its prompt. Only the prompt's last line is looked at together with the choice, since
   * no token spans a line break followed by a word; every question ends in the same one.
   */
  #continue(prompt: string, choice: string, tokenizer: Tokenizer): Int32Array {
    const lastLine = prompt.slice(prompt.lastIndexOf('\n') + 1);
    const key = `${lastLine}\n${choice}`;
    let continuation = this.#continuations.get(key);
    if (continuation === undefined) {
      const before = tokenizer.encode(lastLine);
      const whole = tokenizer.encode(lastLine + choice);
      const isPrefix = before.every((token, position) => whole[position] === token);
      continuation = isPrefix ? whole.slice(before.length) : tokenizer.encode(choice);
      this.#continuations.set(key, continuation);
    }
    return continuation;
  }
}

function beginPrompt(text: string, most: number | undefined, tokenizer: Tokenizer): Int32Array {
  const prompt = tokenizer.encode(text).subarray(0, most);
  const bos = tokenizer.bosId === null ? [] : [tokenizer.bosId];
  const promptTokens = new Int32Array(bos.length + prompt.length);
  promptTokens.set(bos);
  promptTokens.set(prompt, bos.length);
  return promptTokens;
}

function newTokensOf(sample: Sample): number | null {
  return sample.kind === 'generation' ? (sample.newTokens ?? null) : null;
}
