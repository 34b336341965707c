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

/** What C's isspace holds for white space; JavaScript's \s knows more. */
const whiteSpace = /[ \t\r\v\f]+/;

/** The values of one file, as text, and what is wrong with it. */
export class ConfFile {
  readonly faults: readonly ConfFault[];
  readonly #values = new Map<string, string>();

  constructor(text: string) {
    const faults: ConfFault[] = [];
    for (const [index, line] of text.split('\n').entries()) {
      const fault = this.#readLine(line);
      if (fault !== null) faults.push({ line: index + 1, ...fault });
    }
    this.faults = faults;
  }

  /**
   * The value of a key: of the model in the scenario, else of any model in the scenario, else of the model in any
   * scenario, else of any model anywhere.
   */
  find(model: string, scenario: string, key: string): string | undefined {
    return (
      this.#values.get(`${model}.${scenario}.${key}`) ??
      this.#values.get(`*.${scenario}.${key}`) ??
      this.#values.get(`${model}.*.${key}`) ??
      this.#values.get(`*.*.${key}`)
    );
  }

  /**
   * Takes in a line; a later value of a key replaces an earlier one, on the same line too. A "#" of its own ends the line
   * before the value only, and a line without "=" after its first word says nothing.
   */
  #readLine(line: string): Omit<ConfFault, 'line'> | null {
    const [key = '#', equals = '#', ...values] = line.split(whiteSpace).filter((w) => w !== '');
    if (key === '#' || equals === '#') return null;
    if (equals !== '=') return { key, word: equals, expected: 'equals' };
    for (const word of values) {
      if (!isConfNumber(word)) return { key, word, expected: 'number' };
      this.#values.set(key, word);
    }
    return null;
  }
}
