// Spoils a share of an answer's words and leaves its number of tokens alone: the first token of a word gives way to one
// that begins another word. Which share is script-answers.ts's business.

import type { Tokenizer } from '../../datasets/tokenizer.js';

const wantedStrangers = 64;

/** Knows where words begin in a tokenizer's tokens, and words that answers hardly hold. */
export class Strangers {
  readonly #tokenizer: Tokenizer;
  /** Tokens that begin words: the last ones that the tokenizer learned. */
  readonly #ids: readonly number[];
  readonly #texts = new Map<number, string>();

  /** @throws Error when the tokenizer has no two tokens that begin words. */
  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    const found: number[] = [];
    for (let id = tokenizer.vocabSize - 1; id >= 0 && found.length < wantedStrangers; id--) {
      if (/^([a-z]{3,}) \1$/i.test(tokenizer.decode([id, id]).trim())) found.push(id);
    }
    if (found.length < 2) throw new Error('the tokenizer has no two tokens that begin words');
    this.#ids = found;
  }

  /** Places of the tokens that begin a word as ROUGE sees it: a run of letters and digits. */
  findWords(tokens: Int32Array): number[] {
    const places: number[] = [];
    let before = ' ';
    for (const [place, id] of tokens.entries()) {
      const text = this.#textOf(id);
      const isInside = /[a-z0-9]$/i.test(before) && /^[a-z0-9]/i.test(text);
      if (/[a-z0-9]/i.test(text) && !isInside) places.push(place);
      before = text;
    }
    return places;
  }

  /** A token that begins another word; `chance` in [0, 1) says which. */
  pickOther(than: number, chance: number): number {
    const start = Math.floor(this.#ids.length * chance);
    const picked = this.#ids[start]!;
    return picked === than ? this.#ids[(start + 1) % this.#ids.length]! : picked;
  }

  /** The text of a token inside a sentence, with the blank it may begin with. */
  #textOf(id: number): string {
    let text = this.#texts.get(id);
    if (text === undefined) {
      const anchor = this.#ids[0]!;
      text = this.#tokenizer.decode([anchor, id]).slice(this.#tokenizer.decode([anchor]).length);
      this.#texts.set(id, text);
    }
    return text;
  }
}
