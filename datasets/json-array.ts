// A JSON file that is one list of rows, as MLCommons' cnn_eval.json is. The list is taken apart byte by byte, and each
// entry is parsed alone: a file of 300 MB never becomes one text, and a fault has its line and column.

import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import type { Dataset, Split } from './dataset.js';
import { DatasetError, fileReason } from './error.js';
import { checkFileSplit, type FieldMap, GenerationRows, RowError } from './generation-rows.js';
import { decodeUtf8, parseObject } from './json-lines.js';
import { findPublished } from './published-files.js';

const chunkBytes = 1 << 20;
const maxEntryBytes = 64 << 20;

export function isJsonArrayName(name: string): boolean {
  return name.endsWith('.json');
}

/** @throws DatasetError 'dataset-not-found', 'unknown-split', or 'dataset-malformed' with the faulty places. */
export function openJsonArray(path: string, split: Split, fields: FieldMap): Dataset {
  checkFileSplit(path, split, 'a JSON file');
  const rows = new GenerationRows(fields);
  const hash = createHash('sha256');
  let count = 0;
  try {
    for (const entry of readEntries(path, hash)) {
      const row = count++;
      rows.add(() => parseEntry(entry), { line: entry.line, column: entry.column, row });
    }
  } catch (error) {
    if (error instanceof RowError) {
      const faults = [{ ...error.place, message: error.message }];
      throw new DatasetError('dataset-malformed', `"${path}" ${error.message}`, faults);
    }
    throw new DatasetError('dataset-not-found', `"${path}" cannot be read: ${fileReason(error)}`);
  }
  const source = { sha256: hash.digest('hex'), published: findPublished(path) };
  return rows.finish(path, split, `${count} entries`, source);
}

/** The bytes of an entry, and where they begin in the file, counted from 1. */
interface Entry {
  readonly bytes: Buffer;
  readonly line: number;
  readonly column: number;
}

function parseEntry({ bytes, line, column }: Entry): ReturnType<typeof parseObject> {
  const text = decodeUtf8(bytes);
  try {
    return parseObject(text);
  } catch (error) {
    const offset = error instanceof RowError ? (error.place.column ?? 0) - 1 : -1;
    if (!(error instanceof RowError) || offset < 0) throw error;
    const before = text.slice(0, offset).split('\n');
    const last = before.at(-1)!.length;
    const place =
      before.length === 1
        ? { line, column: column + last }
        : { line: line + before.length - 1, column: last + 1 };
    throw new RowError(error.message, place);
  }
}

const [quote, backslash, comma, newline] = [0x22, 0x5c, 0x2c, 0x0a];
const openers = new Set([0x7b, 0x5b]);
const closers = new Set([0x7d, 0x5d]);
const isBlank = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/** @throws RowError where the file is no list, or does not end. */
function* readEntries(path: string, hash: Hash): Generator<Entry> {
  const splitter = new ListSplitter();
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    for (let count = readSync(file, chunk); count > 0; count = readSync(file, chunk)) {
      const bytes = chunk.subarray(0, count);
      hash.update(bytes);
      yield* splitter.split(bytes);
    }
    splitter.finish();
  } finally {
    closeSync(file);
  }
}

/** Finds the commas and the brackets of the outermost list. */
class ListSplitter {
  #line = 1;
  #lineStart = 0;
  /** Of the file, of the chunk's first byte. */
  #base = 0;
  #depth = 0;
  #isInText = false;
  #isEscaped = false;
  #isOver = false;
  #parts: Buffer[] = [];
  #held = 0;
  #begun: { readonly line: number; readonly column: number } | null = null;
  #count = 0;

  *split(bytes: Buffer): Generator<Entry> {
    let from = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (byte === newline) {
        this.#line++;
        this.#lineStart = this.#base + i + 1;
      }
      if (this.#isInText) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === backslash) this.#isEscaped = true;
        else if (byte === quote) this.#isInText = false;
        continue;
      }
      if (isBlank(byte)) continue;
      if (this.#depth === 0) {
        this.#enter(byte, i);
        from = i + 1;
        continue;
      }
      const isEnd = this.#depth === 1 && (byte === comma || closers.has(byte));
      if (isEnd) {
        yield* this.#take(bytes.subarray(from, i), byte, i);
        from = i + 1;
        continue;
      }
      this.#begun ??= this.#place(i);
      if (byte === quote) this.#isInText = true;
      else if (openers.has(byte)) this.#depth++;
      else if (closers.has(byte)) this.#depth--;
    }
    if (this.#depth > 0) this.#hold(bytes.subarray(from));
    this.#base += bytes.length;
  }

  finish(): void {
    if (this.#isOver) return;
    const where = { line: this.#line, column: this.#base - this.#lineStart + 1 };
    const message = this.#depth === 0 ? 'is no list of rows: it is empty' : 'is cut short';
    throw new RowError(`${message}${this.#depth === 0 ? '' : `: the list does not end`}`, where);
  }

  #enter(byte: number, i: number): void {
    if (this.#isOver) throw new RowError('goes on after the end of its list', this.#place(i));
    if (byte === 0xef || byte === 0xbb || byte === 0xbf) return;
    if (byte !== 0x5b) {
      throw new RowError('is no list of rows; allowed: [{...}, {...}]', this.#place(i));
    }
    this.#depth = 1;
  }

  *#take(last: Buffer, byte: number, i: number): Generator<Entry> {
    const isClosed = byte !== comma;
    this.#hold(last);
    if (this.#begun === null && !(isClosed && this.#count === 0)) {
      throw new RowError(`lacks an entry before "${String.fromCharCode(byte)}"`, this.#place(i));
    }
    if (this.#begun !== null) {
      this.#count++;
      const bytes = trimStart(Buffer.concat(this.#parts));
      yield { bytes, ...this.#begun };
    }
    this.#parts = [];
    this.#held = 0;
    this.#begun = null;
    if (!isClosed) return;
    this.#depth = 0;
    this.#isOver = true;
  }

  /** A copy: the chunk is read over. */
  #hold(bytes: Buffer): void {
    this.#held += bytes.length;
    if (this.#held > maxEntryBytes) {
      throw new RowError(`has an entry of more than ${maxEntryBytes} bytes`, this.#begun ?? {});
    }
    this.#parts.push(Buffer.from(bytes));
  }

  #place(i: number): { readonly line: number; readonly column: number } {
    return { line: this.#line, column: this.#base + i - this.#lineStart + 1 };
  }
}

/** Without the blanks before the entry: its place is that of its first character. */
function trimStart(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length && isBlank(bytes[start]!)) start++;
  return bytes.subarray(start);
}
