// What is the longest common subsequence of two sequences of small integers: how long, and where in the first?
// Bit-parallel over the first sequence (H. Hyyro, "Bit-parallel LCS-length computation revisited", 2004), 30 bits
// a word so that a sum with its carry stays a small integer.

const WORD_BITS = 30;
const WORD_MASK = 2 ** WORD_BITS - 1;

/** The positions of each symbol in a sequence, as linked lists: head[symbol], then next[position], -1 at the end. */
interface PositionLists {
  readonly head: Int32Array;
  readonly next: Int32Array;
}

/** @param symbolCount every element of both sequences is in [0, symbolCount). */
export function lcsLength(first: Int32Array, second: Int32Array, symbolCount: number): number {
  if (first.length === 0 || second.length === 0) return 0;
  const positions = listPositions(first, symbolCount);
  const row = startingRow(first.length);
  const matches = new Int32Array(row.length);
  for (const symbol of second) advanceRow(row, matches, positions, symbol);
  return countZeroBits(row, first.length);
}

/**
 * The positions in `first` of one longest common subsequence, in descending order. Of several it is the one found
 * walking back from both ends that takes every match, and else leaves the last of `second` only where the subsequence
 * stays longer by it than by leaving the last of `first`.
 */
export function lcsPositions(first: Int32Array, second: Int32Array, symbolCount: number): number[] {
  const rows = computeRows(first, second, symbolCount);
  const wordCount = countWords(first.length);
  const found: number[] = [];
  let i = first.length - 1;
  let j = second.length - 1;
  while (i >= 0 && j >= 0) {
    if (first[i] === second[j]) {
      found.push(i--);
      j--;
    } else {
      // Without a match, length(i, j - 1) > length(i - 1, j) exactly where length(i, j) > length(i - 1, j):
      // a zero bit.
      const word = rows[j * wordCount + Math.floor(i / WORD_BITS)]!;
      if (((word >>> (i % WORD_BITS)) & 1) === 0) j--;
      else i--;
    }
  }
  return found;
}

/** (second.length, words) the row after each element of `second`. */
function computeRows(first: Int32Array, second: Int32Array, symbolCount: number): Int32Array {
  const positions = listPositions(first, symbolCount);
  const row = startingRow(first.length);
  const matches = new Int32Array(row.length);
  const rows = new Int32Array(second.length * row.length);
  for (let j = 0; j < second.length; j++) {
    advanceRow(row, matches, positions, second[j]!);
    rows.set(row, j * row.length);
  }
  return rows;
}

/** Bit i of a row is 0 where the common subsequence grows by taking element i of the first sequence in. */
function startingRow(length: number): Int32Array {
  return new Int32Array(countWords(length)).fill(WORD_MASK);
}

/** row := (row + (row & matches)) | (row & ~matches). `matches` is scratch of zeros, and is left so. */
function advanceRow(
  row: Int32Array,
  matches: Int32Array,
  positions: PositionLists,
  symbol: number,
): void {
  const start = positions.head[symbol]!;
  if (start < 0) return;
  for (let at = start; at >= 0; at = positions.next[at]!) {
    matches[Math.floor(at / WORD_BITS)]! |= 1 << (at % WORD_BITS);
  }
  let carry = 0;
  for (let word = 0; word < row.length; word++) {
    const before = row[word]!;
    const hit = before & matches[word]!;
    const sum = before + hit + carry;
    row[word] = (sum & WORD_MASK) | (before ^ hit);
    carry = sum >>> WORD_BITS;
    matches[word] = 0;
  }
}

function listPositions(sequence: Int32Array, symbolCount: number): PositionLists {
  const head = new Int32Array(symbolCount).fill(-1);
  const next = new Int32Array(sequence.length);
  for (let at = 0; at < sequence.length; at++) {
    const symbol = sequence[at]!;
    next[at] = head[symbol]!;
    head[symbol] = at;
  }
  return { head, next };
}

function countWords(length: number): number {
  return Math.ceil(length / WORD_BITS);
}

function countZeroBits(row: Int32Array, length: number): number {
  let zeros = 0;
  for (let at = 0; at < length; at++) {
    if (((row[Math.floor(at / WORD_BITS)]! >>> (at % WORD_BITS)) & 1) === 0) zeros++;
  }
  return zeros;
}
