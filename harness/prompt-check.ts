// Can the model read every prompt of a run? Asked before it is loaded: token ids that a dataset brings, and how long prompts
// are once they are tokens.

import type { Dataset } from '../datasets/dataset.js';
import { InputError } from './errors.js';
import type { DatasetLibrary, TokenizedSample } from './sample-library.js';

/** Rows that a message names; the rest are counted. */
const maxToldRows = 3;

/**
 * Token ids that a dataset brings go to the model as they are: each must be one of its own.
 * @param readSize the size of the model's vocabulary, asked for where it is needed; what is no number is the engine's to
 * refuse, in its own words
 * @throws InputError naming the first row with another.
 */
export function checkVocabulary(
  { dataset, totalSampleCount }: DatasetLibrary,
  readSize: () => unknown,
  folder: string,
): void {
  let size: unknown;
  for (let index = 0; index < totalSampleCount; index++) {
    const sample = dataset.synthetic === undefined ? dataset.sample(index) : undefined;
    if (sample?.kind !== 'generation' || sample.promptTokens === undefined) continue;
    size ??= readSize();
    if (!Number.isInteger(size)) return;
    const strange = sample.promptTokens.find((id) => id >= (size as number));
    if (strange === undefined) continue;
    const message = `row ${index} (${sample.id}) has the token ${strange}; allowed: 0 to ${(size as number) - 1}, the vocabulary of ${folder}`;
    throw new InputError([{ where: nameOf(dataset), message }]);
  }
}

/**
 * Makes tokens of every prompt, which loading the samples would do later, and refuses those that leave no room for an
 * answer. Random prompts are drawn by the loaded model; how long they are was checked with the configuration.
 * @param maxSequenceTokens prompt and answer together
 * @throws InputError with how many rows are too long, and the first of them.
 */
export function checkPromptLengths(library: DatasetLibrary, maxSequenceTokens: number): void {
  const { dataset, totalSampleCount } = library;
  if (dataset.synthetic !== undefined) return;
  const isChoice = dataset.kind === 'choice';
  const long: string[] = [];
  let count = 0;
  for (let index = 0; index < totalSampleCount; index++) {
    library.loadSamplesToRam([index]);
    const tokens = countTokens(library.tokens(index));
    if (tokens <= maxSequenceTokens) continue;
    count++;
    if (count > maxToldRows) continue;
    long.push(
      `row ${index} (${library.sample(index).id}) has ${isChoice ? tokens : tokens - 1} tokens`,
    );
  }
  if (count === 0) return;
  const left = count - long.length;
  const told = left === 0 ? long : [...long, `${left} rows more are too long`];
  const what = isChoice ? 'tokens to read of prompt and choice' : 'tokens of prompt';
  const most = isChoice ? maxSequenceTokens : maxSequenceTokens - 1;
  const limit = `the model's sequences end at ${maxSequenceTokens} (engine.max_sequence_tokens; null: the model's own limit)`;
  const message = `${told.join(', ')}; allowed: up to ${most} ${what}, since ${limit}`;
  throw new InputError([{ where: nameOf(dataset), message }]);
}

/** What the engine holds at least: the prompt and one new token; of a choice all but its last token, which is not read. */
function countTokens({ promptTokens, continuations }: TokenizedSample): number {
  const longest = continuations.reduce((most, { length }) => Math.max(most, length), 0);
  return promptTokens.length + (longest === 0 ? 1 : longest - 1);
}

function nameOf({ path, name }: Dataset): string {
  return path ?? name;
}
