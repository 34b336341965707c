// What do Hugging Face's tokenizers make of decoded text where their files ask for it (clean_up_tokenization_spaces)?
// Blanks before punctuation and English contractions go: answers are scored as the reference scripts decode them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const tails: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

export function cleanUpText(text: string): string {
  return tails.reduce((left, [from, to]) => left.replaceAll(from, to), text);
}

/** Whether a tokenizer's folder asks for it; without a word on it, it does not. */
export function asksForCleanUp(folder: string): boolean {
  try {
    const config: unknown = JSON.parse(readFileSync(join(folder, 'tokenizer_config.json'), 'utf8'));
    const { clean_up_tokenization_spaces: asks } = (config ?? {}) as Record<string, unknown>;
    return asks === true;
  } catch {
    return false;
  }
}
