// Rows of random tokens for speed runs: their lengths are chosen, their content means nothing, and nothing is scored.
// Every row can be made alone from its index; the vocabulary it is drawn from is the model's, known when that is loaded.

import { createHash } from 'node:crypto';
import type { Dataset, GenerationSample, Split } from '../dataset.js';
import { DatasetError } from '../error.js';
import { Random } from '../tiny/random.js';
import {
  drawOpenOrcaLengths,
  leastNewTokens,
  openOrcaSamples,
  type RowLengths,
} from './openorca-lengths.js';

/** What a synthetic dataset is called, for messages. */
export const syntheticForms =
  'synthetic:openorca, synthetic:<prompt>x<output> (such as synthetic:128x256), either with :<samples>';

const prefix = 'synthetic';
const fixedSamples = 1024;
const maxSamples = 1_000_000;
const maxTokens = 1_048_576;
/** Ids below are the special tokens of Llama's vocabularies: unknown, begin and end of sequence. */
const firstToken = 3;

export function isSyntheticName(name: string): boolean {
  return name === prefix || name.startsWith(`${prefix}:`);
}

/** @throws DatasetError 'unknown-dataset' or 'unknown-split'. */
export function openSynthetic(name: string, split: Split): Dataset {
  if (split !== 'test') {
    const message = `"${name}" has no split "${split}"; a synthetic dataset has one: test`;
    throw new DatasetError('unknown-split', message);
  }
  const lengths = readLengths(name);
  const { length } = lengths.promptTokens;
  const check = (index: number) => {
    if (Number.isInteger(index) && index >= 0 && index < length) return;
    throw new RangeError(`"${name}" has no row ${index}; allowed: 0 to ${length - 1}`);
  };
  return {
    name,
    split,
    kind: 'generation',
    length,
    sample: (index): GenerationSample => {
      check(index);
      const id = `random-${index}`;
      const newTokens = lengths.newTokens[index]!;
      return { kind: 'generation', id, prompt: '', reference: '', newTokens };
    },
    digest: () => digestLengths(lengths),
    synthetic: {
      promptLength: (index) => {
        check(index);
        return lengths.promptTokens[index]!;
      },
      promptTokens: (index, vocabSize) => {
        check(index);
        return drawTokens(index, lengths.promptTokens[index]!, vocabSize);
      },
      longestSequence: (count) => findLongest(lengths, count),
    },
  };
}

function readLengths(name: string): RowLengths {
  const [, form = '', samples, ...rest] = name.split(':');
  const refuse = (reason: string) =>
    new DatasetError(
      'unknown-dataset',
      `dataset is "${name}": ${reason}; allowed: ${syntheticForms}`,
    );
  const fixed = /^(\d{1,9})x(\d{1,9})$/.exec(form);
  if (rest.length > 0 || (form !== 'openorca' && fixed === null)) {
    throw refuse('no such lengths');
  }
  const read = (what: string, text: string, low: number, high: number): number => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw refuse(`${what} is ${JSON.stringify(text)}, which can be ${low} to ${high}`);
  };
  const countOr = (fallback: number) =>
    samples === undefined ? fallback : read('<samples>', samples, 1, maxSamples);
  if (fixed === null) return drawOpenOrcaLengths(countOr(openOrcaSamples));
  const prompt = read('<prompt>', fixed[1]!, 1, maxTokens);
  const output = read('<output>', fixed[2]!, leastNewTokens, maxTokens);
  const fill = (tokens: number) => new Int32Array(countOr(fixedSamples)).fill(tokens);
  return { promptTokens: fill(prompt), newTokens: fill(output) };
}

/** Uniform over the vocabulary without its special tokens; the same for a row whatever its neighbours are. */
function drawTokens(index: number, length: number, vocabSize: number): Int32Array {
  if (!(vocabSize > firstToken)) {
    throw new RangeError(`vocabSize is ${vocabSize}; allowed: more than ${firstToken}`);
  }
  const random = new Random('synthetic tokens', index);
  const tokens = new Int32Array(length);
  for (let at = 0; at < length; at++)
    tokens[at] = firstToken + random.below(vocabSize - firstToken);
  return tokens;
}

function findLongest({ promptTokens, newTokens }: RowLengths, count: number): number {
  let longest = 0;
  for (let row = 0; row < Math.min(count, promptTokens.length); row++) {
    longest = Math.max(longest, promptTokens[row]! + newTokens[row]!);
  }
  return longest;
}

/** Of the lengths: they and a row's index decide its tokens in every vocabulary. */
function digestLengths({ promptTokens, newTokens }: RowLengths): string {
  const hash = createHash('sha256').update('loadmark synthetic 1\n');
  for (const column of [promptTokens, newTokens]) {
    hash.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
  }
  return hash.digest('hex');
}
