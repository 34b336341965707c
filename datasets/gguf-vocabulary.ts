// The tokenizer that stands in a GGUF file's metadata. Source of the names, regular expressions and defaults:
// llama-vocab.cpp of ggml-org/llama.cpp. Vocabularies and ways of cutting texts that are not listed are refused.

import type { GgufHead, GgufScalar, GgufValue } from './gguf-file.js';
import type { JsonObject } from './json-object.js';
import { kindOf, type Piece } from './sentencepiece-model.js';
import { buildFromPieces, type SentencePieceParts } from './sentencepiece-tokenizer.js';
import { addedToken, type TokenizerParts } from './tokenizer-parts.js';

/** How texts are cut before merging: expressions applied one after the other, each to what the last one left. */
interface PreTokenizer {
  readonly cuts: readonly string[];
  /** A stretch that is a token as a whole is that token, whatever the merges say. */
  readonly ignoresMerges?: boolean;
  /** BOS where the file does not say. */
  readonly addsBos?: boolean;
}

const gpt2Cut = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)";

/** GPT-4's way, with up to `digits` digits together. */
function gpt4Cut(digits: string): string {
  return `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
}

const gpt2: PreTokenizer = { cuts: [gpt2Cut] };
const singleDigits: PreTokenizer = { cuts: ['\\p{N}', gpt2Cut] };
const llama3: PreTokenizer = { cuts: [gpt4Cut('{1,3}')], ignoresMerges: true, addsBos: true };
const qwen2: PreTokenizer = { cuts: [gpt4Cut('')] };

const preTokenizers: Readonly<Record<string, PreTokenizer>> = {
  default: { cuts: ['[\\p{P}\\$\\+<=>\\^~\\|]+', gpt2Cut, '\\p{N}+', '[0-9][0-9][0-9]'] },
  'gpt-2': gpt2,
  'phi-2': gpt2,
  mpt: gpt2,
  olmo: gpt2,
  smollm: singleDigits,
  starcoder: singleDigits,
  refact: singleDigits,
  'command-r': singleDigits,
  codeshell: singleDigits,
  exaone: singleDigits,
  'llama-bpe': llama3,
  'llama-v3': llama3,
  llama3,
  falcon3: llama3,
  dbrx: { cuts: [gpt4Cut('{1,3}')] },
  'smaug-bpe': { cuts: [gpt4Cut('{1,3}')] },
  qwen2,
  'deepseek-r1-qwen': qwen2,
  stablelm2: qwen2,
  megrez: qwen2,
};

const models = ['llama', 'gpt2'];

/** @throws Error that names the key and its value. */
export function readGgufVocabulary({ metadata }: GgufHead): TokenizerParts {
  const facts = new VocabularyFacts(metadata);
  const model = facts.text('tokenizer.ggml.model');
  if (!models.includes(model)) {
    throw new Error(
      `tokenizer.ggml.model is ${JSON.stringify(model)}; allowed: ${models.join(', ')}`,
    );
  }
  const pieces = readPieces(facts);
  const built = model === 'llama' ? buildLlama(facts, pieces) : buildGpt2(facts, pieces);
  const id = (name: string) => facts.tokenId(`tokenizer.ggml.${name}`, pieces.length);
  const bosId = id('bos_token_id');
  const eosId = id('eos_token_id');
  const turnEnd = id('eot_token_id');
  return {
    ...built,
    bosId,
    eosId,
    otherStopIds: turnEnd === null ? [] : [turnEnd],
    addsBos: bosId !== null && facts.flag('tokenizer.ggml.add_bos_token', built.addsBos),
    addsEos: eosId !== null && facts.flag('tokenizer.ggml.add_eos_token', false),
    chatTemplate: facts.optionalText('tokenizer.chat_template'),
  };
}

function readPieces(facts: VocabularyFacts): Piece[] {
  const texts = facts.texts('tokenizer.ggml.tokens');
  const ofEach = (key: string): readonly number[] | null => {
    const values = facts.numbers(key);
    if (values !== null && values.length !== texts.length) {
      throw new Error(`${key} has ${values.length} entries for ${texts.length} tokens`);
    }
    return values;
  };
  const scores = ofEach('tokenizer.ggml.scores');
  const kinds = ofEach('tokenizer.ggml.token_type');
  const idOf = new Map<string, number>();
  return texts.map((text, id) => {
    const earlier = idOf.get(text);
    if (earlier !== undefined) {
      throw new Error(
        `tokenizer.ggml.tokens: tokens ${earlier} and ${id} are both ${JSON.stringify(text)}`,
      );
    }
    idOf.set(text, id);
    return { text, score: scores?.[id] ?? 0, kind: kindOf(kinds?.[id] ?? 1, id) };
  });
}

type Built = SentencePieceParts & Pick<TokenizerParts, 'addsBos'>;

function buildLlama(facts: VocabularyFacts, pieces: readonly Piece[]): Built {
  if (!facts.has('tokenizer.ggml.scores')) {
    throw new Error('tokenizer.ggml.scores is missing; a llama vocabulary needs it');
  }
  const unknown = pieces.findIndex(({ kind }) => kind === 'unknown');
  const model = {
    model: 'bpe' as const,
    pieces,
    byteFallback: true,
    addsBlankPrefix: facts.flag('tokenizer.ggml.add_space_prefix', true),
    removesExtraBlanks: false,
    charsMap: Buffer.alloc(0),
    unknownId: unknown < 0 ? null : unknown,
    bosId: null,
    eosId: null,
  };
  return { ...buildFromPieces(model, [], true), addsBos: true };
}

function buildGpt2(facts: VocabularyFacts, pieces: readonly Piece[]): Built {
  const name = facts.optionalText('tokenizer.ggml.pre') ?? 'default';
  const pre = Object.hasOwn(preTokenizers, name) ? preTokenizers[name] : undefined;
  if (pre === undefined) {
    throw new Error(
      `tokenizer.ggml.pre is ${JSON.stringify(name)}; allowed: ${Object.keys(preTokenizers).join(', ')}`,
    );
  }
  const added = pieces.flatMap(({ text, kind }, id) =>
    kind === 'normal' || kind === 'unused' ? [] : [addedToken(id, text, kind !== 'user-defined')],
  );
  const definition = {
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: describeCuts(pre.cuts),
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(pieces.map(({ text }, id) => [text, id])),
      merges: readMerges(facts),
      ignore_merges: pre.ignoresMerges === true,
    },
  };
  return {
    definition,
    normalize: null,
    mergeRanks: null,
    byteIds: null,
    addsBos: pre.addsBos === true,
  };
}

/** "left right"; the blank that divides them is never the first character. */
function readMerges(facts: VocabularyFacts): [string, string][] {
  const key = 'tokenizer.ggml.merges';
  return facts.texts(key).map((merge, rank) => {
    const blank = merge.indexOf(' ', 1);
    if (blank < 1 || blank === merge.length - 1) {
      throw new Error(`${key}: merge ${rank} is ${JSON.stringify(merge)}; allowed: "left right"`);
    }
    return [merge.slice(0, blank), merge.slice(blank + 1)];
  });
}

const byteLevel = {
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: false,
};

function describeCuts(cuts: readonly string[]): JsonObject {
  const splits = cuts.map((cut) => ({
    type: 'Split',
    pattern: { Regex: cut },
    behavior: 'Isolated',
    invert: false,
  }));
  return { type: 'Sequence', pretokenizers: [...splits, byteLevel] };
}

/** Metadata by key and kind. */
class VocabularyFacts {
  constructor(readonly metadata: ReadonlyMap<string, GgufValue>) {}

  has(key: string): boolean {
    return this.metadata.has(key);
  }

  optionalText(key: string): string | null {
    const value = this.metadata.get(key);
    if (value === undefined) return null;
    return typeof value === 'string' ? value : this.#refuse(key, 'a text');
  }

  text(key: string): string {
    return this.optionalText(key) ?? this.#refuse(key, 'a text');
  }

  flag(key: string, absent: boolean): boolean {
    const value = this.metadata.get(key);
    if (value === undefined) return absent;
    return typeof value === 'boolean' ? value : this.#refuse(key, 'true or false');
  }

  texts(key: string): readonly string[] {
    const list = this.#list(key);
    const isText = (value: GgufScalar) => typeof value === 'string';
    if (list === null || list.length === 0 || !list.every(isText)) this.#refuse(key, 'texts');
    return list as readonly string[];
  }

  /** null where there are none. */
  numbers(key: string): readonly number[] | null {
    const list = this.#list(key);
    const isNumber = (value: GgufScalar) => typeof value === 'number' && Number.isFinite(value);
    if (list !== null && !list.every(isNumber)) this.#refuse(key, 'finite numbers');
    return list as readonly number[] | null;
  }

  /** null where there is none. */
  tokenId(key: string, vocabSize: number): number | null {
    const value = this.metadata.get(key);
    if (value === undefined) return null;
    const isId = typeof value === 'number' && value >= 0 && value < vocabSize;
    return isId ? value : this.#refuse(key, `a token id from 0 to ${vocabSize - 1}`);
  }

  #list(key: string): readonly GgufScalar[] | null {
    const value = this.metadata.get(key);
    if (value === undefined) return null;
    return Array.isArray(value) ? value : this.#refuse(key, 'a list');
  }

  #refuse(key: string, allowed: string): never {
    const value = this.metadata.get(key);
    let shown =
      value === undefined
        ? 'missing'
        : JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v));
    if (Array.isArray(value)) shown = `a list of ${value.length}`;
    throw new Error(`${key} is ${shown.slice(0, 60)}; allowed: ${allowed}`);
  }
}
