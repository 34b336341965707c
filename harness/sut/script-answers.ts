// What does a scripted system answer to each row? The reference, whole or with a share of it spoilt, or a number of
// tokens that mean nothing: the script's, or a synthetic row's own. When it answers is scripted.ts's business.

import type { GenerationSample, Sample } from '../../datasets/dataset.js';
import type { Tokenizer } from '../../datasets/tokenizer.js';
import type { DatasetLibrary } from '../sample-library.js';
import type { ScriptSettings } from '../script-config.js';
import { encodeChoice } from './choice-response.js';
import { draw } from './script-draw.js';
import { Strangers } from './script-strangers.js';

/** An answer, the same whenever the row is asked. */
export interface ScriptedAnswer {
  /** None where the answer is not made of tokens. */
  readonly tokens: Int32Array;
  /** As it goes to the accuracy log. */
  readonly data: Uint8Array;
}

/** The answers of every row of the library, made before anything is timed. */
export function writeAnswers(script: ScriptSettings, library: DatasetLibrary): ScriptedAnswer[] {
  const writer = new AnswerWriter(script, library.tokenizer);
  return Array.from({ length: library.totalSampleCount }, (_, row) => {
    const sample = library.sample(row);
    if (sample.kind === 'choice') return writer.choose(sample, row);
    const tokens = writer.write(sample, row);
    return { tokens, data: new Uint8Array(tokens.buffer) };
  });
}

/** Goes through the rows in order: what is spoilt in one depends on what was spoilt before, so that the share is exact. */
class AnswerWriter {
  readonly #script: ScriptSettings;
  readonly #tokenizer: Tokenizer | null;
  readonly #strangers: Strangers | null;
  /** Words, or questions, that are still owed to the share: below 1. */
  #owed: number;

  constructor(script: ScriptSettings, tokenizer: Tokenizer | null) {
    const { tokens, degrade } = script.answers;
    this.#script = script;
    this.#tokenizer = tokenizer;
    const isSpoilt = tokens === null && degrade > 0 && tokenizer !== null;
    this.#strangers = isSpoilt ? new Strangers(tokenizer) : null;
    this.#owed = draw(script.seed, 'degrade', 0);
  }

  write({ reference, newTokens }: GenerationSample, row: number): Int32Array {
    const { seed, answers } = this.#script;
    const { spreadTokens, eos } = answers;
    const count = answers.tokens ?? newTokens ?? null;
    const extra = Math.floor((spreadTokens + 1) * draw(seed, 'tokens', row));
    const body =
      count === null ? encode(reference, this.#tokenizer) : new Int32Array(count + extra);
    if (this.#strangers !== null) this.#spoil(body, row, this.#strangers);
    const ends = { none: 0, once: 1, twice: 2 }[eos];
    if (ends === 0) return body;
    const ended = new Int32Array(body.length + ends).fill(this.#tokenizer?.eosId ?? 0);
    ended.set(body);
    return ended;
  }

  /** Log-probability 0 for the answer and -1 for the others; a wrong one for the share that is spoilt. */
  choose({ choices, answer }: Extract<Sample, { kind: 'choice' }>, row: number): ScriptedAnswer {
    const isWrong = this.#pick(1).length > 0;
    const others = choices.length - 1;
    const step = 1 + Math.floor(others * draw(this.#script.seed, 'choice', row));
    const chosen = isWrong ? (answer + step) % choices.length : answer;
    const logProbs = Float64Array.from(choices, (_, choice) => (choice === chosen ? 0 : -1));
    return { tokens: new Int32Array(0), data: encodeChoice(logProbs) };
  }

  #spoil(tokens: Int32Array, row: number, strangers: Strangers): void {
    const words = strangers.findWords(tokens);
    for (const word of this.#pick(words.length)) {
      const place = words[word]!;
      const chance = draw(this.#script.seed, `word ${word}`, row);
      tokens[place] = strangers.pickOther(tokens[place]!, chance);
    }
  }

  /** Which of the next `count` are spoilt. */
  #pick(count: number): number[] {
    const picked: number[] = [];
    for (let place = 0; place < count; place++) {
      this.#owed += this.#script.answers.degrade;
      if (this.#owed < 1) continue;
      this.#owed -= 1;
      picked.push(place);
    }
    return picked;
  }
}

function encode(text: string, tokenizer: Tokenizer | null): Int32Array {
  if (tokenizer === null) throw new Error('references cannot be answered without a tokenizer');
  return tokenizer.encode(text);
}
