// What ends a generated answer, beside the strings that its task names: tokens of the model's, and how its end is spelt.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelTokenizer } from '../../datasets/index.js';
import { isFile } from '../config-files.js';

export interface AnswerEnd {
  readonly stopTokens: Int32Array;
  /** '' where the model does not say. */
  readonly endText: string;
}

/** A folder by its files, as lm-evaluation-harness reads them; a GGUF file by the vocabulary in it. */
export function readAnswerEnd(folder: string, tokenizer: ModelTokenizer): AnswerEnd {
  const { eosId, stopIds, specialTexts } = tokenizer;
  if (isFile(folder)) {
    return { stopTokens: Int32Array.from(stopIds), endText: specialTexts.get(eosId) ?? '' };
  }
  return { stopTokens: readStopTokens(folder, eosId), endText: readEndText(folder) };
}

/** A checkpoint may name several. */
function readStopTokens(folder: string, eosId: number): Int32Array {
  for (const name of ['generation_config.json', 'config.json']) {
    const ids: unknown = readObject(join(folder, name)).eos_token_id;
    const list = (Array.isArray(ids) ? ids : [ids]).filter((id) => Number.isInteger(id));
    if (list.length > 0) return Int32Array.from(list as number[]);
  }
  return Int32Array.of(eosId);
}

function readEndText(folder: string): string {
  const named = readObject(join(folder, 'tokenizer_config.json')).eos_token;
  const content =
    typeof named === 'object' && named !== null ? (named as { content?: unknown }).content : named;
  return typeof content === 'string' ? content : '';
}

function readObject(file: string): Readonly<Record<string, unknown>> {
  if (!existsSync(file)) return {};
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
