// GSM8K as it is distributed: word problems with worked answers that end in "#### number".

import { readRows } from './rows.js';
import { findFiles } from './split-files.js';

export interface Gsm8kRow {
  readonly question: string;
  readonly answer: string;
}

/**
 * `test.jsonl` and `train.jsonl`, or Parquet of the same fields (main), in the file's order.
 * @throws DatasetError
 */
export async function openGsm8k(folder: string, split: 'test' | 'train'): Promise<Gsm8kRow[]> {
  const files = findFiles(
    folder,
    [
      new RegExp(`^(?:.*/)?${split}\\.jsonl$`),
      new RegExp(`^(?:main|data)/${split}-[^/]*\\.parquet$`),
      new RegExp(`^${split}-[^/]*\\.parquet$`),
    ],
    [`${split}.jsonl`, `main/${split}-*.parquet`],
  );
  const parts = files.map((file) =>
    readRows(file, (fields) => {
      const answer = fields.text('answer');
      if (!answer.includes('#### ')) fields.refuse('answer', answer, 'a text with "#### number"');
      return { question: fields.text('question'), answer };
    }),
  );
  return (await Promise.all(parts)).flat();
}
