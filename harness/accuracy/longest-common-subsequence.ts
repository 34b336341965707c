// What is the longest common subsequence of two sequences of small integers: how long, and where in the first?
// Bit-parallel over the first sequence (H. Hyyro, "Bit-parallel LCS-length computation revisited", 2004), 30 bits
// a word so that a sum with its carry stays a small integer.

const WORD_BITS = 30;
const WORD_MASK = 2 ** WORD_BITS - 1;

/** Compares one sequence with any number of others; every element of all of them is in [0, symbolCount). */
export class SubsequenceFinder {
  private readonly first: Int32Array;
  /** Where each symbol stands in `first`, as linked lists: head[symbol], then next[position], -1 at the end. */
  private readonly head: Int32Array;
  private readonly next: Int32Array;
  /** Bit i is 0 where the common subsequence grows by taking element i of `first` in. */
  private readonly row: Int32Array;
  /** Scratch of zeros, left so. */
  private readonly matches: Int32Array;
  /** (second.length, words) scratch: the row after each element of the second sequence. */
  private rows = new Int32Array(0);

  constructor(first: Int32Array, symbolCount: number) {
    this.first = first;
    this.head = new Int32Array(symbolCount).fill(-1);
    this.next = new Int32Array(first.length);
    for (let at = 0; at < first.length; at++) {
      const symbol = first[at]!;
      this.next[at] = this.head[symbol]!;
      this.head[symbol] = at;
    }
    this.row = new Int32Array(Math.ceil(first.length / WORD_BITS));
    this.matches = new Int32Array(this.row.length);
  }

  /** The length of a longest common subsequence. */
  findLength(second: Int32Array): number {
    this.row.fill(WORD_MASK);
    for (const symbol of second) this.advanceRow(symbol);
    let zeros = 0;
    for (let at = 0; at < this.first.length; at++) {
      if (((this.row[Math.floor(at / WORD_BITS)]! >>> (at % WORD_BITS)) & 1) === 0) zeros++;
    }
    return zeros;
  }

  /**
   * Sets to 1 the positions in `first` of one longest common subsequence. Of several it is the one found walking back
   * from both ends that takes every match, and else leaves the last of `second` only where what is left then has a
   * longer subsequence than what is left by leaving the last of `first`.
   */
  markPositions(second: Int32Array, marks: Uint8Array): void {
    const { first, row } = this;
    this.computeRows(second);
    let i = first.length - 1;
    let j = second.length - 1;
    while (i >= 0 && j >= 0) {
      if (first[i] === second[j]) {
        marks[i--] = 1;
        j--;
      } else {
        // Without a match, length(i, j - 1) > length(i - 1, j) exactly where length(i, j) > length(i - 1, j):
        // a zero bit.
        const word = this.rows[j * row.length + Math.floor(i / WORD_BITS)]!;
        if (((word >>> (i % WORD_BITS)) & 1) === 0) j--;
        else i--;
      }
    }
  }

  private computeRows(second: Int32Array): void {
    const { row } = this;
    const needed = second.length * row.length;
    if (this.rows.length < needed) this.rows = new Int32Array(needed);
    row.fill(WORD_MASK);
    for (let j = 0; j < second.length; j++) {
      this.advanceRow(second[j]!);
      for (let word = 0; word < row.length; word++) this.rows[j * row.length + word] = row[word]!;
    }
  }

  /** row := (row + (row & matches)) | (row & ~matches), where matches are the positions of `symbol`. */
  private advanceRow(symbol: number): void {
    const { row, matches, next } = this;
    let at = this.head[symbol]!;
    if (at < 0) return;
    for (; at >= 0; at = next[at]!) {
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
}
