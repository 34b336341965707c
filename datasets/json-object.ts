// Reading JSON that others wrote: what a value is, and a file that holds one object.

import { readFile } from 'node:fs/promises';
import { DatasetError } from './error.js';

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value as an error message shows it. */
export function show(value: unknown): string {
  const text = value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/**
 * The object in a file; null when there is no file.
 * @throws DatasetError 'tokenizer-malformed' when it holds something else.
 */
export async function readJsonObject(path: string): Promise<JsonObject | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw cause;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError('tokenizer-malformed', `"${path}" is not JSON: ${reason}`);
  }
  if (!isObject(value)) {
    throw new DatasetError('tokenizer-malformed', `"${path}" is not a JSON object`);
  }
  return value;
}
