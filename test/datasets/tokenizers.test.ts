// Do tokenizers cut and write texts as the libraries do that they come from? Against sentencepiece, Hugging Face's
// tokenizers and llama.cpp, over awkward texts: golden/tokenizers says how they were made.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../datasets/index.js';

const folder = join(import.meta.dirname, '../golden/tokenizers');

interface Golden {
  /** Token ids of each text, or their digest. */
  readonly encoded: readonly (readonly number[] | string)[];
  /** The same with special tokens read as such. */
  readonly marked?: readonly (readonly number[] | string)[];
  readonly addsBos?: boolean;
  readonly sequences: readonly (readonly number[])[];
  readonly decoded: readonly string[];
}

function readJson<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(folder, ...path), 'utf8')) as T;
}

type Entry = string | { readonly repeat: string; readonly times: number };
const texts = readJson<Entry[]>('texts.json').map((entry) =>
  typeof entry === 'string' ? entry : entry.repeat.repeat(entry.times),
);

/** The form in which golden files keep token ids. */
function shorten(ids: Int32Array): number[] | string {
  if (ids.length <= 400) return [...ids];
  return `sha256:${createHash('sha256')
    .update([...ids].join(','))
    .digest('hex')}`;
}

/** The first texts that were cut in another way, with what was wanted and what came. */
function compare(
  golden: Golden['encoded'],
  encode: (text: string) => Int32Array,
): readonly { readonly text: string }[] {
  const different = texts.flatMap((text, i) => {
    const found = shorten(encode(text));
    const wanted = golden[i];
    const shown = text.slice(0, 60);
    return JSON.stringify(found) === JSON.stringify(wanted) ? [] : [{ text: shown, wanted, found }];
  });
  return different.slice(0, 5);
}

/** The first sequences that were written in another way. */
function compareTexts(
  { sequences, decoded }: Golden,
  decode: (tokens: readonly number[]) => string,
  read: (text: string) => string = (text) => text,
): readonly unknown[] {
  expect(sequences.length).toBe(decoded.length);
  const different = sequences.flatMap((sequence, i) => {
    const found = decode(sequence);
    return read(found) === read(decoded[i]!) ? [] : [{ sequence, wanted: decoded[i], found }];
  });
  return different.slice(0, 5);
}

/**
 * Two cuts that are equally likely: sentencepiece adds scores up in fp32, the library in fp64, and rounding decides.
 */
const ties: Readonly<Record<string, readonly string[]>> = { 'spm-unigram-bytes': ['a'.repeat(50)] };

const sentencePieceModels = ['spm-bpe', 'spm-unigram', 'spm-unigram-bytes', 'spm-bpe-unknown'];

describe.each(sentencePieceModels)('tokenizer.model: %s', (name) => {
  const golden = readJson<Golden>(name, 'golden.json');

  it('cuts texts as sentencepiece does', async () => {
    const tokenizer = await loadTokenizer(join(folder, name));
    expect(golden.encoded).toHaveLength(texts.length);
    const different = compare(golden.encoded, tokenizer.encode);
    expect(different.filter(({ text }) => !ties[name]?.includes(text))).toEqual([]);
  });

  it('writes texts as sentencepiece does', async () => {
    const tokenizer = await loadTokenizer(join(folder, name));
    expect(compareTexts(golden, tokenizer.decode)).toEqual([]);
  });
});

describe('tokenizer.json, byte level', () => {
  const golden = readJson<Golden>('byte-level', 'golden.json');

  it('cuts texts as the Rust library does', async () => {
    const tokenizer = await loadTokenizer(join(folder, 'byte-level'));
    expect(compare(golden.encoded, tokenizer.encode)).toEqual([]);
    expect(compare(golden.marked!, tokenizer.encodeMarked)).toEqual([]);
  });

  it('writes texts as the Rust library does', async () => {
    const tokenizer = await loadTokenizer(join(folder, 'byte-level'));
    expect(compareTexts(golden, tokenizer.decode)).toEqual([]);
  });
});

describe('GGUF vocabularies', () => {
  const all = readJson<Record<string, Golden>>('gguf', 'golden.json');
  const names = Object.keys(all).filter((name) => name.endsWith('.gguf'));

  it('has a file of every kind', () => {
    expect(names.length).toBe(7);
  });

  it.each(names)('cuts texts as llama.cpp does: %s', async (name) => {
    const tokenizer = await loadTokenizer(join(folder, 'gguf', name));
    expect(compare(all[name]!.encoded, tokenizer.encode)).toEqual([]);
    expect(compare(all[name]!.marked!, tokenizer.encodeMarked)).toEqual([]);
    expect(tokenizer.bosId !== null).toBe(all[name]!.addsBos);
  });

  it.each(names)('writes texts as llama.cpp does: %s', async (name) => {
    const tokenizer = await loadTokenizer(join(folder, 'gguf', name));
    // llama.cpp gives bytes: how many U+FFFD stand for those that are no UTF-8 is its caller's choice.
    const read = (text: string) => text.replace(/\ufffd+/g, '\ufffd');
    expect(compareTexts(all[name]!, tokenizer.decode, read)).toEqual([]);
  });
});

describe("SmolLM2's vocabulary", () => {
  const model = join(import.meta.dirname, '../../results/models/smollm2-135m-instruct');
  const isThere = existsSync(join(model, 'tokenizer.json'));

  it('is cut and written as by llama.cpp', async ({ skip }) => {
    if (!isThere) {
      const reason = `${model} is not there: npm run pull:smollm2`;
      process.stderr.write(`skipped: ${reason}\n`);
      skip(reason);
    }
    const golden = readJson<Golden>('smollm2.json');
    const tokenizer = await loadTokenizer(model);
    expect(compare(golden.encoded, tokenizer.encode)).toEqual([]);
    expect(compare(golden.marked!, tokenizer.encodeMarked)).toEqual([]);
    expect(compareTexts(golden, tokenizer.decode)).toEqual([]);
  });
});
