// A file of JSON lines as a dataset: one row a line. Every line that cannot be a row is told with its number; what the
// rows are is generation-rows.ts's business.

import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import type { Dataset, Split } from './dataset.js';
import { DatasetError, fileReason } from './error.js';
import {
  checkFileSplit,
  type FieldMap,
  GenerationRows,
  RowError,
  type RowRecord,
} from './generation-rows.js';
import { findJsonFault } from './json-fault.js';
import { findPublished } from './published-files.js';

const chunkBytes = 1 << 20;
/** A line that does not end is not kept in memory for ever. */
const maxLineBytes = 64 << 20;

export function isJsonLinesName(name: string): boolean {
  return name.endsWith('.jsonl');
}

/** @throws DatasetError 'dataset-not-found', 'unknown-split', or 'dataset-malformed' with the faulty lines. */
export function openJsonLines(path: string, split: Split, fields: FieldMap): Dataset {
  checkFileSplit(path, split, 'a file of JSON lines');
  const rows = new GenerationRows(fields);
  const hash = createHash('sha256');
  let lastLine = 0;
  try {
    for (const bytes of readLines(path, hash)) {
      lastLine++;
      rows.add(() => parseObject(decodeUtf8(bytes)), { line: lastLine });
    }
  } catch (error) {
    throw new DatasetError('dataset-not-found', `"${path}" cannot be read: ${fileReason(error)}`);
  }
  if (rows.faults.length === 0 && rows.samples.length === 0) {
    rows.faults.push({ line: 1, message: 'the file holds no row' });
  }
  const source = { sha256: hash.digest('hex'), published: findPublished(path) };
  return rows.finish(path, split, `${lastLine} lines`, source);
}

/** The lines of a file as bytes, without their ends; a file's last line need not have one. */
function* readLines(path: string, hash: Hash): Generator<Buffer> {
  const file = openSync(path, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const count = readSync(file, chunk);
      if (count === 0) break;
      const read = chunk.subarray(0, count);
      hash.update(read);
      const bytes = Buffer.concat([rest, read]);
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        yield bytes.subarray(start, end);
        start = end + 1;
      }
      rest = bytes.subarray(start);
      if (rest.length > maxLineBytes) throw new Error(`a line exceeds ${maxLineBytes} bytes`);
    }
    if (rest.length > 0) yield rest;
  } finally {
    closeSync(file);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws RowError */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new RowError('is not UTF-8');
  }
}

/**
 * null for a blank text.
 * @throws RowError where it is not one object, with the column in the text's own first line and the lines before it.
 */
export function parseObject(text: string): RowRecord | null {
  if (text.trim() === '') return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const fault = findJsonFault(text);
    const reason = fault?.message ?? (error instanceof Error ? error.message : String(error));
    const column = fault === null ? {} : { column: fault.offset + 1 };
    throw new RowError(`is not JSON: ${reason}`, column);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as RowRecord;
  }
  const shown = JSON.stringify(value);
  const short = shown.length > 60 ? `${shown.slice(0, 57)}...` : shown;
  throw new RowError(`is ${short}; allowed: one object, {"prompt": ...}`);
}
