// What a tokenizer is made of, whichever kind of file it was read from. tokenizer.ts puts it together.

import type { JsonObject } from './json-object.js';

export interface TokenizerParts {
  /** The structure of tokenizer.json. */
  readonly definition: JsonObject;
  /**
   * Applied to each stretch of text before `definition`; null where `definition` does all. `isFirst`: nothing stands
   * in front of the stretch.
   */
  readonly normalize: ((text: string, isFirst: boolean) => string) | null;
  /** Of each merge of `definition`, where several are of one rank; null: their order. */
  readonly mergeRanks: readonly number[] | null;
  /** Token ids of the 256 bytes, for the characters that a unigram model has no piece for; null: they are unknown. */
  readonly byteIds: readonly number[] | null;
  /** null where the files name none. */
  readonly bosId: number | null;
  readonly eosId: number | null;
  /** Further tokens that end an answer. */
  readonly otherStopIds: readonly number[];
  /** Whether a prompt begins with BOS, and ends with EOS. */
  readonly addsBos: boolean;
  readonly addsEos: boolean;
  /** Jinja; null where the files have none. */
  readonly chatTemplate: string | null;
}

/** As tokenizer.json lists them: found in texts as they are written. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Marks the structure of a text and is no part of it. */
  readonly special: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
}

export function addedToken(id: number, content: string, special: boolean): AddedToken {
  return { id, content, special, lstrip: false, rstrip: false, normalized: false };
}
