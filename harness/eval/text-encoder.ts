// How does a model's own tokenizer begin a text? With BOS where its files say so, whatever the caller would like: what
// lm-evaluation-harness gets from Hugging Face's tokenizers by default.

import type { ModelTokenizer } from '../../datasets/index.js';

/** Text to tokens, with BOS at the head where the tokenizer puts one. */
export interface TextEncoder {
  readonly tokenizer: ModelTokenizer;
  readonly addsBos: boolean;
  /** What a text without a context is predicted from: BOS, or EOS where the tokenizer has no BOS. */
  readonly prefixId: number;
  encode(text: string): Int32Array;
  /** The same without BOS. */
  encodePlain(text: string): Int32Array;
}

export function makeTextEncoder(tokenizer: ModelTokenizer): TextEncoder {
  const { bosId, namedBosId, eosId } = tokenizer;
  const encodePlain = (text: string) => tokenizer.encode(text);
  return {
    tokenizer,
    addsBos: bosId !== null,
    prefixId: namedBosId ?? eosId,
    encodePlain,
    encode: (text) => (bosId === null ? encodePlain(text) : prepend(bosId, encodePlain(text))),
  };
}

export function prepend(token: number, tokens: Int32Array): Int32Array {
  const longer = new Int32Array(tokens.length + 1);
  longer[0] = token;
  longer.set(tokens, 1);
  return longer;
}
