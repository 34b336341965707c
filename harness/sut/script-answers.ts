// What does a scripted system answer to each row? The reference, whole or with a share of it spoilt, or a number of
// tokens that mean nothing. When it answers is scripted.ts's business.

import type { Sample } from '../../datasets/dataset.js';
import type { Tokenizer } from '../../datasets/tokenizer.js';
import type { DatasetLibrary } from '../sample-library.js';
import type { ScriptSettings } from '../script-config.js';
import { encodeChoice } from './choice-response.js';
import { draw, pickEvenly } from './script-draw.js';

/** An answer, the same whenever the row is asked. */
export interface ScriptedAnswer {
  /** None where the answer is not made of tokens. */
  readonly tokens: Int32Array;
  /** As it goes to the accuracy log. */
  readonly data: Uint8Array;
}

/** The answers of every row of the library, made before anything is timed. */
export function writeAnswers(script: ScriptSettings, library: DatasetLibrary): ScriptedAnswer[] {
  const { tokenizer, totalSampleCount } = library;
  const isSpoilt = script.answers.tokens === null && script.answers.degrade > 0;
  const strangers = isSpoilt && tokenizer !== null ? findStrangers(tokenizer) : [];
  return Array.from({ length: totalSampleCount }, (_, row) => {
    const sample = library.sample(row);
    if (sample.kind === 'choice') return chooseAnswer(script, sample.answer, sample, row);
    const tokens = writeTokens(script, sample.reference, row, tokenizer, strangers);
    return { tokens, data: new Uint8Array(tokens.buffer) };
  });
}

function writeTokens(
  script: ScriptSettings,
  reference: string,
  row: number,
  tokenizer: Tokenizer | null,
  strangers: readonly number[],
): Int32Array {
  const { seed, answers } = script;
  const { tokens: count, spreadTokens, degrade, eos } = answers;
  const extra = Math.floor((spreadTokens + 1) * draw(seed, 'tokens', row));
  const body = count === null ? encode(reference, tokenizer) : new Int32Array(count + extra);
  for (const place of strangers.length === 0
    ? []
    : pickEvenly(body.length, degrade, draw(seed, 'degrade', row))) {
    const start = Math.floor(strangers.length * draw(seed, `stranger ${place}`, row));
    const others = [strangers[start]!, strangers[(start + 1) % strangers.length]!];
    body[place] = others.find((token) => token !== body[place]) ?? others[0]!;
  }
  const ends = { none: 0, once: 1, twice: 2 }[eos];
  if (ends === 0) return body;
  const ended = new Int32Array(body.length + ends).fill(tokenizer?.eosId ?? 0);
  ended.set(body);
  return ended;
}

function encode(text: string, tokenizer: Tokenizer | null): Int32Array {
  if (tokenizer === null) throw new Error('references cannot be answered without a tokenizer');
  return tokenizer.encode(text);
}

const wantedStrangers = 64;

/** Tokens that are whole words which references hardly hold: the last ones that the tokenizer learned. */
function findStrangers(tokenizer: Tokenizer): number[] {
  const found: number[] = [];
  for (let id = tokenizer.vocabSize - 1; id >= 0 && found.length < wantedStrangers; id--) {
    if (/^[a-z]{3,}$/i.test(tokenizer.decode([id]).trim())) found.push(id);
  }
  if (found.length > 1) return found;
  throw new Error('the tokenizer has no two tokens that are words');
}

/** Log-probability 0 for the answer and -1 for the others; a wrong one for the share that is spoilt. */
function chooseAnswer(
  { seed, answers }: ScriptSettings,
  right: number,
  { choices }: Extract<Sample, { kind: 'choice' }>,
  row: number,
): ScriptedAnswer {
  // One row in 1 / share, evenly: a share that is exact over the dataset.
  const isWrong = pickEvenly(row + 1, answers.degrade, draw(seed, 'degrade', 0)).at(-1) === row;
  const chosen = isWrong ? (right + 1) % choices.length : right;
  const logProbs = Float64Array.from(choices, (_, choice) => (choice === chosen ? 0 : -1));
  return { tokens: new Int32Array(0), data: encodeChoice(logProbs) };
}
