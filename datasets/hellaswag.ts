// HellaSwag as it is distributed: the beginning of a scene and four ways it may go on. How texts are cleaned is the
// protocol's business.

import { readRows } from './rows.js';
import { findFiles } from './split-files.js';

export interface HellaSwagRow {
  readonly activityLabel: string;
  readonly contextA: string;
  readonly contextB: string;
  readonly endings: readonly string[];
  /** Index into `endings`. */
  readonly label: number;
}

/**
 * `hellaswag_{val,train}.jsonl` or Parquet of the same fields, in the file's order.
 * @throws DatasetError
 */
export async function openHellaSwag(
  folder: string,
  split: 'validation' | 'train',
): Promise<HellaSwagRow[]> {
  const short = split === 'train' ? 'train' : 'val';
  const files = findFiles(
    folder,
    [
      new RegExp(`^(?:data/)?hellaswag_${short}\\.jsonl$`),
      new RegExp(`^(?:.*/)?${split}-[^/]*\\.parquet$`),
    ],
    [`hellaswag_${short}.jsonl`, `data/${split}-*.parquet`],
  );
  const parts = files.map((file) =>
    readRows(file, (fields) => ({
      activityLabel: fields.text('activity_label', true),
      contextA: fields.text('ctx_a', true),
      contextB: fields.text('ctx_b', true),
      endings: fields.texts('endings', 4),
      label: fields.index('label', 4),
    })),
  );
  return (await Promise.all(parts)).flat();
}
