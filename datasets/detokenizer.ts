// From token ids to text as they come: a piece is never the part of a character, and nothing that was given out changes
// later. How a tokenizer spells its tokens is read from the decoder of tokenizer.json.

import { isObject, type JsonObject } from './json-object.js';
import type { AddedToken } from './tokenizer-parts.js';

/** How tokens become a text. */
export interface Spelling {
  /** null: the token is no part of the text. */
  readonly bytesOf: (id: number) => Uint8Array | null;
  /** A text that begins with a blank begins without it. */
  readonly dropsFirstBlank: boolean;
  /** What stands for bytes that are no UTF-8: one U+FFFD a byte (as SentencePiece), or one for as much of a character
   *  as there is (as byte-level tokenizers, and the WHATWG's decoder). */
  readonly replacement: 'byte' | 'fragment';
}

/** The text of a sequence, piece by piece. */
export class StreamingDecoder {
  readonly #spelling: Spelling;
  /** Bytes of a character that is not complete, at most three. */
  #held: number[] = [];
  #isFirst: boolean;

  constructor(spelling: Spelling) {
    this.#spelling = spelling;
    this.#isFirst = spelling.dropsFirstBlank;
  }

  /** What the token adds to the text: whole characters, or nothing yet. */
  push(id: number): string {
    const bytes = this.#spelling.bytesOf(id);
    return bytes === null ? '' : this.#begin(this.#decode(bytes, false));
  }

  /** What is left when no token follows. */
  end(): string {
    return this.#begin(this.#decode([], true));
  }

  #begin(text: string): string {
    if (!this.#isFirst || text === '') return text;
    this.#isFirst = false;
    return text.startsWith(' ') ? text.slice(1) : text;
  }

  #decode(more: ArrayLike<number>, isEnd: boolean): string {
    const bytes = this.#held.length === 0 ? more : [...this.#held, ...Array.from(more)];
    let text = '';
    let at = 0;
    while (at < bytes.length) {
      const lead = bytes[at]!;
      if (lead < 0x80) {
        text += String.fromCharCode(lead);
        at++;
        continue;
      }
      const wanted = lengthOf(lead);
      const found = countValid(bytes, at, wanted);
      if (wanted > 0 && found === wanted) {
        text += String.fromCodePoint(codePointOf(bytes, at, wanted));
        at += wanted;
      } else if (at + found === bytes.length && found > 0 && !isEnd) {
        break;
      } else {
        text += '\ufffd';
        at += this.#spelling.replacement === 'byte' ? 1 : Math.max(1, found);
      }
    }
    this.#held = Array.from({ length: bytes.length - at }, (_, i) => bytes[at + i]!);
    return text;
  }
}

/** Bytes of the character that begins with `lead`; 0 where none does. Unicode 15, table 3-7. */
function lengthOf(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/** How many bytes from `at` on are of one character of `wanted` bytes. */
function countValid(bytes: ArrayLike<number>, at: number, wanted: number): number {
  if (wanted === 0) return 0;
  const lead = bytes[at]!;
  for (let i = 1; i < wanted; i++) {
    const byte = bytes[at + i];
    const low = i > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = i > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (byte === undefined || byte < low || byte > high) return i;
  }
  return wanted;
}

function codePointOf(bytes: ArrayLike<number>, at: number, length: number): number {
  let value = bytes[at]! & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) value = (value << 6) | (bytes[at + i]! & 0x3f);
  return value;
}

/**
 * How a tokenizer.json spells its tokens; null where its decoder is none that goes token by token.
 * @param tokenOf the token's name in the vocabulary.
 */
export function readSpelling(
  decoder: unknown,
  added: readonly AddedToken[],
  tokenOf: (id: number) => string | undefined,
): Spelling | null {
  const rule = isObject(decoder) ? readRule(decoder) : null;
  if (rule === null) return null;
  const addedById = new Map(added.map((token) => [token.id, token]));
  const spelled = new Map<number, Uint8Array | null>();
  const spell = (id: number): Uint8Array | null => {
    const marker = addedById.get(id);
    if (marker?.special === true) return null;
    const token = tokenOf(id);
    if (token === undefined) return null;
    return marker === undefined || !rule.keepsAdded ? rule.spell(token) : Buffer.from(token);
  };
  return {
    ...rule,
    bytesOf: (id) => {
      let bytes = spelled.get(id);
      if (bytes === undefined) {
        bytes = spell(id);
        spelled.set(id, bytes);
      }
      return bytes;
    },
  };
}

interface Rule extends Pick<Spelling, 'dropsFirstBlank' | 'replacement'> {
  readonly spell: (token: string) => Uint8Array;
  /** Added tokens are spelled as they are written. */
  readonly keepsAdded: boolean;
}

function readRule(decoder: JsonObject): Rule | null {
  switch (decoder.type) {
    case 'ByteLevel':
      return {
        spell: spellByteLevel,
        keepsAdded: true,
        dropsFirstBlank: false,
        replacement: 'fragment',
      };
    case 'Metaspace': {
      const mark = typeof decoder.replacement === 'string' ? decoder.replacement : '\u2581';
      return {
        spell: (token) => Buffer.from(token.replaceAll(mark, ' ')),
        keepsAdded: false,
        dropsFirstBlank: decoder.prepend_scheme !== 'never' && decoder.add_prefix_space !== false,
        replacement: 'fragment',
      };
    }
    case 'Sequence':
      return Array.isArray(decoder.decoders) ? readSequence(decoder.decoders) : null;
    default:
      return null;
  }
}

/** Llama's: Replace, ByteFallback, Fuse, Strip, of which some may be missing. */
function readSequence(steps: readonly unknown[]): Rule | null {
  const kinds = steps.map((step) => (isObject(step) ? String(step.type) : ''));
  if (kinds.length === 1 && isObject(steps[0])) return readRule(steps[0]);
  if (!/^(Replace )*ByteFallback Fuse( Strip)?$/.test(kinds.join(' '))) return null;
  const replaced: [string, string][] = [];
  let dropsFirstBlank = false;
  for (const step of steps as readonly JsonObject[]) {
    if (step.type === 'Replace') {
      const from = isObject(step.pattern) ? step.pattern.String : undefined;
      if (typeof from !== 'string' || typeof step.content !== 'string') return null;
      replaced.push([from, step.content]);
    }
    if (step.type === 'Strip') {
      const isKnown = step.content === ' ' && step.start === 1 && (step.stop ?? 0) === 0;
      if (!isKnown) return null;
      dropsFirstBlank = true;
    }
  }
  const spell = (token: string): Uint8Array => {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
    return Buffer.from(replaced.reduce((text, [from, to]) => text.replaceAll(from, to), token));
  };
  return { spell, keepsAdded: false, dropsFirstBlank, replacement: 'byte' };
}

/** GPT-2's alphabet: printable Latin-1 stands for itself, the other bytes for U+0100 and what follows, in order. */
const byteOfCharacter = new Map<string, number>();
let stranger = 0x100;
for (let byte = 0; byte < 256; byte++) {
  const isPrintable =
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  byteOfCharacter.set(String.fromCharCode(isPrintable ? byte : stranger++), byte);
}

/** A token with a character outside the alphabet is spelled as it is written. */
function spellByteLevel(token: string): Uint8Array {
  const bytes = Array.from(token, (character) => byteOfCharacter.get(character));
  return bytes.includes(undefined) ? Buffer.from(token) : Uint8Array.from(bytes as number[]);
}
