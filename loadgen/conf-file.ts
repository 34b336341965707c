// What does a file in MLPerf's grammar (mlperf.conf, user.conf, audit.config) say? Lines of `model.scenario.key = value`
// become a table to look keys up in. Which keys there are and what they set stands in conf-settings.ts.

import { isConfNumber } from './conf-number.js';

/** A line that makes LoadGen drop the whole file. */
export interface ConfFault {
  /** From 1. */
  readonly line: number;
  /** What the line is about. */
  readonly key: string;
  /** The word that is wrong. */
  readonly word: string;
  /** `equals`: it should have been "="; `number`: it should have been a number. */
  readonly expected: 'equals' | 'number';
}

/** A line that gives a key a value. */
export interface ConfEntry {
  /** From 1. */
  readonly line: number;
  /** model.scenario.key, as written. */
  readonly name: string;
  readonly word: string;
}

/** What C's isspace holds for white space; JavaScript's \s knows more. */
const whiteSpace = /[ \t\r\v\f]+/;

/** The values of one file, as text, and what is wrong with it. */
export class ConfFile {
  readonly faults: readonly ConfFault[];
  /** Every line with a value, in the file's order. */
  readonly entries: readonly ConfEntry[];
  /** Lines that LoadGen passes over although they are no comments: without blanks around "=", or without a value. */
  readonly ignored: readonly { readonly line: number; readonly text: string }[];
  readonly #values = new Map<string, ConfEntry>();

  constructor(text: string) {
    const faults: ConfFault[] = [];
    const entries: ConfEntry[] = [];
    const ignored: { line: number; text: string }[] = [];
    for (const [index, row] of text.split('\n').entries()) {
      const line = index + 1;
      const read = readLine(row);
      if (read === null) continue;
      if ('expected' in read) {
        const { key, word, expected } = read;
        faults.push({ line, key, word, expected });
      }
      const word = read.words.at(-1);
      if (word !== undefined) {
        const entry = { line, name: read.key, word };
        entries.push(entry);
        this.#values.set(read.key, entry);
      } else if (!('expected' in read)) ignored.push({ line, text: row.trim() });
    }
    this.faults = faults;
    this.entries = entries;
    this.ignored = ignored;
  }

  /**
   * The value of a key: of the model in the scenario, else of any model in the scenario, else of the model in any
   * scenario, else of any model anywhere.
   */
  find(model: string, scenario: string, key: string): string | undefined {
    return this.findEntry(model, scenario, key)?.word;
  }

  /** The line that the value is from. */
  findEntry(model: string, scenario: string, key: string): ConfEntry | undefined {
    return (
      this.#values.get(`${model}.${scenario}.${key}`) ??
      this.#values.get(`*.${scenario}.${key}`) ??
      this.#values.get(`${model}.*.${key}`) ??
      this.#values.get(`*.*.${key}`)
    );
  }
}

type ReadLine = { readonly key: string; readonly words: readonly string[] } | ReadFault;
type ReadFault = Omit<ConfFault, 'line'> & { readonly words: readonly string[] };

/**
 * What a line says, null where it is empty or a comment; of several values the last counts. A "#" of its own ends the
 * line before the value only, and a line without "=" after its first word says nothing.
 */
function readLine(row: string): ReadLine | null {
  const [key = '#', equals = '#', ...values] = row.split(whiteSpace).filter((w) => w !== '');
  if (key === '#') return null;
  if (equals === '#') return { key, words: [] };
  if (equals !== '=') return { key, word: equals, expected: 'equals', words: [] };
  const wrong = values.findIndex((word) => !isConfNumber(word));
  if (wrong < 0) return { key, words: values };
  return { key, word: values[wrong]!, expected: 'number', words: values.slice(0, wrong) };
}
