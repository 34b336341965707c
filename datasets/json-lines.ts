// A file of JSON lines as a dataset: one row a line, answered with free text, under field names that the caller maps.
// Every line that cannot be a row is told with its number; what the rows are for is others' business.

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Dataset, GenerationSample, Split } from './dataset.js';
import { DatasetError, fileReason, type RowFault } from './error.js';

/** Which field of a line holds what. null: the field of the same name, where a line has one. */
export interface FieldMap {
  /** A text or a number, different on every line; rows without one are called row-0, row-1, ... in the file's order. */
  readonly id: string | null;
  /** May be left out where there are tokens. */
  readonly prompt: string | null;
  readonly reference: string | null;
  /** The prompt's token ids, BOS included where the model wants one: read as they are instead of the prompt. */
  readonly tokens: string | null;
}

export const ownFieldNames: FieldMap = { id: null, prompt: null, reference: null, tokens: null };

const chunkBytes = 1 << 20;
/** A line that does not end is not kept in memory for ever. */
const maxLineBytes = 64 << 20;
const maxTokenId = 2 ** 31 - 1;

export function isJsonLinesName(name: string): boolean {
  return name.endsWith('.jsonl');
}

/** @throws DatasetError 'dataset-not-found', 'unknown-split', or 'dataset-malformed' with the faulty lines. */
export function openJsonLines(path: string, split: Split, fields: FieldMap): Dataset {
  if (split !== 'test') {
    const message = `"${path}" has no split "${split}"; a file of JSON lines has one: test`;
    throw new DatasetError('unknown-split', message);
  }
  const rows = readRows(path, fields);
  const sample = (index: number): GenerationSample => {
    const row = rows[index];
    if (row === undefined) {
      throw new RangeError(`"${path}" has no row ${index}; allowed: 0 to ${rows.length - 1}`);
    }
    return row;
  };
  const digest = (): string => {
    const hash = createHash('sha256');
    for (const { id, prompt, reference, promptTokens } of rows) {
      const tokens = promptTokens === undefined ? [] : [Array.from(promptTokens)];
      hash.update(JSON.stringify([id, prompt, reference, ...tokens]));
    }
    return hash.digest('hex');
  };
  const name = basename(path, '.jsonl');
  const { length } = rows;
  return { name, path: resolve(path), split, kind: 'generation', length, sample, digest };
}

function readRows(path: string, fields: FieldMap): GenerationSample[] {
  const reader = new RowReader(fields);
  let lastLine = 0;
  try {
    for (const line of readLines(path)) reader.read(line, ++lastLine);
  } catch (error) {
    throw new DatasetError('dataset-not-found', `"${path}" cannot be read: ${fileReason(error)}`);
  }
  if (reader.faults.length === 0 && reader.rows.length === 0) {
    reader.faults.push({ line: 1, message: 'the file holds no row' });
  }
  if (reader.faults.length > 0) {
    const message = `"${path}" is not usable: ${reader.faults.length} of ${lastLine} lines are wrong`;
    throw new DatasetError('dataset-malformed', message, reader.faults);
  }
  return reader.rows;
}

/** The lines of a file as bytes, without their ends; a file's last line need not have one. */
function* readLines(path: string): Generator<Buffer> {
  const file = openSync(path, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const count = readSync(file, chunk);
      if (count === 0) break;
      const bytes = Buffer.concat([rest, chunk.subarray(0, count)]);
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

/** A line that is not a row: the message says why. */
class LineError extends Error {}

/** Turns lines into rows, and remembers what was wrong with those that are none. */
class RowReader {
  readonly rows: GenerationSample[] = [];
  readonly faults: RowFault[] = [];
  readonly #fields: FieldMap;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true });
  readonly #lineOfId = new Map<string, number>();
  #count = 0;

  constructor(fields: FieldMap) {
    this.#fields = fields;
  }

  read(bytes: Buffer, line: number): void {
    try {
      const object = this.#parse(bytes);
      if (object === null) return;
      this.#count++;
      this.rows.push(this.#readRow(object, line));
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.faults.push({ line, message: error.message });
    }
  }

  /** null for a blank line. */
  #parse(bytes: Buffer): Readonly<Record<string, unknown>> | null {
    let text: string;
    try {
      text = this.#utf8.decode(bytes);
    } catch {
      throw new LineError('is not UTF-8');
    }
    if (text.trim() === '') return null;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new LineError(`is not JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
    throw new LineError(`is ${shorten(value)}; allowed: one object, {"prompt": ...}`);
  }

  #readRow(object: Readonly<Record<string, unknown>>, line: number): GenerationSample {
    const find = (role: keyof FieldMap): unknown => {
      const name = this.#fields[role] ?? role;
      if (Object.hasOwn(object, name)) return object[name];
      if (this.#fields[role] === null) return undefined;
      throw new LineError(`has no field "${name}"; it has ${Object.keys(object).join(', ')}`);
    };
    const id = this.#readId(find('id'), line);
    const promptTokens = readTokens(find('tokens'), this.#nameOf('tokens'));
    const given = find('prompt');
    const isImplied = given === undefined && promptTokens !== undefined;
    const prompt = isImplied ? '' : readText(given, this.#nameOf('prompt'));
    const reference = readText(find('reference'), this.#nameOf('reference'));
    const row = { kind: 'generation', id, prompt, reference } as const;
    return promptTokens === undefined ? row : { ...row, promptTokens };
  }

  #nameOf(role: keyof FieldMap): string {
    return this.#fields[role] ?? role;
  }

  #readId(value: unknown, line: number): string {
    const isName = (typeof value === 'string' && value !== '') || Number.isFinite(value);
    if (value !== undefined && !isName) {
      const allowed = 'a text that is not empty, or a number';
      throw new LineError(`${this.#nameOf('id')} is ${shorten(value)}; allowed: ${allowed}`);
    }
    const id = value === undefined ? `row-${this.#count - 1}` : String(value);
    const earlier = this.#lineOfId.get(id);
    if (earlier !== undefined) {
      throw new LineError(`${this.#nameOf('id')} is "${id}", as on line ${earlier}`);
    }
    this.#lineOfId.set(id, line);
    return id;
  }
}

function readText(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  const shown = value === undefined ? 'missing' : shorten(value);
  throw new LineError(`${name} is ${shown}; allowed: a text`);
}

function readTokens(value: unknown, name: string): Int32Array | undefined {
  if (value === undefined) return undefined;
  const isToken = (id: unknown) =>
    Number.isInteger(id) && (id as number) >= 0 && (id as number) <= maxTokenId;
  if (Array.isArray(value) && value.length > 0 && value.every(isToken)) {
    return Int32Array.from(value as number[]);
  }
  const wrong = Array.isArray(value) ? value.find((id) => !isToken(id)) : undefined;
  const shown = wrong === undefined ? shorten(value) : `a list with ${shorten(wrong)}`;
  throw new LineError(
    `${name} is ${shown}; allowed: a list of whole numbers from 0 to ${maxTokenId}`,
  );
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
