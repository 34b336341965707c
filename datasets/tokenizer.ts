// Turns text into token ids and back for a model: a folder with tokenizer.json, tokenizer.model or a GGUF file, or a
// GGUF file by itself. The only file that knows the tokenizer library.

import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { readSpelling, StreamingDecoder } from './detokenizer.js';
import { DatasetError } from './error.js';
import { isObject, type JsonObject } from './json-object.js';
import { checkDefinition } from './tokenizer-definition.js';
import { findTokenizerSource } from './tokenizer-files.js';
import type { AddedToken, TokenizerParts } from './tokenizer-parts.js';
import { checkPatterns } from './tokenizer-patterns.js';
import { checkSteps } from './tokenizer-steps.js';

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

/** A model's own tokenizer, with all that its files say. */
export interface ModelTokenizer extends Tokenizer {
  /**
   * As encode(), for a text whose special tokens are meant, as a chat template writes them. One stays plain characters
   * where `guard` was put into it, which is left out of the text.
   */
  encodeMarked(text: string): Int32Array;
  /** A prompt as the model begins to read it: with BOS and EOS where it wants them and they are not there already. */
  frame(tokens: Int32Array): Int32Array;
  /**
   * As decode(), token by token: the pieces together are the same text, and none ends inside a character.
   * @throws DatasetError 'tokenizer-malformed' where the tokenizer can only decode whole texts.
   */
  startDecoding(): StreamingDecoder;
  /** Every token that ends an answer: eosId first. */
  readonly stopIds: readonly number[];
  /** How special tokens are written, by id. */
  readonly specialTexts: ReadonlyMap<number, string>;
  /** BOS as the model names it, whether or not it begins with one; null where it names none. */
  readonly namedBosId: number | null;
  /** Jinja; null where the model brings none. */
  readonly chatTemplate: string | null;
}

/** A code point that is no character and has no place in texts: keeps its neighbours from being a special token. */
export const guard = '\ufdd0';

/** Half a surrogate pair, which no text that is cut holds. */
const unwritable = '\udc00';

/** @throws DatasetError 'tokenizer-not-found' or 'tokenizer-malformed', quoting the file. */
export async function loadTokenizer(folderOrFile: string): Promise<ModelTokenizer> {
  const source = await findTokenizerSource(folderOrFile);
  try {
    const parts = await source.read();
    const tokenizer = buildTokenizer(parts);
    checkPatterns(parts.definition, (text) => tokenizer.decode(tokenizer.encode(text)));
    return tokenizer;
  } catch (cause) {
    if (cause instanceof DatasetError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError(
      'tokenizer-malformed',
      `"${source.path}" is not a usable tokenizer: ${reason}`,
    );
  }
}

function buildTokenizer(parts: TokenizerParts): ModelTokenizer {
  const { definition, added } = checkDefinition(parts.definition);
  checkSteps(definition, compilePattern);
  const { eosId } = parts;
  if (eosId === null) throw new Error('no end-of-sequence token is named');
  const bosId = parts.addsBos ? parts.bosId : null;
  const endId = parts.addsEos ? eosId : null;
  const encoder = new Encoder(parts, definition, added);
  // A second instance, since the encoder's was never told of the special tokens.
  const decoder = new HuggingFaceTokenizer(definition, {});
  const specialTexts = new Map(
    added.filter((token) => token.special).map(({ id, content }) => [id, content]),
  );
  const spelling = readSpelling(definition.decoder, added, (id) => decoder.id_to_token(id));
  const startDecoding = (): StreamingDecoder => {
    if (spelling !== null) return new StreamingDecoder(spelling);
    const kind = isObject(definition.decoder) ? String(definition.decoder.type) : 'missing';
    const message = `the tokenizer's decoder is ${kind}; allowed for texts that are decoded token by token: ByteLevel, Metaspace, and Llama's sequence of Replace, ByteFallback, Fuse and Strip`;
    throw new DatasetError('tokenizer-malformed', message);
  };
  return {
    encode: (text) => Int32Array.from(encoder.encode(text, true)),
    encodeMarked: (text) => Int32Array.from(encoder.encodeMarked(text)),
    frame: (tokens) => frame(tokens, bosId, endId),
    decode: (tokens) => {
      if (spelling === null) return decodeWhole(decoder, tokens, specialTexts);
      const pieces = new StreamingDecoder(spelling);
      const text = Array.from(tokens, (id) => pieces.push(id));
      return text.join('') + pieces.end();
    },
    startDecoding,
    bosId,
    eosId,
    stopIds: [...new Set([eosId, ...parts.otherStopIds])],
    vocabSize: countIds(decoder),
    specialTexts,
    namedBosId: parts.bosId,
    chatTemplate: parts.chatTemplate,
  };
}

/** @throws SyntaxError for a regular expression that the library cannot say in JavaScript's. */
function compilePattern(regex: string): void {
  const pre_tokenizer = {
    type: 'Split',
    pattern: { Regex: regex },
    behavior: 'Isolated',
    invert: false,
  };
  const model = { type: 'BPE', vocab: { a: 0 }, merges: [] };
  const others = { added_tokens: [], normalizer: null, post_processor: null, decoder: null };
  new HuggingFaceTokenizer({ ...others, model, pre_tokenizer }, {});
}

function frame(tokens: Int32Array, first: number | null, last: number | null): Int32Array {
  const before = first === null || tokens[0] === first ? [] : [first];
  const after = last === null || (tokens.length > 0 && tokens.at(-1) === last) ? [] : [last];
  if (before.length + after.length === 0) return tokens;
  return Int32Array.from([...before, ...tokens, ...after]);
}

function countIds(decoder: HuggingFaceTokenizer): number {
  let largest = -1;
  for (const id of decoder.get_vocab(true).values()) largest = Math.max(largest, id);
  return largest + 1;
}

/** The library throws on an empty list, and on ids that it does not know. */
function decodeWhole(
  decoder: HuggingFaceTokenizer,
  tokens: ArrayLike<number>,
  specials: ReadonlyMap<number, string>,
): string {
  const isText = (id: number) => !specials.has(id) && decoder.id_to_token(id) !== undefined;
  const known = Array.from(tokens).filter(isText);
  const plainDecoding = { skip_special_tokens: true, clean_up_tokenization_spaces: false };
  return known.length === 0 ? '' : decoder.decode(known, plainDecoding);
}

/** Of the library's models: what its constructor has no option for. */
interface LibraryModel {
  /** BPE */
  readonly merges: readonly (readonly [string, string])[];
  /** By the merge's JSON. */
  readonly bpe_ranks: Map<string, number>;
  /** Unigram: unknown characters in a row become one token. */
  fuse_unk: boolean;
}

/** Cuts texts by the library, around what it cannot be told. */
class Encoder {
  readonly #parts: TokenizerParts;
  readonly #first: HuggingFaceTokenizer;
  /** For what follows a special token: the same but for a blank that belongs before a text only. */
  readonly #later: HuggingFaceTokenizer;
  readonly #special: readonly AddedToken[];
  readonly #marker: RegExp | null;

  constructor(parts: TokenizerParts, definition: JsonObject, added: readonly AddedToken[]) {
    this.#parts = parts;
    // The library has no option to read special tokens as text; one that was never told of them cannot find them.
    const hidden = added.filter((token) => token.special).map(({ id }) => id);
    const plain = {
      ...definition,
      added_tokens: added.filter((token) => !token.special),
      model: hideTokens(definition.model, new Set([...hidden, ...(parts.byteIds ?? [])])),
    };
    this.#first = this.#build(plain);
    const pre_tokenizer = withoutFirstBlank(plain);
    this.#later = pre_tokenizer === null ? this.#first : this.#build({ ...plain, pre_tokenizer });
    this.#special = added.filter((token) => token.special);
    const texts = this.#special.map(({ content }) => content).sort((a, b) => b.length - a.length);
    this.#marker =
      texts.length === 0 ? null : new RegExp(`(${texts.map(escapeForRegExp).join('|')})`, 'u');
  }

  #build(definition: JsonObject): HuggingFaceTokenizer {
    const tokenizer = new HuggingFaceTokenizer(definition, {});
    const model = tokenizer.model as unknown as LibraryModel;
    const { mergeRanks, byteIds } = this.#parts;
    if (mergeRanks !== null) {
      for (const [i, merge] of model.merges.entries()) {
        model.bpe_ranks.set(JSON.stringify(merge), mergeRanks[i]!);
      }
    }
    if (byteIds !== null) model.fuse_unk = false;
    return tokenizer;
  }

  encode(text: string, isFirst: boolean): readonly number[] {
    const { normalize, byteIds } = this.#parts;
    const read = normalize === null ? text : normalize(text, isFirst);
    if (read === '') return [];
    const library = isFirst ? this.#first : this.#later;
    if (byteIds === null) return library.encode(read, { add_special_tokens: false }).ids;
    return library.tokenize(read).flatMap((token: string) => {
      const id = library.token_to_id(token);
      return id === undefined ? Array.from(Buffer.from(token), (byte) => byteIds[byte]!) : id;
    });
  }

  encodeMarked(text: string): readonly number[] {
    if (this.#marker === null) return this.encode(text.replaceAll(guard, ''), true);
    // Every second section is a special token.
    const sections = text.split(this.#marker);
    const tokens = sections.map((section, i) =>
      i % 2 === 0 ? undefined : this.#special.find(({ content }) => content === section),
    );
    let isFirst = true;
    return sections.flatMap((section, i) => {
      if (i % 2 === 1) {
        isFirst = false;
        return [tokens[i]!.id];
      }
      let stretch = section.replaceAll(guard, '');
      if (tokens[i - 1]?.rstrip === true) stretch = stretch.trimStart();
      if (tokens[i + 1]?.lstrip === true) stretch = stretch.trimEnd();
      if (stretch === '') return [];
      const ids = this.encode(stretch, isFirst);
      isFirst = false;
      return ids;
    });
  }
}

/** A unigram model finds every text of its vocabulary; these get names that no text holds: half a surrogate pair first. */
function hideTokens(model: unknown, ids: ReadonlySet<number>): unknown {
  if (!isObject(model) || !Array.isArray(model.vocab)) return model;
  const vocab = model.vocab.map(([text, score]: [string, number], id) =>
    ids.has(id) ? [unwritable + text, score] : [text, score],
  );
  return { ...model, vocab };
}

/** The pre-tokenizer with its blank before the first stretch left out; null where it puts none there alone. */
function withoutFirstBlank({ pre_tokenizer }: JsonObject): unknown {
  let isChanged = false;
  const change = (step: unknown): unknown => {
    if (!isObject(step)) return step;
    if (Array.isArray(step.pretokenizers)) {
      return { ...step, pretokenizers: step.pretokenizers.map(change) };
    }
    if (step.type !== 'Metaspace' || step.prepend_scheme !== 'first') return step;
    isChanged = true;
    return { ...step, prepend_scheme: 'never' };
  };
  const changed = change(pre_tokenizer);
  return isChanged ? changed : null;
}

function escapeForRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
