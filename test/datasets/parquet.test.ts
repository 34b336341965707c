// Does a Parquet file read as pyarrow reads it, in every codec, and is a damaged one refused by column and row?

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatasetError } from '../../datasets/error.js';
import { loadDataset, ownFieldNames } from '../../datasets/index.js';
import { listParquetColumns, type ParquetColumns, readParquet } from '../../datasets/parquet.js';

const golden = join(import.meta.dirname, '../golden/parquet');
const file = (codec: string) => join(golden, `${codec}.parquet`);
const expected = JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8')) as Record<
  string,
  unknown
>[];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-parquet-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function refuse(path: string, columns?: ParquetColumns): Promise<DatasetError> {
  try {
    await (columns === undefined ? readParquet(path) : readParquet(path, columns));
  } catch (error) {
    if (error instanceof DatasetError) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

/** A copy of a golden file with its bytes changed. */
function damage(codec: string, change: (bytes: Buffer) => Buffer): string {
  const path = join(folder, `damaged-${Math.random()}.parquet`);
  writeFileSync(path, change(readFileSync(file(codec))));
  return path;
}

describe('a Parquet file', () => {
  it.each(['none', 'snappy', 'gzip', 'brotli', 'zstd', 'lz4'])(
    'in codec %s has the values that pyarrow reads',
    async (codec) => {
      // 2^53 + 9 is no number of JSON's: it comes back as the whole number that it is.
      const rows = await readParquet(file(codec));
      expect(rows).toHaveLength(expected.length);
      expect(rows[9]!.wide).toBe(2n ** 53n + 9n);
      const withoutWide = (row: object) => ({ ...row, wide: undefined });
      expect(rows.map(withoutWide)).toEqual(expected.map(withoutWide));
      expect(rows[8]!.wide).toBe(8e9);
    },
  );

  it('gives columns in the types that were asked for', async () => {
    const columns = {
      text: 'text',
      maybe: 'text?',
      label: 'integer',
      score: 'number',
      small: 'number',
      flag: 'boolean',
      tokens: 'tokens',
      tokens64: 'tokens',
      choices: 'texts',
      category: 'text',
    } as const;
    const rows = await readParquet(file('zstd'), columns);
    expect(Object.keys(rows[0]!)).toEqual(Object.keys(columns));
    rows.forEach((row, i) => {
      const { tokens, tokens64, ...rest } = row;
      const want = expected[i]!;
      expect(tokens).toEqual(Int32Array.from(want.tokens as number[]));
      expect(tokens64).toEqual(Int32Array.of(i, 2 ** 31 - 1, 0));
      expect(want).toMatchObject(rest);
    });
  });

  it('of no rows has none, and its columns all the same', async () => {
    expect(await readParquet(file('empty'), { text: 'text' })).toEqual([]);
    expect(await listParquetColumns(file('empty'))).toEqual(Object.keys(expected[0]!));
  });
});

describe('a Parquet file is refused', () => {
  it.each([
    [{ question: 'text' }, /has no column "question"; it has text, maybe, label/],
    [{ label: 'text' }, /has a column "label" of integer; allowed: text$/],
    [{ text: 'integer' }, /has a column "text" of text; allowed: integer$/],
    [{ score: 'integer' }, /has a column "score" of number; allowed: integer$/],
    [{ choices: 'tokens' }, /has a column "choices" of list of text; allowed: list of integer$/],
    [{ nested: 'tokens' }, /has a column "nested" of list of list of integer; allowed/],
    [{ place: 'text' }, /has a column "place" of struct; allowed: text$/],
  ] as [ParquetColumns, RegExp][])('for columns %j', async (columns, message) => {
    const error = await refuse(file('snappy'), columns);
    expect(error.code).toBe('dataset-malformed');
    expect(error.message).toMatch(message);
  });

  it.each([
    [{ maybe: 'text' }, 0, 'maybe is null; allowed: a text'],
    [{ holes: 'tokens' }, 4, 'holes is null; allowed: a list of whole numbers'],
    [
      { holes: 'tokens?' },
      5,
      'holes is null; allowed: whole numbers from 0 to 2147483647 in the list',
    ],
    [{ wide: 'integer' }, 9, 'wide is 9007199254741001; allowed: a whole number of up to 53 bits'],
  ] as [ParquetColumns, number, string][])('for a value of %j', async (columns, row, message) => {
    const error = await refuse(file('zstd'), columns);
    expect(error.rowFaults).toEqual([{ row, message }]);
    expect(error.message).toContain(`, row ${row}: ${message}`);
  });

  it('for bytes that are no UTF-8 in a column of texts, by row and column', async () => {
    const path = damage('none', (bytes) => {
      const copy = Buffer.from(bytes);
      copy.set([0xff, 0xfe], copy.indexOf('two\nlines0'));
      return copy;
    });
    const message =
      'text is "bytes that are not UTF-8: ff fe 6f 0a 6c 69 6e 65 ..."; allowed: a text';
    expect((await refuse(path, { text: 'text' })).rowFaults).toEqual([{ row: 2, message }]);
    // Where nobody asks for the column, as in a table with pictures, it is in nobody's way.
    expect(await readParquet(path)).toHaveLength(40);
    const fields = { ...ownFieldNames, prompt: 'text', reference: 'category' };
    const error = await loadDataset(path, 'test', fields).catch((reason: unknown) => reason);
    expect((error as DatasetError).rowFaults).toContainEqual({ row: 2, message });
  });

  it('when it is not there, a folder, no Parquet, or cut short', async () => {
    expect((await refuse(join(folder, 'none.parquet'))).message).toMatch(/it does not exist$/);
    expect((await refuse(folder)).message).toMatch(/it is not a file$/);
    const text = damage('snappy', () => Buffer.from('{"prompt": "p", "reference": "r"}'));
    expect((await refuse(text)).message).toMatch(/is no Parquet file: it does not begin with/);
    const cut = damage('snappy', (bytes) => bytes.subarray(0, bytes.length / 2));
    expect((await refuse(cut)).message).toMatch(/is cut short: a Parquet file ends with "PAR1"$/);
  });

  it('when its middle is missing or overwritten, naming the rows, and never reads what is not there', async () => {
    const hole = damage('snappy', (bytes) =>
      Buffer.concat([bytes.subarray(0, 4), bytes.subarray(3000)]),
    );
    expect((await refuse(hole)).message).toMatch(/cannot be read|footer/);
    const zeros = damage('gzip', (bytes) => Buffer.from(bytes).fill(0, 40, 3000));
    expect((await refuse(zeros)).message).toMatch(/has rows 0 to 39 that cannot be read: /);
    const long = damage('none', (bytes) => {
      const copy = Buffer.from(bytes);
      copy.writeUInt32LE(0x7fffffff, copy.length - 8);
      return copy;
    });
    expect((await refuse(long)).message).toMatch(
      /says at byte \d+ that its footer has 2147483647 bytes; allowed: up to \d+$/,
    );
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['of thrift without a field', Buffer.from([0])],
    // Field 1, version, an i32 of 1, and no more.
    ['that lacks its schema', Buffer.from([0x15, 2, 0])],
    ['of a type that thrift has and Parquet has not', Buffer.from([0x1a, 0, 0])],
    ['of text', Buffer.from('{"schema": []}')],
    // Version 1, an empty list of columns, no rows (field 3, an i64 of 0), an empty list of row groups.
    ['whose schema is empty', Buffer.from([0x15, 2, 0x19, 0x0c, 0x16, 0, 0x19, 0x0c, 0])],
  ])('when its footer is %s, by its place', async (_, footer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    const path = damage('none', () =>
      Buffer.concat([Buffer.from('PAR1'), footer, length, Buffer.from('PAR1')]),
    );
    const error = await refuse(path);
    expect(error.code).toBe('dataset-malformed');
    expect(error.message).toBe(
      `"${path}" has a footer of ${footer.length} bytes at byte 4 that is no Parquet footer`,
    );
  });

  it('or read, but never crashes, whatever byte is changed', async () => {
    const bytes = readFileSync(file('zstd'));
    for (let i = 0; i < 150; i++) {
      const at = (i * 7919) % bytes.length;
      const path = damage('zstd', (whole) => {
        const copy = Buffer.from(whole);
        copy[at] = copy[at]! ^ (1 + (i % 255));
        return copy;
      });
      try {
        await readParquet(path, { tokens: 'tokens', text: 'text' });
      } catch (error) {
        if (!(error instanceof DatasetError)) throw new Error(`byte ${at}: ${error}`);
      }
    }
  });
});
