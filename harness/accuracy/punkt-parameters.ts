// What has Punkt learnt of a language? Reads the tables of a trained model: our file of the English one (configs/punkt), or a
// folder as NLTK's data package punkt_tab has it. How they decide is punkt.ts's business.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, messageOf } from '../errors.js';
import { findPackageRoot } from '../package-root.js';

export interface PunktParameters {
  /** Where they were read. */
  readonly source: string;
  /** Words that a period belongs to, without it. */
  readonly abbreviations: ReadonlySet<string>;
  /** A word before a period and the one after it, with a tab between them, that stand together. */
  readonly collocations: ReadonlySet<string>;
  readonly sentenceStarters: ReadonlySet<string>;
  /** Bits of the places a word was seen in (`orthographic`). */
  readonly orthography: ReadonlyMap<string, number>;
}

/** Where in a sentence, and how its first letter was written. */
export const orthographic = {
  middleUpper: 1 << 2,
  beginningLower: 1 << 4,
  anyUpper: (1 << 1) | (1 << 2) | (1 << 3),
  anyLower: (1 << 4) | (1 << 5) | (1 << 6),
} as const;

/** The model that NLTK ships for English. */
export function loadEnglishPunkt(): PunktParameters {
  const file = join(findPackageRoot().folder, 'configs', 'punkt', 'english.json');
  const model = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly source: string;
    readonly abbreviations: readonly string[];
    readonly collocations: readonly (readonly string[])[];
    readonly sentenceStarters: readonly string[];
    readonly orthography: Readonly<Record<string, string>>;
  };
  const orthography = new Map<string, number>();
  for (const [bits, words] of Object.entries(model.orthography)) {
    for (const word of words.split(' ')) orthography.set(word, Number(bits));
  }
  return {
    source: model.source,
    abbreviations: new Set(model.abbreviations),
    collocations: new Set(model.collocations.map((pair) => pair.join('\t'))),
    sentenceStarters: new Set(model.sentenceStarters),
    orthography,
  };
}

/**
 * A folder with abbrev_types.txt, collocations.tab, sent_starters.txt and ortho_context.tab.
 * @throws InputError naming the file, and the line that is no entry.
 */
export function readPunktFolder(folder: string): PunktParameters {
  const orthography = readLines(folder, 'ortho_context.tab').map((line, at): [string, number] => {
    const [word = '', bits = ''] = line.split('\t');
    if (word !== '' && /^\d{1,3}$/.test(bits)) return [word, Number(bits)];
    const message = `is ${JSON.stringify(line.slice(0, 40))}; allowed: a word, a tab and a number`;
    throw new InputError([{ where: `${join(folder, 'ortho_context.tab')}:${at + 1}`, message }]);
  });
  return {
    source: folder,
    abbreviations: new Set(readLines(folder, 'abbrev_types.txt')),
    collocations: new Set(readLines(folder, 'collocations.tab')),
    sentenceStarters: new Set(readLines(folder, 'sent_starters.txt')),
    orthography: new Map(orthography),
  };
}

function readLines(folder: string, name: string): string[] {
  const file = join(folder, name);
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch (error) {
    const message = `cannot be read: ${messageOf(error)}; wanted: NLTK's punkt_tab/english`;
    throw new InputError([{ where: file, message }]);
  }
}
