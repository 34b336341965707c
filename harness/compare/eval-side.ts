// An evaluation as a comparison reads it: its model, and what came of each item.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, messageOf } from '../errors.js';
import type { ItemEvidence } from '../eval/evidence.js';
import { readJsonLines } from '../json-lines-file.js';

export interface EvalSide {
  readonly path: string;
  /** The model and its format, and where it lies if two sides are called alike. */
  readonly label: string;
  readonly model: string;
  readonly weightFormat: string;
  readonly items: number;
}

export interface LoadedSide {
  readonly side: EvalSide;
  /** By id. */
  readonly items: ReadonlyMap<string, ItemEvidence>;
}

const resultsFile = 'results.json';
const itemsFile = 'items.jsonl';

/** Whether `bench eval` wrote it. */
export function isEvalFolder(path: string): boolean {
  return existsSync(join(path, resultsFile)) && existsSync(join(path, itemsFile));
}

/** @throws InputError when a folder is not as `bench eval` left it. */
export function readEvalSide(path: string): LoadedSide {
  try {
    const results = join(path, resultsFile);
    const { name, weightFormat } = readModel(JSON.parse(readFileSync(results, 'utf8')), results);
    const file = join(path, itemsFile);
    const rows = [...readJsonLines<ItemEvidence>(file)];
    for (const [i, row] of rows.entries()) checkItem(row, `${file}, item ${i + 1}`);
    const items = new Map(rows.map((row) => [row.id, row]));
    const label = `${name} (${weightFormat})`;
    return { side: { path, label, model: name, weightFormat, items: items.size }, items };
  } catch (error) {
    throw new InputError([{ where: path, message: messageOf(error) }]);
  }
}

function readModel(
  results: { readonly model?: Partial<Record<'name' | 'weightFormat', unknown>> } | null,
  file: string,
): { readonly name: string; readonly weightFormat: string } {
  const { name, weightFormat } = results?.model ?? {};
  if (typeof name === 'string' && typeof weightFormat === 'string') return { name, weightFormat };
  const lacking = typeof name === 'string' ? 'model.weightFormat' : 'model.name';
  throw new Error(`${file} has no usable ${lacking}; allowed: what bench eval wrote`);
}

/** What a comparison reads of an item; metrics are right or wrong, as evidence has them. @throws Error with the field that is not usable */
function checkItem(
  { id, task, prompt, metrics, weights, logProbs }: Partial<ItemEvidence>,
  where: string,
): void {
  const isNumbers = (value: unknown) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => typeof one === 'number' && Number.isFinite(one));
  const usable = {
    id: typeof id === 'string',
    task: typeof task === 'string',
    prompt: typeof prompt === 'string',
    metrics: isNumbers(metrics) && Object.values(metrics!).every((one) => one === 0 || one === 1),
    weights: weights === undefined || isNumbers(weights),
    'logProbs[0]': weights === undefined || typeof logProbs?.[0] === 'number',
  };
  const lacking = Object.entries(usable).find(([, isUsable]) => !isUsable);
  if (lacking === undefined) return;
  throw new Error(`${where} has no usable ${lacking[0]}; allowed: what bench eval wrote`);
}
