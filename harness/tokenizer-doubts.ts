// What about a checkpoint is doubtful beside its tensors and its configuration? The tokenizer.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer } from '../datasets/index.js';
import { isFile } from './config-files.js';
import { messageOf } from './errors.js';

/** The checkpoint's own doubts are among its inspection. */
export async function findTokenizerDoubts(folder: string, vocabSize: number): Promise<string[]> {
  const names = ['tokenizer.json', 'tokenizer.model'];
  if (!isFile(folder) && !names.some((name) => existsSync(join(folder, name)))) {
    return ['the tokenizer is missing: there is no tokenizer.json and no tokenizer.model'];
  }
  try {
    const { vocabSize: known } = (await loadTokenizer(folder)) as { readonly vocabSize?: number };
    if (known !== undefined && known > vocabSize) {
      return [`the tokenizer has ${known} tokens, the model a vocabulary of ${vocabSize}`];
    }
    return [];
  } catch (error) {
    return [`the tokenizer cannot be used: ${messageOf(error)}`];
  }
}
