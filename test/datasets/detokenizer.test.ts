// Do pieces of text come whole, and make up the whole text? Random token sequences, many of them no UTF-8, over
// tokenizers of each kind; the text itself is held to other libraries' in tokenizers.test.ts.

import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamingDecoder } from '../../datasets/detokenizer.js';
import { loadTokenizer } from '../../datasets/index.js';

const golden = join(import.meta.dirname, '../golden/tokenizers');
const folders = [
  join(golden, 'spm-bpe'),
  join(golden, 'spm-unigram'),
  join(golden, 'byte-level'),
  join(golden, 'gguf', 'gpt2-smollm.gguf'),
  join(golden, 'gguf', 'llama.gguf'),
  join(import.meta.dirname, '../../configs/models/tiny'),
];

const hasHalfCharacter = (text: string) => /\p{Surrogate}/u.test(text);

describe.each(folders)('%s', (folder) => {
  it('gives pieces that make up the whole text, each of whole characters', async () => {
    const tokenizer = await loadTokenizer(folder);
    const token = fc.integer({ min: -1, max: tokenizer.vocabSize });
    const bytes = fc.integer({ min: 0, max: Math.min(300, tokenizer.vocabSize) });
    const sequences = fc.array(fc.oneof(token, bytes), { maxLength: 60 });
    const property = fc.property(sequences, (sequence) => {
      const decoder = tokenizer.startDecoding();
      let soFar = '';
      for (const [i, id] of sequence.entries()) {
        const piece = decoder.push(id);
        expect(hasHalfCharacter(piece)).toBe(false);
        soFar += piece;
        // What was given out is never taken back by what follows.
        expect(tokenizer.decode(sequence).startsWith(soFar), `after token ${i}`).toBe(true);
      }
      expect(soFar + decoder.end()).toBe(tokenizer.decode(sequence));
    });
    fc.assert(property, { numRuns: 60 });
  });

  it('gives texts back that were cut into tokens, character by character', async () => {
    const tokenizer = await loadTokenizer(folder);
    const property = fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
      const tokens = tokenizer.encode(text);
      const decoder = tokenizer.startDecoding();
      const pieces = [...Array.from(tokens, (id) => decoder.push(id)), decoder.end()];
      // A replacement in a piece would be a character that was split: none of the texts holds one.
      if (!tokenizer.decode(tokens).includes('\ufffd')) {
        expect(pieces.some((piece) => piece.includes('\ufffd'))).toBe(false);
      }
      return true;
    });
    fc.assert(property, { numRuns: 60 });
  });
});

describe('StreamingDecoder', () => {
  const spell = (replacement: 'byte' | 'fragment') =>
    new StreamingDecoder({
      bytesOf: (id) => (id < 0 ? null : Uint8Array.of(id)),
      dropsFirstBlank: false,
      replacement,
    });

  it.each(['byte', 'fragment'] as const)(
    'reads any bytes as a decoder at hand does: %s',
    (kind) => {
      const byte = fc.oneof(
        fc.integer({ min: 0, max: 255 }),
        fc.constantFrom(0xe0, 0xed, 0xf0, 0xf4, 0x80, 0x9f, 0xa0, 0xbf, 0x90, 0x8f, 0xc1, 0xc2),
      );
      const property = fc.property(fc.array(byte, { maxLength: 30 }), (bytes) => {
        const decoder = spell(kind);
        const text = bytes.map((value) => decoder.push(value)).join('') + decoder.end();
        const whole = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
        const read = (found: string) =>
          kind === 'byte' ? found.replace(/\ufffd+/g, '\ufffd') : found;
        expect(read(text)).toBe(read(whole));
      });
      fc.assert(property, { numRuns: 2000 });
    },
  );

  it('holds a character back until it is whole, and a broken one until it is known', () => {
    const decoder = spell('fragment');
    const emoji = [...Buffer.from('👋')];
    expect(emoji.map((byte) => decoder.push(byte))).toEqual(['', '', '', '👋']);
    expect(decoder.push(0xe4)).toBe('');
    expect(decoder.push(-1)).toBe('');
    expect(decoder.push(0x41)).toBe('\ufffdA');
    expect(decoder.push(0xe4)).toBe('');
    expect(decoder.end()).toBe('\ufffd');
  });

  it('drops one blank before a text whose tokens carry their blanks', async () => {
    const tokenizer = await loadTokenizer(join(golden, 'spm-bpe'));
    for (const text of ['the mill', ' the mill', '  the', ' ', 'é 👋 x']) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });
});
