// ROUGE against rouge_score's golden pairs (to 1e-12), against js-rouge, against a plain table LCS, and the clock.
import fc from 'fast-check';
import * as jsRouge from 'js-rouge';
import { describe, expect, test } from 'vitest';
import { SubsequenceFinder } from '../../../harness/accuracy/longest-common-subsequence.js';
import { createRougeScorer, type RougeScores } from '../../../harness/accuracy/rouge.js';
import { createRougeTokenizer } from '../../../harness/accuracy/rouge-tokenizer.js';
import {
  type GoldenPair,
  listGoldenFiles,
  ROUGE_TYPES,
  type RougeType,
  readGoldenPairs,
} from './golden-rouge.js';

const TOLERANCE = 1e-12;
const scorer = createRougeScorer();
const tokenize = createRougeTokenizer();

test('there are golden pairs', () => expect(listGoldenFiles('pairs')).not.toEqual([]));

for (const name of listGoldenFiles('pairs')) {
  test(`${name}: every pair to ${TOLERANCE}`, () => {
    const pairs = readGoldenPairs(name);
    expect(pairs.length).toBeGreaterThan(0);
    const compared = pairs.map((pair) =>
      compareWithGolden(pair, scorer.score(pair.ref, pair.pred)),
    );
    expect(compared.flatMap(({ faults }) => faults)).toEqual([]);
    const values = compared.reduce((sum, { checked }) => sum + checked, 0);
    console.log(`${name}: ${pairs.length} pairs, ${values} values within ${TOLERANCE}`);
  });
}

function compareWithGolden(pair: GoldenPair, scores: RougeScores) {
  const faults: string[] = [];
  let checked = 0;
  const compare = (what: string, got: number, wanted: unknown): void => {
    checked++;
    if (typeof wanted !== 'number' || !(Math.abs(got - wanted) <= TOLERANCE)) {
      faults.push(
        `${what} is ${got}, not ${String(wanted)}: ${JSON.stringify(pair).slice(0, 200)}`,
      );
    }
  };
  for (const type of ROUGE_TYPES) {
    compare(type, scores[type].fMeasure, pair[type]);
    if (pair.precision) compare(`${type} precision`, scores[type].precision, pair.precision[type]);
    if (pair.recall) compare(`${type} recall`, scores[type].recall, pair.recall[type]);
  }
  return { faults, checked };
}

describe('js-rouge, given our words, agrees', () => {
  const byLines = (text: string): string[] =>
    text.split('\n').filter((line) => tokenize(line).length > 0);
  const peers: Readonly<Record<RougeType, (ref: string, pred: string) => number>> = {
    rouge1: (ref, pred) => jsRouge.n(pred, ref, { n: 1, tokenizer: tokenize }),
    rouge2: (ref, pred) => jsRouge.n(pred, ref, { n: 2, tokenizer: tokenize }),
    rougeL: (ref, pred) =>
      jsRouge.l(pred, ref, { tokenizer: tokenize, segmenter: (text) => [text] }),
    rougeLsum: (ref, pred) => jsRouge.l(pred, ref, { tokenizer: tokenize, segmenter: byLines }),
  };
  test.each(ROUGE_TYPES)('%s', (type) => {
    // js-rouge throws on texts without words (or, for ROUGE-2, without word pairs).
    const enough = type === 'rouge2' ? 2 : 1;
    const all = listGoldenFiles('pairs').flatMap(readGoldenPairs);
    const pairs = all.filter(
      ({ ref, pred }) => tokenize(ref).length >= enough && tokenize(pred).length >= enough,
    );
    expect(pairs.length).toBeGreaterThan(0);
    for (const { ref, pred } of pairs) {
      const ours = scorer.score(ref, pred)[type].fMeasure;
      expect(Math.abs(ours - peers[type](ref, pred)), JSON.stringify({ ref, pred })).toBeLessThan(
        TOLERANCE,
      );
    }
    console.log(
      `js-rouge ${type}: ${pairs.length} of ${all.length} pairs agree (the rest lack words)`,
    );
  });
});

test('the bit-parallel subsequence equals the plain table, ties included', () => {
  const sequence = fc.array(fc.nat(5), { maxLength: 130 });
  fc.assert(
    fc.property(sequence, sequence, (first, second) => {
      const [a, b] = [Int32Array.from(first), Int32Array.from(second)];
      const plain = findPositionsByTable(first, second);
      const finder = new SubsequenceFinder(a, 6);
      expect(finder.findLength(b)).toBe(plain.length);
      // Twice, and the other way about between: nothing is left over from call to call.
      for (const other of [b, a, b]) {
        const marks = new Uint8Array(a.length);
        finder.markPositions(other, marks);
        if (other === b) expect(first.flatMap((_, at) => (marks[at] ? [at] : []))).toEqual(plain);
      }
    }),
    { numRuns: 500 },
  );
});

function findPositionsByTable(first: number[], second: number[]): number[] {
  const length: number[][] = [new Array<number>(second.length + 1).fill(0)];
  for (const a of first) {
    const above = length.at(-1)!;
    const row = [0];
    second.forEach((b, j) => {
      row.push(a === b ? above[j]! + 1 : Math.max(above[j + 1]!, row[j]!));
    });
    length.push(row);
  }
  const found: number[] = [];
  let [i, j] = [first.length, second.length];
  while (i > 0 && j > 0) {
    if (first[i - 1] === second[j - 1]) {
      found.push(--i);
      j--;
    } else if (length[i]![j - 1]! > length[i - 1]![j]!) j--;
    else i--;
  }
  return found.reverse();
}

test('1,000 pairs of 60 words in well under a second; 1,000-word pairs in about 10 ms', () => {
  let state = 1;
  const pick = (): string => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return `w${(state >>> 8) % 300}${(state >>> 8) % 2 === 0 ? 'ings' : 'ed'}${(state >>> 8) % 7 === 0 ? '\n' : ''}`;
  };
  const makeTexts = (count: number, length: number): string[] =>
    Array.from({ length: count }, () => Array.from({ length }, pick).join(' '));
  const time = (texts: readonly string[]): number => {
    const started = performance.now();
    for (let at = 1; at < texts.length; at += 2) scorer.score(texts[at - 1]!, texts[at]!);
    return (performance.now() - started) / (texts.length / 2);
  };
  const [shortMs, longMs] = [time(makeTexts(2000, 60)), time(makeTexts(40, 1000))];
  console.log(
    `ROUGE: ${(shortMs * 1000).toFixed(0)} s per 1,000,000 pairs of 60 words, ${longMs.toFixed(2)} ms a pair of 1,000`,
  );
  // Wide margins: the machine may be busy with other tests.
  expect(shortMs).toBeLessThan(1);
  expect(longMs).toBeLessThan(50);
});
