// wikitext-2 as it is distributed: one text of many lines, or the same as rows of Parquet; and its pages.

import { readRows, readTextFile } from './rows.js';
import { findFiles } from './split-files.js';

export interface Wikitext {
  readonly files: readonly string[];
  /** The whole file's text. */
  readonly text: string;
  /**
   * Its rows as Hugging Face's wikitext-2 has them: every line with its line break, blank ones empty. Joining these is
   * what the published perplexities of 2,048 and 4,096 tokens begin with.
   */
  readonly rows: readonly string[];
  /** Its articles, each with its heading, as EleutherAI's wikitext_document_level cuts them. */
  readonly pages: readonly string[];
}

/**
 * A split, here of test: `test.txt`, `wiki.test.raw` or `wiki.test.tokens`, or Parquet with a column text or page.
 * @throws DatasetError
 */
export async function openWikitext(
  folder: string,
  split: 'train' | 'test' = 'test',
): Promise<Wikitext> {
  const files = findFiles(
    folder,
    [
      new RegExp(`^(?:.*/)?(?:${split}\\.txt|wiki\\.${split}\\.(?:raw|tokens))$`),
      new RegExp(`^(?:wikitext-2-raw-v1/|data/)?${split}-[^/]*\\.parquet$`),
    ],
    [`${split}.txt`, `wiki.${split}.raw`, `wikitext-2-raw-v1/${split}-*.parquet`],
  );
  if (!files[0]!.endsWith('.parquet')) {
    const text = await readTextFile(files[0]!);
    return { files: files.slice(0, 1), text, rows: listRows(text), pages: listPages(text) };
  }
  const parts = files.map((file) =>
    readRows(file, (fields) =>
      fields.has('page')
        ? { page: fields.text('page'), row: '' }
        : { page: null, row: fields.text('text', true) },
    ),
  );
  const all = (await Promise.all(parts)).flat();
  const pages = all.flatMap(({ page }) => (page === null ? [] : [page]));
  const text = pages.length > 0 ? pages.join('\n') : all.map(({ row }) => row || ' \n').join('');
  return { files, text, rows: listRows(text), pages: pages.length > 0 ? pages : listPages(text) };
}

function listRows(text: string): string[] {
  const lines = text.split('\n');
  const rows = lines.map((line, at) => (at === lines.length - 1 ? line : `${line}\n`));
  if (rows.at(-1) === '') rows.pop();
  return rows.map((row) => (row.trim() === '' ? '' : row));
}

/** A page begins at a heading of one mark; what stands before the first one is none where it is blank. */
function listPages(text: string): string[] {
  const pages: string[] = [];
  let lines: string[] = [];
  const close = () => {
    const page = lines.join('\n');
    if (page.trim() !== '') pages.push(page);
    lines = [];
  };
  for (const line of text.split('\n')) {
    const heading = line.replaceAll('= = =', '===').replaceAll('= =', '==').trim();
    if (heading.startsWith('= ') && heading.endsWith(' =')) close();
    lines.push(line);
  }
  close();
  return pages;
}
