// Every golden stem of NLTK's PorterStemmer, and the words where NLTK departs from Porter's paper.
import { expect, test } from 'vitest';
import { stemWord } from '../../../harness/accuracy/porter-stemmer.js';
import { listGoldenFiles, readGoldenText } from './golden-rouge.js';

test('there are golden stems', () => expect(listGoldenFiles('porter')).not.toEqual([]));

for (const name of listGoldenFiles('porter')) {
  test(`${name}: every stem`, () => {
    const lines = readGoldenText(name)
      .split('\n')
      .filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(0);
    const wrong = lines.flatMap((line) => {
      const [word = '', stem = ''] = line.split('\t');
      const got = stemWord(word);
      return got === stem ? [] : [`${word}: ${got}, not ${stem}`];
    });
    expect(wrong).toEqual([]);
    console.log(`${name}: ${lines.length} stems exact`);
  });
}

test.each([
  ['dying', 'die'],
  ['skies', 'sky'],
  ['ties', 'tie'],
  ['tied', 'tie'],
  ['spied', 'spi'],
  ['enjoy', 'enjoy'],
  ['happy', 'happi'],
  ['by', 'by'],
  ['radically', 'radic'],
  ['hopefully', 'hope'],
  ['geology', 'geolog'],
  ['ate', 'ate'],
  ['2026', '2026'],
])('%s -> %s', (word, stem) => expect(stemWord(word)).toBe(stem));

test('a long run of y is neither slow nor deep', () => {
  const word = `${'y'.repeat(1_000_000)}ing`;
  const started = performance.now();
  expect(stemWord(word)).not.toBe('');
  expect(performance.now() - started).toBeLessThan(2000);
});
