// What SentencePiece does to a text before it looks for pieces: replaces by its table, thins out blanks, writes blanks
// as U+2581. Source: normalizer.cc of google/sentencepiece; its table is a darts-clone double array over UTF-8 bytes.

import type { SentencePieceModel } from './sentencepiece-model.js';

export const blankMark = '\u2581';

type Terms = Pick<SentencePieceModel, 'addsBlankPrefix' | 'removesExtraBlanks' | 'charsMap'>;

/** @throws Error when the table of replacements is damaged. */
export function buildNormalizer(
  { addsBlankPrefix, removesExtraBlanks, charsMap }: Terms,
  /** Texts that stay as they are: user-defined pieces. */
  keptTexts: readonly string[],
): (text: string, hasPrefix?: boolean) => string {
  const replacements = charsMap.length === 0 ? null : new ReplacementTable(charsMap);
  const kept = new PrefixTable(keptTexts);
  const isPlain = replacements === null && keptTexts.length === 0;

  /** The text in the steps in which it is read, each replaced already. */
  function* readSteps(text: string): Generator<string> {
    for (let at = 0; at < text.length; ) {
      const whole = kept.find(text, at);
      const found = whole === null ? replacements?.find(text, at) : undefined;
      const step = whole ?? found?.replacement ?? String.fromCodePoint(text.codePointAt(at)!);
      at += found?.length ?? step.length;
      yield step;
    }
  }

  function thinOut(text: string): string {
    let result = '';
    let isAfterBlank = true;
    for (const step of readSteps(text)) {
      const rest: string = isAfterBlank ? step.replace(/^ +/, '') : step;
      if (rest === '') continue;
      result += rest;
      isAfterBlank = rest.endsWith(' ');
    }
    return result.replace(/[ \u2581]+$/, '');
  }

  return (text, hasPrefix = addsBlankPrefix) => {
    const wellFormed = text.replace(/\p{Surrogate}/gu, '\ufffd');
    let read: string;
    if (removesExtraBlanks) read = thinOut(wellFormed);
    else read = isPlain ? wellFormed : [...readSteps(wellFormed)].join('');
    if (read === '') return '';
    return (hasPrefix ? blankMark : '') + read.replaceAll(' ', blankMark);
  };
}

/** Finds the longest of some texts at a place. */
class PrefixTable {
  readonly #byFirstUnit = new Map<string, string[]>();

  constructor(texts: readonly string[]) {
    for (const text of [...texts].sort((a, b) => b.length - a.length)) {
      const alike = this.#byFirstUnit.get(text[0]!) ?? [];
      alike.push(text);
      this.#byFirstUnit.set(text[0]!, alike);
    }
  }

  find(text: string, at: number): string | null {
    const alike = this.#byFirstUnit.get(text[at]!);
    return alike?.find((candidate) => text.startsWith(candidate, at)) ?? null;
  }
}

/** Bytes: size of the trie (u32), its units (u32 each), the replacements, each ended by a zero. All little-endian. */
class ReplacementTable {
  readonly #units: Uint32Array;
  readonly #texts: Buffer;

  constructor(bytes: Buffer) {
    const size = bytes.length < 4 ? -1 : bytes.readUInt32LE();
    if (size < 4 || size % 4 !== 0 || size > bytes.length - 4) {
      throw new Error(
        `precompiled_charsmap has a trie of ${size} bytes; allowed: 4 to ${bytes.length - 4}, in fours`,
      );
    }
    this.#units = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
    this.#texts = bytes.subarray(4 + size);
  }

  /** The replacement of the longest key at a place, and the key's length in UTF-16 units. */
  find(text: string, at: number): { replacement: string; length: number } | undefined {
    let found: { replacement: string; length: number } | undefined;
    let place = offsetOf(this.#unit(0));
    for (let end = at; end < text.length; ) {
      const character = text.codePointAt(end)!;
      end += character > 0xffff ? 2 : 1;
      let hasLeaf = false;
      for (const byte of Buffer.from(String.fromCodePoint(character))) {
        place ^= byte;
        const unit = this.#units[place];
        if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return found;
        place ^= offsetOf(unit);
        hasLeaf = ((unit >>> 8) & 1) === 1;
      }
      if (hasLeaf) {
        found = { replacement: this.#text(this.#unit(place) & 0x7fffffff), length: end - at };
      }
    }
    return found;
  }

  #unit(place: number): number {
    const unit = this.#units[place];
    if (unit !== undefined) return unit;
    throw new Error(`precompiled_charsmap points to unit ${place} of ${this.#units.length}`);
  }

  #text(start: number): string {
    const end = this.#texts.indexOf(0, start);
    if (start < this.#texts.length && end >= 0) return this.#texts.toString('utf8', start, end);
    throw new Error(`precompiled_charsmap points to byte ${start} of ${this.#texts.length}`);
  }
}

function offsetOf(unit: number): number {
  return ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
}
