// What do the rows of a Parquet file say? Reads the columns that the caller names, in the types it names, and says what
// is wrong with a file by column and row. The only file that knows the Parquet library; what rows mean is others'
// business.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  type ParquetParsers,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { compressors as libraryCompressors } from 'hyparquet-compressors';
import { DatasetError, fileReason } from './error.js';

/** The types a column can be asked for in; a question mark allows rows without a value (null). */
interface ColumnValues {
  text: string;
  /** A whole number of up to 53 bits. */
  integer: number;
  number: number;
  boolean: boolean;
  texts: readonly string[];
  /** Whole numbers of up to 31 bits. */
  tokens: Int32Array;
  /** As the file has it: structs are objects, lists are arrays, whole numbers are numbers where 53 bits hold them. */
  any: unknown;
}
type PlainType = keyof ColumnValues;
export type ColumnType = PlainType | `${PlainType}?`;

/** Which columns, and as what. */
export type ParquetColumns = Readonly<Record<string, ColumnType>>;

type ValueOf<T extends ColumnType> = T extends PlainType
  ? ColumnValues[T]
  : T extends `${infer P extends PlainType}?`
    ? ColumnValues[P] | null
    : never;

export type ParquetRow<C extends ParquetColumns> = { readonly [K in keyof C]: ValueOf<C[K]> };

/** A file that says it has more is not believed. */
const maxRows = 100_000_000;
const maxTokenId = 2 ** 31 - 1;

/** The names of a file's columns, in its order. @throws DatasetError as readParquet does. */
export async function listParquetColumns(path: string): Promise<string[]> {
  return withFile(path, async (file) => columnsOf(await readMetadata(file, path)).map(nameOf));
}

/**
 * All rows of a file, with the columns that were asked for; all of its columns, as 'any', where none were named.
 * @throws DatasetError 'dataset-not-found' where the file cannot be opened; 'dataset-malformed' where it is no Parquet
 * file, is cut short, lacks a column, or holds something else than was asked for: with the column and the row.
 */
export function readParquet(path: string): Promise<Readonly<Record<string, unknown>>[]>;
export function readParquet<const C extends ParquetColumns>(
  path: string,
  columns: C,
): Promise<ParquetRow<C>[]>;
export async function readParquet(
  path: string,
  columns?: ParquetColumns,
): Promise<Readonly<Record<string, unknown>>[]> {
  return withFile(path, async (file) => {
    const metadata = await readMetadata(file, path);
    const known = columnsOf(metadata);
    const asked = columns ?? Object.fromEntries(known.map((column) => [nameOf(column), 'any?']));
    for (const [name, type] of Object.entries(asked)) {
      checkColumn(known, name, type as ColumnType, path);
    }
    const readers = Object.entries(asked).map(
      ([name, type]) => [name, readerOf(type as ColumnType)] as const,
    );
    const rows: Record<string, unknown>[] = [];
    let start = 0;
    // A group of rows at a time: what the library makes of one is let go before the next is read.
    for (const group of metadata.row_groups) {
      const end = start + Number(group.num_rows);
      for (const raw of await readRows(file, metadata, Object.keys(asked), start, end, path)) {
        rows.push(convertRow(raw, readers, rows.length, path));
      }
      start = end;
    }
    if (rows.length === Number(metadata.num_rows)) return rows;
    const message = `holds ${rows.length} rows, and its footer says ${metadata.num_rows}`;
    throw malformed(path, message);
  });
}

async function withFile<T>(path: string, work: (file: AsyncBuffer) => Promise<T>): Promise<T> {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw new DatasetError('dataset-not-found', `"${path}" cannot be read: ${fileReason(error)}`);
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) {
      throw new DatasetError('dataset-not-found', `"${path}" cannot be read: it is not a file`);
    }
    const slice = (start: number, end = stat.size) => readBytes(descriptor, start, end, stat.size);
    return await work({ byteLength: stat.size, slice });
  } finally {
    closeSync(descriptor);
  }
}

function readBytes(descriptor: number, start: number, end: number, size: number): ArrayBuffer {
  if (start < 0 || end > size || start > end) {
    throw new RangeError(`bytes ${start} to ${end} lie outside the file of ${size} bytes`);
  }
  const bytes = new Uint8Array(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const count = readSync(descriptor, bytes, filled, bytes.length - filled, start + filled);
    if (count === 0) throw new RangeError(`the file ends at byte ${start + filled}`);
    filled += count;
  }
  return bytes.buffer;
}

async function readMetadata(file: AsyncBuffer, path: string): Promise<FileMetaData> {
  const mark = (start: number) => Buffer.from(file.slice(start, start + 4) as ArrayBuffer);
  if (file.byteLength < 12 || mark(0).toString('latin1') !== 'PAR1') {
    throw malformed(path, 'is no Parquet file: it does not begin with "PAR1"');
  }
  if (mark(file.byteLength - 4).toString('latin1') !== 'PAR1') {
    throw malformed(path, 'is cut short: a Parquet file ends with "PAR1"');
  }
  const footerEnd = file.byteLength - 8;
  const footerBytes = Buffer.from(
    file.slice(footerEnd, footerEnd + 4) as ArrayBuffer,
  ).readUInt32LE();
  const footerStart = footerEnd - footerBytes;
  if (footerStart < 4) {
    const message = `says at byte ${footerEnd} that its footer has ${footerBytes} bytes`;
    throw malformed(path, `${message}; allowed: up to ${footerEnd - 4}`);
  }
  const metadata = await readFooter(file).catch(() => {
    // What the library stumbled over says nothing of the file.
    const message = `has a footer of ${footerBytes} bytes at byte ${footerStart}`;
    throw malformed(path, `${message} that is no Parquet footer`);
  });
  if (metadata.num_rows < 0n || metadata.num_rows > BigInt(maxRows)) {
    throw malformed(path, `says that it has ${metadata.num_rows} rows; allowed: up to ${maxRows}`);
  }
  return metadata;
}

async function readFooter(file: AsyncBuffer): Promise<FileMetaData> {
  const metadata = await parquetMetadataAsync(file, { geoparquet: false });
  // The library leaves out what the footer lacks, and takes any schema.
  if (typeof metadata.num_rows !== 'bigint') throw new TypeError('no number of rows');
  columnsOf(metadata);
  return metadata;
}

function readRows(
  file: AsyncBuffer,
  metadata: FileMetaData,
  columns: string[],
  rowStart: number,
  rowEnd: number,
  path: string,
): Promise<Readonly<Record<string, unknown>>[]> {
  const what = `has rows ${rowStart} to ${rowEnd - 1} that cannot be read`;
  return refuse(path, what, async () => {
    const terms = { rowStart, rowEnd, compressors, parsers, geoparquet: false };
    const rows = await parquetReadObjects({ file, metadata, columns, ...terms });
    if (rows.length === rowEnd - rowStart) return rows;
    throw new RangeError(`there are ${rows.length}`);
  });
}

/** Node's own inflate and brotli are faster than the library's, and stop at the length that the page announced. */
const compressors: Compressors = {
  ...libraryCompressors,
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes in a column of texts that are none; whoever asks for a text refuses them by row and column, and shows this. */
class BrokenText {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  toJSON(): string {
    const start = Buffer.from(this.#bytes.subarray(0, 8)).toString('hex');
    const bytes = start.replace(/..(?!$)/g, '$& ');
    return `bytes that are not UTF-8: ${bytes}${this.#bytes.length > 8 ? ' ...' : ''}`;
  }
}

/** The library would put U+FFFD where bytes are no text, and a run would ask that. */
const parsers: Partial<ParquetParsers> = {
  stringFromBytes(bytes) {
    if (!(bytes instanceof Uint8Array)) return bytes;
    try {
      return utf8.decode(bytes);
    } catch {
      return new BrokenText(bytes);
    }
  },
};

async function refuse<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw malformed(path, `${what}: ${reason.replace(/^parquet /, '')}`);
  }
}

function malformed(path: string, message: string): DatasetError {
  return new DatasetError('dataset-malformed', `"${path}" ${message}`);
}

function columnsOf(metadata: FileMetaData): SchemaTree[] {
  return parquetSchema(metadata).children;
}

function nameOf(column: SchemaTree): string {
  return column.element.name;
}

function checkColumn(
  known: readonly SchemaTree[],
  name: string,
  type: ColumnType,
  path: string,
): void {
  const column = known.find((candidate) => nameOf(candidate) === name);
  if (column === undefined) {
    const names = known.map(nameOf).join(', ') || 'none';
    throw malformed(path, `has no column "${name}"; it has ${names}`);
  }
  const found = typeOf(column);
  const wanted = plainOf(type);
  const fits =
    wanted === 'any' ||
    found === wanted ||
    (wanted === 'number' && found === 'integer') ||
    (wanted === 'tokens' && found === 'list of integer') ||
    (wanted === 'texts' && found === 'list of text');
  if (!fits) throw malformed(path, `has a column "${name}" of ${found}; allowed: ${words[wanted]}`);
}

const words: Readonly<Record<PlainType, string>> = {
  text: 'text',
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
  texts: 'list of text',
  tokens: 'list of integer',
  any: 'anything',
};

/** What a column holds, in the words of error messages. */
function typeOf({ element, children }: SchemaTree): string {
  const inner = children[0];
  if (inner !== undefined) {
    if (element.repetition_type === 'REPEATED') return 'repeated struct';
    const isList = element.converted_type === 'LIST' || element.logical_type?.type === 'LIST';
    if (!isList) return 'struct';
    // list > list > element, or the older list > element.
    const item = inner.children.length === 1 ? inner.children[0]! : inner;
    return `list of ${item.element.repetition_type === 'REPEATED' ? plainTypeOf(item) : typeOf(item)}`;
  }
  if (element.repetition_type === 'REPEATED') return `list of ${plainTypeOf({ element })}`;
  return plainTypeOf({ element });
}

function plainTypeOf({ element }: Pick<SchemaTree, 'element'>): string {
  const { type, logical_type, converted_type } = element;
  const says = logical_type?.type ?? converted_type;
  if (says === 'STRING' || says === 'UTF8' || says === 'ENUM') return 'text';
  if (type === 'BOOLEAN') return 'boolean';
  if (type === 'DOUBLE' || type === 'FLOAT') return 'number';
  const isWhole = type === 'INT32' || type === 'INT64';
  if (isWhole && (says === undefined || /^(INTEGER|U?INT_\d+)$/.test(says))) return 'integer';
  return says ?? type ?? 'group';
}

function plainOf(type: ColumnType): PlainType {
  return type.replace('?', '') as PlainType;
}

/** Turns what the library read into what was asked for, or says in words what it is instead. */
type ValueReader = (value: unknown) => unknown;

/** A value that is not what was asked for: the message says what it is. */
class ValueError extends Error {}

function readerOf(type: ColumnType): ValueReader {
  const read = valueReaders[plainOf(type)];
  if (!type.endsWith('?')) return read;
  return (value) => (value === null || value === undefined ? null : read(value));
}

const valueReaders: Readonly<Record<PlainType, ValueReader>> = {
  text: (value) => (typeof value === 'string' ? value : fail(value, 'a text')),
  boolean: (value) => (typeof value === 'boolean' ? value : fail(value, 'true or false')),
  number: (value) => {
    const number = typeof value === 'bigint' ? Number(value) : value;
    return typeof number === 'number' ? number : fail(value, 'a number');
  },
  integer: (value) => {
    const number = typeof value === 'bigint' ? Number(value) : value;
    return Number.isSafeInteger(number) ? number : fail(value, 'a whole number of up to 53 bits');
  },
  texts: (value) => {
    if (!Array.isArray(value)) return fail(value, 'a list of texts');
    for (const item of value) if (typeof item !== 'string') fail(item, 'texts in the list');
    return value;
  },
  tokens: (value) => {
    if (!isList(value)) return fail(value, 'a list of whole numbers');
    // Five million of them are the greater part of a large file: a plain loop.
    const ids = new Int32Array(value.length);
    for (let i = 0; i < ids.length; i++) {
      const item = value[i];
      const id = typeof item === 'bigint' ? Number(item) : item;
      if (typeof id !== 'number' || (id | 0) !== id || id < 0) {
        return fail(item, `whole numbers from 0 to ${maxTokenId} in the list`);
      }
      ids[i] = id;
    }
    return ids;
  },
  any: simplify,
};

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function fail(value: unknown, allowed: string): never {
  const shown =
    typeof value === 'string' || typeof value === 'object'
      ? (JSON.stringify(value, plainBigInts) ?? String(value))
      : String(value);
  const short = shown.length > 60 ? `${shown.slice(0, 57)}...` : shown;
  throw new ValueError(`is ${short}; allowed: ${allowed}`);
}

function plainBigInts(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** Whole numbers as numbers where 53 bits hold them, however deep. */
function simplify(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (isList(value) && !(value instanceof Uint8Array)) return Array.from(value, simplify);
  if (typeof value === 'object' && value !== null && value.constructor === Object) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, simplify(item)]));
  }
  return value;
}

function convertRow(
  raw: Readonly<Record<string, unknown>>,
  readers: readonly (readonly [string, ValueReader])[],
  row: number,
  path: string,
): Record<string, unknown> {
  const converted: Record<string, unknown> = {};
  for (const [name, read] of readers) {
    try {
      converted[name] = read(raw[name]);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      const fault = { row, message: `${name} ${error.message}` };
      throw new DatasetError('dataset-malformed', `"${path}", row ${row}: ${fault.message}`, [
        fault,
      ]);
    }
  }
  return converted;
}
