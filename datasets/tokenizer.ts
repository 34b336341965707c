// Turns text into token ids and back for a Hugging Face model folder (tokenizer.json, tokenizer_config.json).
// The only file that knows the tokenizer library; when BOS and EOS are added is the caller's business.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { DatasetError } from './error.js';

export interface Tokenizer {
  /**
   * Token ids of a text, without BOS or EOS. Special tokens spelled out in the text ("</s>") are read as plain
   * characters: nobody's prompt can end its own sequence.
   */
  encode(text: string): Int32Array;
  /** The text of token ids; special tokens and ids outside the vocabulary are left out. */
  decode(tokens: ArrayLike<number>): string;
  /** null when the model starts its sequences without one. */
  readonly bosId: number | null;
  readonly eosId: number;
  /** One more than the largest token id. */
  readonly vocabSize: number;
}

type JsonObject = { readonly [key: string]: unknown };

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

/** @throws DatasetError 'tokenizer-not-found' or 'tokenizer-malformed', quoting the file. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const path = join(folder, 'tokenizer.json');
  const definition = await readJson(path);
  if (definition === null) {
    throw new DatasetError('tokenizer-not-found', `there is no tokenizer.json in "${folder}"`);
  }
  const config = (await readJson(join(folder, 'tokenizer_config.json'))) ?? {};
  const modelConfig = (await readJson(join(folder, 'config.json'))) ?? {};
  try {
    return buildTokenizer(definition, config, modelConfig);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError('tokenizer-malformed', `"${path}" is not a usable tokenizer: ${reason}`);
  }
}

function buildTokenizer(
  definition: JsonObject,
  config: JsonObject,
  modelConfig: JsonObject,
): Tokenizer {
  const added = readAddedTokens(definition);
  // Two instances: the decoder knows every token; the encoder was never told of the special ones, so it cannot
  // find them in a text. (The library has no option for this.)
  const decoder = new HuggingFaceTokenizer(definition, config);
  const plainTokens = added.filter((token) => !token.special);
  const encoder = new HuggingFaceTokenizer(
    { ...definition, added_tokens: plainTokens },
    { ...config, added_tokens_decoder: {} },
  );
  const ids = [...decoder.get_vocab(true).values()];
  const specialIds = new Set(added.filter((token) => token.special).map((token) => token.id));
  const vocabSize = ids.reduce((largest, id) => Math.max(largest, id), -1) + 1;
  const eosId = specialId(decoder, config, modelConfig, 'eos');
  if (eosId === null) throw new Error('no end-of-sequence token is named');
  return {
    encode: (text) =>
      text === '' ? new Int32Array(0) : Int32Array.from(encoder.encode(text, withoutSpecials).ids),
    decode: (tokens) => {
      // The library throws on an empty list, and on ids that it does not know.
      const known = Array.from(tokens).filter(
        (id) => !specialIds.has(id) && decoder.id_to_token(id) !== undefined,
      );
      return known.length === 0 ? '' : decoder.decode(known, plainDecoding);
    },
    bosId: specialId(decoder, config, modelConfig, 'bos'),
    eosId,
    vocabSize,
  };
}

const withoutSpecials = { add_special_tokens: false };
const plainDecoding = { skip_special_tokens: true, clean_up_tokenization_spaces: false };

function readAddedTokens(definition: JsonObject): AddedToken[] {
  const list = definition.added_tokens;
  if (!Array.isArray(list)) return [];
  return list.map((entry) => {
    if (!isObject(entry) || typeof entry.id !== 'number' || typeof entry.content !== 'string') {
      throw new Error('an entry of added_tokens has no id or no content');
    }
    return { ...entry, id: entry.id, content: entry.content, special: entry.special === true };
  });
}

/** tokenizer_config.json names the token; config.json has its id (or a list of them, of which the first counts). */
function specialId(
  decoder: HuggingFaceTokenizer,
  config: JsonObject,
  modelConfig: JsonObject,
  role: 'bos' | 'eos',
): number | null {
  const named = config[`${role}_token`];
  const content = isObject(named) ? named.content : named;
  if (typeof content === 'string') {
    const id = decoder.token_to_id(content);
    if (id !== undefined) return id;
  }
  const listed = modelConfig[`${role}_token_id`];
  const id: unknown = Array.isArray(listed) ? listed[0] : listed;
  return typeof id === 'number' ? id : null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** null when the file does not exist. */
async function readJson(path: string): Promise<JsonObject | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw cause;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError('tokenizer-malformed', `"${path}" is not JSON: ${reason}`);
  }
  if (!isObject(value)) {
    throw new DatasetError('tokenizer-malformed', `"${path}" is not a JSON object`);
  }
  return value;
}
