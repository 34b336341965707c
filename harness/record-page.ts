// The pages of what was made of several runs: which record has which page, written when it is made and anew by
// `bench report`.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { comparisonSchema } from './compare/comparison.js';
import { evalComparisonSchema } from './compare/eval-comparison.js';
import { InputError, messageOf } from './errors.js';
import { ladderSchema } from './ladder/ladder.js';
import { writePage } from './page-file.js';
import {
  comparisonShape,
  evalComparisonShape,
  findUnusable,
  ladderShape,
  type RecordShape,
  sweepShape,
} from './record-shape.js';
import { formatComparisonPage } from './report/html/compare/comparison-page.js';
import { formatEvalComparisonPage } from './report/html/compare/eval-comparison-page.js';
import { formatLadderPage } from './report/html/ladder/ladder-page.js';
import { formatSweepPage } from './report/html/sweep/sweep-page.js';
import type { TextStream } from './report/progress.js';
import { sweepSchema } from './sweep/sweep.js';

interface RecordKind<T> {
  readonly file: string;
  readonly schema: string;
  /** Fields that the page cannot do without; records of earlier versions may lack some. */
  readonly shape: RecordShape;
  readonly format: (record: T) => string;
}

const define = <T>(kind: RecordKind<T>) => kind as RecordKind<never>;

const kinds: readonly RecordKind<never>[] = [
  define({
    file: 'ladder.json',
    schema: ladderSchema,
    shape: ladderShape,
    format: formatLadderPage,
  }),
  define({
    file: 'sweep.json',
    schema: sweepSchema,
    shape: sweepShape,
    format: formatSweepPage,
  }),
  define({
    file: 'comparison.json',
    schema: comparisonSchema,
    shape: comparisonShape,
    format: formatComparisonPage,
  }),
  define({
    file: 'comparison.json',
    schema: evalComparisonSchema,
    shape: evalComparisonShape,
    format: formatEvalComparisonPage,
  }),
];

export interface RecordPage {
  /** Of the record. */
  readonly file: string;
  readonly text: string;
}

/**
 * The page of a ladder, a sweep or a comparison, from its folder or its own file; null where the path is none of these.
 * @throws InputError when a file of such a name holds something else.
 */
export function formatRecordPage(path: string): RecordPage | null {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return null;
  const file = found.isDirectory()
    ? kinds.map((kind) => join(path, kind.file)).find((one) => existsSync(one))
    : path;
  if (file === undefined) return null;
  const isOurs = found.isDirectory() || kinds.some((kind) => file.endsWith(kind.file));
  let record: unknown;
  try {
    record = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (!isOurs) return null;
    throw refuse(file, `is not JSON: ${messageOf(error)}`);
  }
  const fields = Object(record) as Readonly<Record<string, unknown>>;
  const kind = kinds.find(({ schema }) => schema === fields.schema);
  if (kind === undefined && !isOurs) return null;
  if (kind === undefined) {
    const allowed = kinds.map(({ schema }) => schema).join(', ');
    throw refuse(
      file,
      `schema is ${JSON.stringify(fields.schema) ?? 'missing'}; allowed: ${allowed}`,
    );
  }
  const allowed = 'allowed: what this version writes, as the same call does anew';
  const unusable = findUnusable(record, kind.shape);
  if (unusable !== null) throw refuse(file, `has no usable ${unusable}; ${allowed}`);
  try {
    return { file, text: kind.format(record as never) };
  } catch (error) {
    // Below the fields that were asked for; which one, the engine's own words say.
    if (!(error instanceof TypeError)) throw error;
    throw refuse(file, `has a field that is not usable (${error.message}); ${allowed}`);
  }
}

/** Writes report.html beside a record that was just made; a page that fails costs a warning and no record. */
export function writeRecordPage(folder: string, stderr: TextStream): void {
  try {
    const page = formatRecordPage(folder);
    if (page !== null) writePage(page.text, join(folder, 'report.html'));
  } catch (error) {
    stderr.write(`bench: warning: report.html was not written: ${messageOf(error)}\n`);
  }
}

function refuse(file: string, message: string): InputError {
  return new InputError([{ where: `"${file}"`, message }]);
}
