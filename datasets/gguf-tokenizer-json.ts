// The tokenizer of a GGUF file as the files that Hugging Face's libraries read: tokenizer.json and
// tokenizer_config.json. Byte-level vocabularies only, whose texts need no other treatment than tokenizer.json can say.

import { DatasetError } from './error.js';
import { type GgufHead, readGgufHead } from './gguf-file.js';
import { readGgufVocabulary } from './gguf-vocabulary.js';
import { isObject, type JsonObject } from './json-object.js';
import type { TokenizerParts } from './tokenizer-parts.js';

export interface TokenizerFiles {
  readonly 'tokenizer.json': JsonObject;
  readonly 'tokenizer_config.json': JsonObject;
}

/** @throws DatasetError 'tokenizer-malformed', quoting the file. */
export function describeGgufTokenizer(path: string): TokenizerFiles {
  try {
    const head = readGgufHead(path);
    const parts = readGgufVocabulary(head);
    if (parts.normalize !== null) throw new Error('tokenizer.ggml.model is "llama"; allowed: gpt2');
    return {
      'tokenizer.json': describeTokenizer(parts),
      'tokenizer_config.json': describeConfig(parts, head),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError('tokenizer-malformed', `"${path}" has no usable tokenizer: ${reason}`);
  }
}

function describeTokenizer(parts: TokenizerParts): JsonObject {
  const { definition, bosId, addsBos } = parts;
  const special = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const added = definition.added_tokens as readonly JsonObject[];
  const bos = added.find(({ id }) => id === bosId)?.content;
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    ...definition,
    added_tokens: added.map((token) => ({ ...token, ...special })),
    post_processor: addsBos && bos !== undefined ? prefixWith(String(bos), bosId) : null,
  };
}

function prefixWith(token: string, id: number | null): JsonObject {
  const special = { SpecialToken: { id: token, type_id: 0 } };
  const text = (name: string, type_id: number) => ({ Sequence: { id: name, type_id } });
  return {
    type: 'TemplateProcessing',
    single: [special, text('A', 0)],
    pair: [special, text('A', 0), text('B', 1)],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

function describeConfig(parts: TokenizerParts, { metadata }: GgufHead): JsonObject {
  const tokens = metadata.get('tokenizer.ggml.tokens') as readonly string[];
  const named = (key: string) => {
    const id = metadata.get(`tokenizer.ggml.${key}_token_id`);
    return typeof id === 'number' ? tokens[id] : undefined;
  };
  const pairs = [
    ['bos_token', named('bos')],
    ['eos_token', named('eos')],
    ['unk_token', named('unknown')],
    ['pad_token', named('padding')],
    ['chat_template', parts.chatTemplate ?? undefined],
  ].filter(([, value]) => value !== undefined);
  const { model } = parts.definition;
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    add_bos_token: parts.addsBos,
    add_eos_token: parts.addsEos,
    clean_up_tokenization_spaces: false,
    vocab_size: isObject(model) && isObject(model.vocab) ? Object.keys(model.vocab).length : 0,
    ...Object.fromEntries(pairs),
  };
}
