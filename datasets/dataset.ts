// What every dataset looks like to the rest of the house: rows of prompts with the answer that is expected.
// Text only: tokens are the tokenizer's business, indices are the caller's.

/** A row answered with free text, scored against `reference`. */
export interface GenerationSample {
  readonly kind: 'generation';
  /** Stable within the dataset and split. */
  readonly id: string;
  /** The whole prompt as the model reads it (without BOS). */
  readonly prompt: string;
  /** The expected answer. */
  readonly reference: string;
  /** The prompt in tokens, BOS included, where the dataset itself says how it is read; nothing is tokenized then. */
  readonly promptTokens?: Int32Array;
  /** The prompt is cut after so many tokens (BOS not counted), where the dataset says so. */
  readonly maxPromptTokens?: number;
  /** The answer has exactly so many tokens, whatever they are; absent where the model decides. */
  readonly newTokens?: number;
}

/** A row answered by picking one of `choices`, by log-probability. */
export interface ChoiceSample {
  readonly kind: 'choice';
  readonly id: string;
  /** The subject a per-group average is taken over. */
  readonly subject: string;
  /** The whole prompt, few-shot examples included (without BOS). */
  readonly prompt: string;
  /** Continuations to compare, each with its leading blank: " A", " B", ... */
  readonly choices: readonly string[];
  /** Index into `choices`. */
  readonly answer: number;
}

export type Sample = GenerationSample | ChoiceSample;

/** `test` is what is measured and scored; `calibration` is what quantizers may look at; `train` made the model. */
export type Split = 'train' | 'calibration' | 'test';

/** Rows in a fixed order. All rows of a dataset are of one kind. */
export interface Dataset {
  readonly name: string;
  /** The file it was read from, in full; absent where rows are generated. */
  readonly path?: string;
  readonly split: Split;
  readonly kind: Sample['kind'];
  readonly length: number;
  /** @throws RangeError when index is not an integer in [0, length). */
  sample(index: number): Sample;
  /** sha256 (hex) over every row's fields in order: equal digests mean equal data. */
  digest(): string;
  /** Only where rows come from a file. */
  readonly source?: FileSource;
  /** Only where rows are random tokens: such a dataset has no texts and no right answers, and is never scored. */
  readonly synthetic?: SyntheticRows;
}

/** The prompts of a synthetic dataset. */
export interface SyntheticRows {
  promptLength(index: number): number;
  /** Uniform over the vocabulary's ids but the lowest three, which are special ones; always the same for a row. */
  promptTokens(index: number, vocabSize: number): Int32Array;
  /** Tokens of the longest prompt with its answer among the first `count` rows. */
  longestSequence(count: number): number;
}

/** The file behind a dataset, and whether it is the one that was published. */
export interface FileSource {
  /** Of the file's bytes; of what is in it, where it is packed with gzip. */
  readonly sha256: string;
  /** What the publisher says; null where nobody says anything of such a file. */
  readonly published: { readonly sha256: string; readonly by: string } | null;
}
