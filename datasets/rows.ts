// Rows of a task's file (JSON lines, CSV, Parquet) under the names of its fields, and what is wrong with them, each with
// its line. What a row asks is the loaders' business.

import { readFile } from 'node:fs/promises';
import { parseCsv } from './csv.js';
import { DatasetError, fileReason, type RowFault } from './error.js';
import { refuseLfsPointer } from './lfs-pointer.js';
import { readParquet } from './parquet.js';
import { findLoneSurrogate } from './text-fault.js';

/** A row before anybody says what its fields mean. */
interface Row {
  /** The line it begins on, counted from 1; of a Parquet file the row, counted from 0. */
  readonly place: { readonly line: number } | { readonly row: number };
  readonly values: Readonly<Record<string, unknown>>;
}

/** What a row must have and has not: the message says which field. */
class FieldError extends Error {}

/** One row's fields, each read by what it must be. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name);
  }

  text(name: string, isEmptyAllowed = false): string {
    const value = this.#get(name);
    if (typeof value !== 'string') this.refuse(name, value, 'a text');
    if (value.trim() === '' && !isEmptyAllowed)
      this.refuse(name, value, 'a text that is not empty');
    checkText(name, value);
    return value;
  }

  texts(name: string, count: number): readonly string[] {
    const value = this.#get(name);
    const isList = Array.isArray(value) && value.every((entry) => typeof entry === 'string');
    if (!isList || value.length !== count) this.refuse(name, value, `a list of ${count} texts`);
    for (const text of value) checkText(name, text);
    return value;
  }

  /** A number from 0 to `count` - 1, written as a number or as its digits. */
  index(name: string, count: number): number {
    const value = this.#get(name);
    const index =
      typeof value === 'string' && /^\d{1,3}$/.test(value)
        ? Number(value)
        : Number(value as bigint);
    const isIndex = ['string', 'number', 'bigint'].includes(typeof value) && value !== '';
    if (!isIndex || !Number.isInteger(index) || index < 0 || index >= count) {
      this.refuse(name, value, `0 to ${count - 1}`);
    }
    return index;
  }

  /** Which of `names` stands there. */
  choice(name: string, names: readonly string[]): number {
    const value = this.#get(name);
    const index = names.indexOf(String(value));
    if (index < 0) this.refuse(name, value, names.join(', '));
    return index;
  }

  refuse(name: string, value: unknown, allowed: string): never {
    throw new FieldError(`${name} is ${quote(value)}; allowed: ${allowed}`);
  }

  #get(name: string): unknown {
    if (this.has(name)) return this.#values[name];
    const names = Object.keys(this.#values);
    throw new FieldError(`has no field "${name}"; it has ${names.join(', ') || 'none'}`);
  }
}

function checkText(name: string, text: string): void {
  const fault = findLoneSurrogate(text);
  if (fault !== null) throw new FieldError(`${name} ${fault}`);
}

/**
 * Every row of a file, read by `read`.
 * @throws DatasetError 'dataset-not-found', or 'dataset-malformed' with every line that is wrong; a file without a row is
 * wrong too.
 */
export async function readRows<T>(
  path: string,
  read: (fields: Fields) => T,
  /** Names of a CSV file's columns where it has no header. */
  columns: readonly string[] | null = null,
): Promise<T[]> {
  const rows: T[] = [];
  const faults: RowFault[] = [];
  for (const row of await listRows(path, columns, faults)) {
    try {
      rows.push(read(new Fields(row.values)));
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      faults.push({ ...row.place, message: error.message, file: path });
    }
  }
  if (faults.length === 0 && rows.length === 0) {
    faults.push({ message: 'the file holds no row', file: path });
  }
  if (faults.length > 0) throw malformed(path, faults);
  return rows;
}

export function malformed(path: string, faults: readonly RowFault[]): DatasetError {
  const { line, row, message: first } = faults[0]!;
  const place = line !== undefined ? `line ${line}: ` : row !== undefined ? `row ${row}: ` : '';
  const more = faults.length > 1 ? `, and ${faults.length - 1} more` : '';
  const message = `"${path}" is not usable: ${place}${first}${more}`;
  return new DatasetError('dataset-malformed', message, faults);
}

async function listRows(
  path: string,
  columns: readonly string[] | null,
  faults: RowFault[],
): Promise<Row[]> {
  if (path.endsWith('.parquet')) {
    refuseLfsPointer(path, 'dataset-malformed');
    return listParquetRows(path);
  }
  const text = await readTextFile(path);
  return path.endsWith('.csv')
    ? listCsvRows(path, text, columns, faults)
    : listJsonRows(path, text, faults);
}

function listCsvRows(
  file: string,
  text: string,
  given: readonly string[] | null,
  faults: RowFault[],
): Row[] {
  const { records, fault } = parseCsv(text);
  if (fault !== null) faults.push({ ...fault, file });
  const columns = given ?? records[0]?.fields ?? [];
  return (given === null ? records.slice(1) : records).flatMap(({ line, fields }) => {
    if (fields.length === columns.length) {
      const place = { line };
      return [{ place, values: Object.fromEntries(columns.map((name, at) => [name, fields[at]])) }];
    }
    const message = `has ${fields.length} fields; allowed: ${columns.length} (${columns.join(', ')})`;
    faults.push({ line, message, file });
    return [];
  });
}

function listJsonRows(file: string, text: string, faults: RowFault[]): Row[] {
  return text.split('\n').flatMap((content, at): Row[] => {
    if (content.trim() === '') return [];
    const line = at + 1;
    try {
      const value: unknown = JSON.parse(content);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        return [{ place: { line }, values: value as Readonly<Record<string, unknown>> }];
      }
      faults.push({ line, message: `is ${quote(value)}; allowed: one object`, file });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      faults.push({ line, message: `is not JSON: ${reason}`, file });
    }
    return [];
  });
}

async function listParquetRows(path: string): Promise<Row[]> {
  const rows = await readParquet(path);
  return rows.map((values, row) => ({ place: { row }, values }));
}

/** @throws DatasetError 'dataset-not-found', or 'dataset-malformed' when it is not UTF-8. */
export async function readTextFile(path: string): Promise<string> {
  refuseLfsPointer(path, 'dataset-malformed');
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new DatasetError('dataset-not-found', `"${path}" cannot be read: ${fileReason(error)}`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const line = findBrokenLine(bytes);
    throw malformed(path, [{ line, message: 'is not UTF-8', file: path }]);
  }
}

function findBrokenLine(bytes: Buffer): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(10, start);
    const stop = end < 0 ? bytes.length : end;
    try {
      decoder.decode(bytes.subarray(start, stop));
    } catch {
      return line;
    }
    start = stop + 1;
  }
  return line;
}

function quote(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? Number(part) : part));
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
