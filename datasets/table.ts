// A table as a dataset: a pickled data frame (*.pkl, *.pkl.gz) or a Parquet file, one sample a row. How the files are
// read stands in pandas-pickle.ts and parquet.ts; what the rows are, in generation-rows.ts.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Dataset, Split } from './dataset.js';
import { DatasetError } from './error.js';
import { checkFileSplit, type FieldMap, GenerationRows, RowError } from './generation-rows.js';
import { readDataFrame } from './pandas-pickle.js';
import { type ColumnType, listParquetColumns, readParquet } from './parquet.js';
import { findPublished } from './published-files.js';

export function isPickleName(name: string): boolean {
  return /\.pkl(\.gz)?$/.test(name);
}

export function isParquetName(name: string): boolean {
  return name.endsWith('.parquet');
}

/** @throws DatasetError 'dataset-not-found', 'unknown-split', or 'dataset-malformed' with the faulty rows. */
export function openPickle(path: string, split: Split, fields: FieldMap): Dataset {
  checkFileSplit(path, split, 'a pickled data frame');
  const frame = readDataFrame(path);
  const rows = new GenerationRows(fields);
  const columns = [...columnsOf(rows, frame.columns, path).keys()].map(
    (name) => [name, frame.column(name)] as const,
  );
  for (let row = 0; row < frame.length; row++) {
    const record: Record<string, unknown> = {};
    for (const [name, cells] of columns) record[name] = plainCell(cells[row]);
    rows.add(() => record, { row });
  }
  const source = { sha256: frame.sha256, published: findPublished(path) };
  return rows.finish(path, split, `${frame.length} rows`, source);
}

/** pandas writes what is missing as nan; a dict (an instruction's) as a Map. */
function plainCell(cell: unknown): unknown {
  if (typeof cell === 'number' && Number.isNaN(cell)) return null;
  return cell instanceof Map ? Object.fromEntries(cell) : cell;
}

/** @throws as openPickle does. */
export async function openParquet(path: string, split: Split, fields: FieldMap): Promise<Dataset> {
  checkFileSplit(path, split, 'a Parquet file');
  const names = await listParquetColumns(path);
  const rows = new GenerationRows(fields);
  const columns = columnsOf(rows, names, path);
  const types: Record<string, ColumnType> = {};
  for (const [name, use] of columns) types[name] = use === 'tokens' ? 'tokens?' : 'any?';
  const records = await readParquet(path, types);
  records.forEach((record, row) => {
    rows.add(() => record, { row });
  });
  const source = { sha256: await hashFile(path), published: findPublished(path) };
  return rows.finish(path, split, `${records.length} rows`, source);
}

function columnsOf(
  rows: GenerationRows,
  names: readonly string[],
  path: string,
): ReturnType<GenerationRows['columnsOf']> {
  try {
    return rows.columnsOf(names);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    throw new DatasetError('dataset-malformed', `"${path}" ${error.message}`);
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
