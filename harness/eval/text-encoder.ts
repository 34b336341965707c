// How does a model's own tokenizer begin a text? With BOS where its files say so, whatever the caller would like: what
// lm-evaluation-harness gets from Hugging Face's tokenizers by default.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tokenizer } from '../../datasets/index.js';

/** Text to tokens, with BOS at the head where the tokenizer puts one. */
export interface TextEncoder {
  readonly tokenizer: Tokenizer;
  readonly addsBos: boolean;
  /** What a text without a context is predicted from: BOS, or EOS where the tokenizer has no BOS. */
  readonly prefixId: number;
  encode(text: string): Int32Array;
  /** The same without BOS. */
  encodePlain(text: string): Int32Array;
}

export function makeTextEncoder(tokenizer: Tokenizer, folder: string): TextEncoder {
  const config = readObject(join(folder, 'tokenizer_config.json'));
  const definition = readObject(join(folder, 'tokenizer.json'));
  const { bosId, eosId } = tokenizer;
  const hasBos = bosId !== null && config.bos_token !== null;
  const said = config.add_bos_token;
  const addsBos =
    hasBos && (typeof said === 'boolean' ? said : beginsWithSpecial(definition.post_processor));
  const encodePlain = (text: string) => tokenizer.encode(text);
  return {
    tokenizer,
    addsBos,
    prefixId: hasBos ? bosId : eosId,
    encodePlain,
    encode: (text) => (addsBos ? prepend(bosId, encodePlain(text)) : encodePlain(text)),
  };
}

export function prepend(token: number, tokens: Int32Array): Int32Array {
  const longer = new Int32Array(tokens.length + 1);
  longer[0] = token;
  longer.set(tokens, 1);
  return longer;
}

/** Whether tokenizer.json's template for a single text sets a special token before it. */
function beginsWithSpecial(processor: unknown): boolean {
  if (typeof processor !== 'object' || processor === null) return false;
  const { type, single, processors } = processor as Readonly<Record<string, unknown>>;
  if (type === 'Sequence' && Array.isArray(processors)) return processors.some(beginsWithSpecial);
  const first: unknown = Array.isArray(single) ? single[0] : null;
  return typeof first === 'object' && first !== null && 'SpecialToken' in first;
}

/** The tokenizer has read them before, and said what was wrong. */
function readObject(file: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
