// Where do sentences end? Punkt (Kiss and Strunk 2006) as NLTK applies it. MLPerf's scripts name NLTK 3.8.1; later ones decide
// a little otherwise, so that the edition has to be said. Learning is no business of ours.

import { blanks, stripEnd } from '../python-text.js';
import { orthographic, type PunktParameters } from './punkt-parameters.js';

/**
 * 3.10 takes curly and pointed quotes for closing marks too, no numeral for an initial ("½."), and no control character for
 * a blank.
 */
export type PunktEdition = '3.8.1' | '3.10';

/** A word of a context that may hold the end of a sentence. */
interface Token {
  readonly text: string;
  /** In lower case, every number alike. */
  readonly type: string;
  endsSentence: boolean;
  isAbbreviation: boolean;
  readonly isEllipsis: boolean;
}

/** A mark that may end a sentence, and what its decision looks at. */
interface Candidate {
  /** Behind the mark. */
  readonly end: number;
  /** Where the next sentence would begin. */
  readonly next: number;
  /** The word with the mark, and what follows it. */
  readonly context: string;
}

type Span = readonly [start: number, end: number];

const numberType = '##number##';
const innerPunctuation = [';', ':', ',', '.', '!', '?'];

export class SentenceSplitter {
  readonly #parameters: PunktParameters;
  readonly #words: RegExp;
  readonly #marks: RegExp;
  readonly #closing: RegExp;
  readonly #initial: RegExp;

  constructor(parameters: PunktParameters, edition: PunktEdition = '3.8.1') {
    this.#parameters = parameters;
    const curly = edition === '3.10' ? '\u2018\u2019\u201c\u201d\u00ab\u00bb' : '';
    const blankCharacters = edition === '3.10' ? blanks.replace('\\x1c-\\x20', ' ') : blanks;
    const blank = `[${blankCharacters}]`;
    const solid = `[^${blankCharacters}]`;
    const nonWord = `[)";}\\]*:@'({\\[!?${curly}]`;
    const dashesOrDots = `(?:-{2,}|\\.{2,}|(?:\\.${blank}){2,}\\.)`;
    const wordStart = '[^("`{\\[:;&#*@)}\\]\\-,]';
    const wordEnd = `(?=${blank}|$|${nonWord}|${dashesOrDots}|,(?=$|${blank}|${nonWord}|${dashesOrDots}))`;
    this.#words = new RegExp(`${dashesOrDots}|(?=${wordStart})${solid}+?${wordEnd}|${solid}`, 'gu');
    this.#marks = new RegExp(`[.?!](?=(${nonWord}|${blank}+(${solid}+)))`, 'gu');
    this.#initial = edition === '3.10' ? /^[\p{L}\p{Nl}_]\.$/u : /^[\p{L}\p{Nl}\p{No}_]\.$/u;
    this.#closing = new RegExp(`["')\\]}${curly}]+?(?:${blank}+|(?=--)|(?=\\n)|(?![^]))`, 'yu');
  }

  /** The sentences of a text, without the blanks between them. */
  split(text: string): string[] {
    return this.#realign(text, this.#cut(text)).map(([start, end]) => text.slice(start, end));
  }

  #cut(text: string): Span[] {
    const spans: Span[] = [];
    let start = 0;
    for (const candidate of this.#listCandidates(text)) {
      if (!this.#hasEnd(candidate.context)) continue;
      spans.push([start, candidate.end]);
      start = candidate.next;
    }
    spans.push([start, stripEnd(text).length]);
    return spans;
  }

  /** Marks that are not part of the word another one ends ("acting!!!" is one). */
  #listCandidates(text: string): Candidate[] {
    const candidates: Candidate[] = [];
    let wordStart = 0;
    let wordEnd = 0;
    let pending: Candidate | null = null;
    for (const match of text.matchAll(this.#marks)) {
      const [mark, after = '', next] = match;
      const blank = findLastBlank(text.slice(wordEnd, match.index));
      const start = blank > 0 ? wordEnd + blank + 1 : wordStart;
      if (pending !== null && wordEnd <= start) candidates.push(pending);
      const end = match.index + mark.length;
      pending = {
        end,
        next: next === undefined ? end : end + after.length - next.length,
        context: text.slice(start, match.index) + mark + after,
      };
      [wordStart, wordEnd] = [start, match.index];
    }
    if (pending !== null) candidates.push(pending);
    return candidates;
  }

  /** Closing quotes and brackets at the head of a sentence belong to the one before it. */
  #realign(text: string, spans: readonly Span[]): Span[] {
    const sentences: Span[] = [];
    let moved = 0;
    for (const [at, span] of spans.entries()) {
      const start = span[0] + moved;
      const following = spans[at + 1];
      const closing = following === undefined ? null : this.#findClosing(text, following);
      if (following !== undefined && closing !== null) {
        sentences.push([start, following[0] + stripEnd(closing).length]);
        moved = closing.length;
      } else {
        moved = 0;
        if (start < span[1]) sentences.push([start, span[1]]);
      }
    }
    return sentences;
  }

  #findClosing(text: string, [start, end]: Span): string | null {
    this.#closing.lastIndex = 0;
    return this.#closing.exec(text.slice(start, end))?.[0] ?? null;
  }

  /** Whether any token but the last ends a sentence. */
  #hasEnd(context: string): boolean {
    const tokens = context
      .split('\n')
      .flatMap((line) => line.match(this.#words) ?? [])
      .map((word) => this.#classify(word));
    for (const [at, token] of tokens.entries()) {
      const next = tokens[at + 1];
      if (next === undefined) return false;
      this.#reconsider(token, next);
      if (token.endsSentence) return true;
    }
    return false;
  }

  /** By the word alone. */
  #classify(text: string): Token {
    const isMark = text === '.' || text === '?' || text === '!';
    const isEllipsis = !isMark && /^\.\.+$/.test(text);
    const isPeriod = !isMark && !isEllipsis && text.endsWith('.') && !text.endsWith('..');
    const stem = text.slice(0, -1).toLowerCase();
    const { abbreviations } = this.#parameters;
    const isAbbreviation =
      isPeriod && (abbreviations.has(stem) || abbreviations.has(stem.split('-').at(-1)!));
    return {
      text,
      type: text.toLowerCase().replace(/^-?[.,]?\p{Nd}[\p{Nd},.-]*\.?$/u, numberType),
      endsSentence: isMark || (isPeriod && !isAbbreviation),
      isAbbreviation,
      isEllipsis,
    };
  }

  /** By the word that follows (sections 4.1 to 4.3 of the paper). */
  #reconsider(token: Token, next: Token): void {
    if (!token.text.endsWith('.')) return;
    const { collocations, sentenceStarters, orthography } = this.#parameters;
    const type = withoutPeriod(token.type);
    const nextType = typeInSentence(next);
    const markAbbreviation = () => {
      token.endsSentence = false;
      token.isAbbreviation = true;
    };
    if (collocations.has(`${type}\t${nextType}`)) {
      markAbbreviation();
      return;
    }
    const isInitial = this.#initial.test(token.text);
    const begins = this.#beginsSentence(next);
    if ((token.isAbbreviation || token.isEllipsis) && !isInitial) {
      if (begins === true || (isUpper(next.text) && sentenceStarters.has(nextType))) {
        token.endsSentence = true;
        return;
      }
    }
    if (!isInitial && type !== numberType) return;
    const isNeverLower = ((orthography.get(nextType) ?? 0) & orthographic.anyLower) === 0;
    const isName = begins === null && isInitial && isUpper(next.text) && isNeverLower;
    if (begins === false || isName) markAbbreviation();
  }

  /** Whether a word begins a sentence by how it was seen written; null where that does not tell. */
  #beginsSentence(token: Token): boolean | null {
    if (innerPunctuation.includes(token.text)) return false;
    const seen = this.#parameters.orthography.get(typeInSentence(token)) ?? 0;
    if (isUpper(token.text)) {
      const isOtherwiseLower =
        (seen & orthographic.anyLower) !== 0 && (seen & orthographic.middleUpper) === 0;
      return isOtherwiseLower ? true : null;
    }
    const isNeverFirst =
      (seen & orthographic.anyUpper) !== 0 || (seen & orthographic.beginningLower) === 0;
    return /^\p{Lowercase}/u.test(token.text) && isNeverFirst ? false : null;
  }
}

function isUpper(text: string): boolean {
  return /^\p{Uppercase}/u.test(text);
}

function withoutPeriod(type: string): string {
  return type.length > 1 && type.endsWith('.') ? type.slice(0, -1) : type;
}

function typeInSentence({ type, endsSentence }: Token): string {
  return endsSentence ? withoutPeriod(type) : type;
}

/** Of the blanks of ASCII; 0 where there is none. */
function findLastBlank(text: string): number {
  for (let at = text.length - 1; at > 0; at--) if (' \t\n\r\v\f'.includes(text[at]!)) return at;
  return 0;
}
