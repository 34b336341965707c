// WinoGrande as it is distributed: a sentence with a gap (_) and two names that may fill it.

import { readRows } from './rows.js';
import { findFiles } from './split-files.js';

export interface WinograndeRow {
  readonly sentence: string;
  readonly options: readonly [string, string];
  /** Index into `options`. */
  readonly answer: number;
}

/**
 * `dev.jsonl` and `train_xl.jsonl`, or Parquet of the same fields (winogrande_xl), in the file's order.
 * @throws DatasetError
 */
export async function openWinogrande(
  folder: string,
  split: 'validation' | 'train',
): Promise<WinograndeRow[]> {
  const short = split === 'train' ? 'train_xl' : 'dev';
  const files = findFiles(
    folder,
    [
      new RegExp(`^(?:.*/)?${short}\\.jsonl$`),
      new RegExp(`^(?:winogrande_xl|data)/${split}-[^/]*\\.parquet$`),
      new RegExp(`^${split}-[^/]*\\.parquet$`),
    ],
    [`${short}.jsonl`, `winogrande_xl/${split}-*.parquet`],
  );
  const parts = files.map((file) =>
    readRows(file, (fields) => {
      const sentence = fields.text('sentence');
      if (!sentence.includes('_')) fields.refuse('sentence', sentence, 'a text with a gap (_)');
      return {
        sentence,
        options: [fields.text('option1'), fields.text('option2')] as const,
        answer: fields.choice('answer', ['1', '2']),
      };
    }),
  );
  return (await Promise.all(parts)).flat();
}
