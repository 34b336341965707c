// Sentences as NLTK cuts them, of the edition that MLPerf names and of a later one: every made text whole or by digest.
// PUNKT_TEXTS names files (MLPerf's JSON, plain texts) and PUNKT_GOLDEN what make.py --all said of them.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  loadEnglishPunkt,
  type PunktEdition,
  readPunktFolder,
  SentenceSplitter,
} from '../../../harness/accuracy/index.js';

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../golden/punkt');
const english = loadEnglishPunkt();

interface Golden {
  readonly made: readonly (readonly [string, readonly string[]])[];
  readonly taken: readonly (readonly [string, string])[];
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

describe.each(['3.8.1', '3.10'] satisfies PunktEdition[])('NLTK %s', (edition) => {
  const file = join(folder, `nltk-${edition}.json`);
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden;
  const splitter = new SentenceSplitter(english, edition);

  test('cuts the same sentences', () => {
    for (const [text, sentences] of golden.made) expect(splitter.split(text)).toEqual(sentences);
    expect(golden.made.length).toBeGreaterThan(300);
  });
});

const { PUNKT_TEXTS, PUNKT_GOLDEN } = process.env;
if (PUNKT_TEXTS === undefined || PUNKT_GOLDEN === undefined) {
  console.log('no further texts: PUNKT_TEXTS and PUNKT_GOLDEN are not set');
} else {
  test('cuts the same sentences of the texts in PUNKT_TEXTS', () => {
    const texts = PUNKT_TEXTS.split(',').flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      if (!file.endsWith('.json')) return text.split('\n').filter((line) => line.trim() !== '');
      const rows = JSON.parse(text) as { readonly input: string; readonly output: string }[];
      return rows.flatMap(({ input, output }) => [input, output]);
    });
    const wanted = new Map((JSON.parse(readFileSync(PUNKT_GOLDEN, 'utf8')) as Golden).taken);
    const splitter = new SentenceSplitter(english);
    const wrong = texts.filter(
      (text) => wanted.get(digest(text)) !== digest(splitter.split(text).join('\0')),
    );
    expect(wrong).toEqual([]);
    console.log(`${texts.length} texts equal`);
  });
}

test('reads the folder that NLTK installs, and says what is wrong with one', () => {
  const work = mkdtempSync(join(tmpdir(), 'loadmark-punkt-'));
  try {
    expect(() => readPunktFolder(join(work, 'none'))).toThrow(/ortho_context\.tab.*does not exist/);
    mkdirSync(join(work, 'english'));
    const files = {
      'ortho_context.tab': 'he\t46\nsmith\t4',
      'abbrev_types.txt': 'mr\n. . ',
      'collocations.tab': 'j\twalter',
      'sent_starters.txt': 'he',
    };
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(work, 'english', name), text);
    const splitter = new SentenceSplitter(readPunktFolder(join(work, 'english')));
    expect(splitter.split('Mr. Smith left. He ran.')).toEqual(['Mr. Smith left.', 'He ran.']);
    writeFileSync(join(work, 'english', 'ortho_context.tab'), 'he\t46\nsmith');
    expect(() => readPunktFolder(join(work, 'english'))).toThrow(
      /ortho_context\.tab:2: is "smith"/,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});
