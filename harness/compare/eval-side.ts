// An evaluation as a comparison reads it: what it says of itself, and what came of each item.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Fault, InputError, messageOf } from '../errors.js';
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
  /** results.json as it lies there; what a comparison needs of it was asked for. */
  readonly record: unknown;
  /** By id. */
  readonly items: ReadonlyMap<string, ItemEvidence>;
}

const resultsFile = 'results.json';
const itemsFile = 'items.jsonl';

/** Whether `bench eval` wrote it. */
export function isEvalFolder(path: string): boolean {
  return existsSync(join(path, resultsFile)) && existsSync(join(path, itemsFile));
}

/**
 * Each folder once, sides that are called alike told apart by where they lie.
 * @throws InputError with every folder that is there twice, or is not as `bench eval` left it.
 */
export function readEvalSides(paths: readonly string[]): LoadedSide[] {
  const places = paths.map((path) => resolve(path));
  const faults = paths.flatMap((path, i): Fault[] => {
    const message = 'is there twice; allowed: each evaluation once';
    return places.indexOf(places[i]!) < i ? [{ where: `"${path}"`, message }] : [];
  });
  const sides = paths.flatMap((path): LoadedSide[] => {
    try {
      return [readEvalSide(path)];
    } catch (error) {
      faults.push({ where: path, message: messageOf(error) });
      return [];
    }
  });
  if (faults.length > 0) throw new InputError(faults);
  return sides.map((loaded) => {
    const { label, path } = loaded.side;
    const isAlone = sides.every((other) => other === loaded || other.side.label !== label);
    return isAlone ? loaded : { ...loaded, side: { ...loaded.side, label: `${label}, ${path}` } };
  });
}

function readEvalSide(path: string): LoadedSide {
  const results = join(path, resultsFile);
  const record: unknown = JSON.parse(readFileSync(results, 'utf8'));
  const { name, weightFormat } = readModel(record, results);
  const file = join(path, itemsFile);
  const rows = [...readJsonLines<ItemEvidence>(file)];
  for (const [i, row] of rows.entries()) checkItem(row, `${file}, item ${i + 1}`);
  const items = new Map(rows.map((row) => [row.id, row]));
  const label = `${name} (${weightFormat})`;
  return { side: { path, label, model: name, weightFormat, items: items.size }, record, items };
}

function readModel(
  record: unknown,
  file: string,
): { readonly name: string; readonly weightFormat: string } {
  const { model } = Object(record) as { readonly model?: unknown };
  const { name, weightFormat } = Object(model) as Readonly<Record<string, unknown>>;
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
