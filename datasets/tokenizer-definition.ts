// A tokenizer.json that can be trusted: its vocabulary is whole and free of contradictions, and where the JavaScript
// library reads a step differently than the Rust reference, the step is written in a way that both read alike.

import { isObject, type JsonObject, show } from './json-object.js';
import type { AddedToken } from './tokenizer-parts.js';

/** @throws Error naming the field and the value that is wrong. */
export function checkDefinition(definition: JsonObject): {
  readonly definition: JsonObject;
  readonly added: readonly AddedToken[];
} {
  const { model } = definition;
  if (!isObject(model)) throw new Error(`model is ${show(model)}; allowed: an object`);
  const type = modelTypeOf(model);
  const vocabulary = readVocabulary(model);
  const added = readAddedTokens(definition.added_tokens, vocabulary);
  if (type === 'BPE') checkMerges(model.merges, vocabulary);
  const pre_tokenizer = alignStep(definition.pre_tokenizer);
  const absent = { normalizer: null, post_processor: null, decoder: null };
  return { definition: { ...absent, ...definition, added_tokens: added, pre_tokenizer }, added };
}

/** Old files leave it out: only BPE has merges, and only a unigram's vocabulary is a list. */
function modelTypeOf({ type, merges, vocab }: JsonObject): 'BPE' | 'Unigram' {
  const isList = Array.isArray(vocab);
  const implied = merges !== undefined ? 'BPE' : isList ? 'Unigram' : undefined;
  const told = type ?? implied;
  if (told !== 'BPE' && told !== 'Unigram') {
    throw new Error(`model.type is ${show(type)}; allowed: BPE, Unigram`);
  }
  if (isObject(vocab) && told === 'Unigram') {
    throw new Error('model.vocab is an object; allowed for Unigram: a list of [text, score]');
  }
  if (isList && told === 'BPE') {
    throw new Error('model.vocab is a list; allowed for BPE: an object of tokens and their ids');
  }
  return told;
}

/** Ids by token. Lists (unigram) count from 0. */
function readVocabulary(model: JsonObject): ReadonlyMap<string, number> {
  const { vocab } = model;
  if (Array.isArray(vocab)) {
    const entries = vocab.map((entry: unknown, id): [string, number] => {
      const isPair =
        Array.isArray(entry) && typeof entry[0] === 'string' && Number.isFinite(entry[1]);
      if (!isPair) throw new Error(`model.vocab[${id}] is ${show(entry)}; allowed: [text, score]`);
      return [entry[0] as string, id];
    });
    return noteIds(entries);
  }
  if (!isObject(vocab)) throw new Error(`model.vocab is ${show(vocab)}; allowed: an object`);
  return noteIds(
    Object.entries(vocab).map(([token, id]): [string, number] => {
      if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < maxId) {
        return [token, id as number];
      }
      throw new Error(
        `model.vocab has ${show(token)} with the id ${show(id)}; allowed: 0 to ${maxId - 1}`,
      );
    }),
  );
}

/** Ids index arrays. */
const maxId = 8_000_000;

function noteIds(entries: readonly [string, number][]): ReadonlyMap<string, number> {
  const tokenOf = new Map<number, string>();
  const vocabulary = new Map<string, number>();
  for (const [token, id] of entries) {
    const other = tokenOf.get(id);
    if (other !== undefined) {
      throw new Error(`model.vocab gives the id ${id} to ${show(other)} and to ${show(token)}`);
    }
    const earlier = vocabulary.get(token);
    if (earlier !== undefined) {
      throw new Error(`model.vocab has ${show(token)} twice, as ${earlier} and ${id}`);
    }
    tokenOf.set(id, token);
    vocabulary.set(token, id);
  }
  if (vocabulary.size === 0) throw new Error('model.vocab is empty');
  return vocabulary;
}

function readAddedTokens(list: unknown, vocabulary: ReadonlyMap<string, number>): AddedToken[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw new Error(`added_tokens is ${show(list)}; allowed: a list`);
  const tokenOf = new Map([...vocabulary].map(([token, id]) => [id, token]));
  return list.map((entry: unknown, i) => {
    const isToken =
      isObject(entry) &&
      typeof entry.content === 'string' &&
      entry.content !== '' &&
      Number.isInteger(entry.id) &&
      (entry.id as number) >= 0 &&
      (entry.id as number) < maxId;
    if (!isToken) {
      throw new Error(
        `added_tokens[${i}] is ${show(entry)}; allowed: an id from 0 to ${maxId - 1} and a content`,
      );
    }
    const { id, content } = entry as { id: number; content: string };
    const other = tokenOf.get(id);
    if (other !== undefined && other !== content) {
      throw new Error(
        `added_tokens[${i}] gives the id ${id} to ${show(content)}, which ${show(other)} has`,
      );
    }
    tokenOf.set(id, content);
    const special = entry.special === true;
    return {
      id,
      content,
      special,
      lstrip: entry.lstrip === true,
      rstrip: entry.rstrip === true,
      normalized: typeof entry.normalized === 'boolean' ? entry.normalized : !special,
      single_word: entry.single_word === true,
    };
  });
}

/** Both spellings: "left right", and ["left", "right"]. */
function checkMerges(merges: unknown, vocabulary: ReadonlyMap<string, number>): void {
  if (!Array.isArray(merges)) throw new Error(`model.merges is ${show(merges)}; allowed: a list`);
  for (const [rank, merge] of merges.entries()) {
    const parts: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    const isPair =
      Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === 'string');
    if (!isPair) {
      throw new Error(`model.merges[${rank}] is ${show(merge)}; allowed: two tokens`);
    }
    const [left, right] = parts as [string, string];
    for (const token of [left, right, left + right]) {
      if (vocabulary.has(token)) continue;
      throw new Error(`model.merges[${rank}] needs ${show(token)}, which is not in model.vocab`);
    }
  }
}

const gpt2Cut =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * The library's Digits knows ASCII's ten only, and its ByteLevel takes U+FEFF for a blank and U+0085 for none: both are
 * said by regular expressions instead, which it translates faithfully.
 */
function alignStep(step: unknown): unknown {
  if (!isObject(step)) return step ?? null;
  if (step.type === 'Sequence' && Array.isArray(step.pretokenizers)) {
    return { ...step, pretokenizers: step.pretokenizers.map(alignStep) };
  }
  if (step.type === 'Digits') {
    return split(step.individual_digits === true ? '\\p{N}' : '\\p{N}+');
  }
  const cuts = step.type === 'ByteLevel' && step.use_regex !== false;
  if (!cuts || step.add_prefix_space === true) return step;
  const pretokenizers = [split(gpt2Cut), { ...step, use_regex: false }];
  return { type: 'Sequence', pretokenizers };
}

function split(regex: string): JsonObject {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false };
}
