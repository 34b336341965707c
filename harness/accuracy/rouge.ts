// How much do two texts overlap, by ROUGE-1, -2, -L and -Lsum as rouge_score 0.1.2 defines them? What a word is, the
// tokenizer says; splitting into sentences is done by whoever puts newlines into the texts.
import { SubsequenceFinder } from './longest-common-subsequence.js';
import { createRougeTokenizer, type Tokenize } from './rouge-tokenizer.js';

/** Fractions in [0, 1]. */
export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  readonly fMeasure: number;
}

export interface RougeScores {
  readonly rouge1: RougeScore;
  readonly rouge2: RougeScore;
  readonly rougeL: RougeScore;
  /** Line by line: newlines separate sentences. */
  readonly rougeLsum: RougeScore;
}

export interface RougeScorer {
  score(reference: string, prediction: string): RougeScores;
}

/** A text as numbers: words in order, and the same words line by line (lines without words left out). */
interface WordIds {
  readonly all: Int32Array;
  readonly lines: readonly Int32Array[];
}

export function createRougeScorer(tokenize: Tokenize = createRougeTokenizer()): RougeScorer {
  return {
    score(reference, prediction) {
      const vocabulary = new Map<string, number>();
      const target = numberWords(reference, tokenize, vocabulary);
      const guess = numberWords(prediction, tokenize, vocabulary);
      const size = vocabulary.size;
      const lengths = [target.all.length, guess.all.length] as const;
      const rougeL = toScore(
        new SubsequenceFinder(target.all, size).findLength(guess.all),
        ...lengths,
      );
      // The union of one subsequence is that subsequence.
      const isOneLine = target.lines.length === 1 && guess.lines.length === 1;
      return {
        rouge1: toScore(countCommonWords(target.all, guess.all, size), ...lengths),
        rouge2: toScore(
          countCommonBigrams(target.all, guess.all, size),
          Math.max(lengths[0] - 1, 0),
          Math.max(lengths[1] - 1, 0),
        ),
        rougeL,
        rougeLsum: isOneLine ? rougeL : toScore(countUnionHits(target, guess, size), ...lengths),
      };
    },
  };
}

function numberWords(text: string, tokenize: Tokenize, vocabulary: Map<string, number>): WordIds {
  const lines: Int32Array[] = [];
  const all: number[] = [];
  for (const line of text.split('\n')) {
    const words = tokenize(line);
    if (words.length === 0) continue;
    const ids = new Int32Array(words.length);
    for (let at = 0; at < words.length; at++) {
      const word = words[at]!;
      let id = vocabulary.get(word);
      if (id === undefined) {
        id = vocabulary.size;
        vocabulary.set(word, id);
      }
      ids[at] = id;
      all.push(id);
    }
    lines.push(ids);
  }
  return { all: Int32Array.from(all), lines };
}

function toScore(hits: number, targetCount: number, guessCount: number): RougeScore {
  const precision = hits / Math.max(guessCount, 1);
  const recall = hits / Math.max(targetCount, 1);
  const sum = precision + recall;
  return { precision, recall, fMeasure: sum > 0 ? (2 * precision * recall) / sum : 0 };
}

function countWords(words: Int32Array, vocabularySize: number): Int32Array {
  const counts = new Int32Array(vocabularySize);
  for (const id of words) counts[id]!++;
  return counts;
}

/** Each word counts as often as it stands in both. */
function countCommonWords(target: Int32Array, guess: Int32Array, vocabularySize: number): number {
  const left = countWords(target, vocabularySize);
  let common = 0;
  for (const id of guess) {
    if (left[id]! > 0) {
      left[id]!--;
      common++;
    }
  }
  return common;
}

function countCommonBigrams(target: Int32Array, guess: Int32Array, vocabularySize: number): number {
  const left = new Map<number, number>();
  for (let at = 1; at < target.length; at++) {
    const key = target[at - 1]! * vocabularySize + target[at]!;
    left.set(key, (left.get(key) ?? 0) + 1);
  }
  let common = 0;
  for (let at = 1; at < guess.length; at++) {
    const key = guess[at - 1]! * vocabularySize + guess[at]!;
    const count = left.get(key) ?? 0;
    if (count > 0) {
      left.set(key, count - 1);
      common++;
    }
  }
  return common;
}

/**
 * ROUGE-Lsum's hits: per reference line, the words that are in its longest common subsequence with any line of the
 * prediction (Lin 2004, union LCS), each word counted at most as often as it stands in the prediction. In the
 * reference it cannot count more often: a union holds each of its positions once.
 */
function countUnionHits(target: WordIds, guess: WordIds, vocabularySize: number): number {
  const guessLeft = countWords(guess.all, vocabularySize);
  let hits = 0;
  for (const line of target.lines) {
    const inUnion = new Uint8Array(line.length);
    const finder = new SubsequenceFinder(line, vocabularySize);
    for (const other of guess.lines) finder.markPositions(other, inUnion);
    for (let at = 0; at < line.length; at++) {
      const id = line[at]!;
      if (inUnion[at] === 1 && guessLeft[id]! > 0) {
        guessLeft[id]!--;
        hits++;
      }
    }
  }
  return hits;
}
