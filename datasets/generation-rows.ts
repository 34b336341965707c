// Which rows does a file of questions and answers have? Collects them from whatever reads the file, under field names
// that the caller maps or that the file's form tells, and notes every place that is no row.

import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';
import type { Dataset, FileSource, GenerationSample, Split } from './dataset.js';
import { DatasetError, type RowFault } from './error.js';
import { isTokenId, maxTokenId, NumpyArray } from './numpy-pickle.js';
import { ownForm, type RowForm, recognizeForm } from './row-form.js';
import { findLoneSurrogate } from './text-fault.js';

/** Which field of a row holds what. null: the field that the file's form has for it, or the one of the same name. */
export interface FieldMap {
  /** A text or a number, different in every row; rows without one are called row-0, row-1, ... in the file's order. */
  readonly id: string | null;
  /** May be left out where there are tokens. */
  readonly prompt: string | null;
  readonly reference: string | null;
  /** The prompt's token ids, BOS included where the model wants one: read as they are instead of the prompt. */
  readonly tokens: string | null;
}

export const ownFieldNames: FieldMap = { id: null, prompt: null, reference: null, tokens: null };

/** Where a row stands: a line of a text, or a row of a table. */
export type RowPlace = Pick<RowFault, 'line' | 'column' | 'row'>;

/** A row that is none: the message says why. */
export class RowError extends Error {
  constructor(
    message: string,
    readonly place: RowPlace = {},
  ) {
    super(message);
  }
}

export type RowRecord = Readonly<Record<string, unknown>>;

/** Turns records into samples, and remembers what was wrong with those that are none. */
export class GenerationRows {
  readonly samples: GenerationSample[] = [];
  readonly faults: RowFault[] = [];
  readonly #fields: FieldMap;
  readonly #placeOfId = new Map<string, string>();
  /** Token lists of a pickle may be the same object in many rows: each is converted once. */
  readonly #tokensOf = new WeakMap<object, Int32Array>();
  #form: RowForm | null = null;
  #count = 0;

  constructor(fields: FieldMap) {
    this.#fields = fields;
  }

  /** Which of a table's columns are read, and as what, where all rows have the same. */
  columnsOf(names: readonly string[]): Map<string, 'id' | 'text' | 'tokens'> {
    const form = this.#recognize(names);
    const columns = new Map<string, 'id' | 'text' | 'tokens'>();
    const add = (name: string, type: 'id' | 'text' | 'tokens') => {
      if (names.includes(name)) columns.set(name, type);
    };
    for (const part of this.#fields.prompt === null ? form.promptParts : []) add(part, 'text');
    for (const role of ['id', 'prompt', 'reference', 'tokens'] as const) {
      const name = this.#nameOf(role);
      if (this.#fields[role] !== null && !names.includes(name)) throw this.#missing(name, names);
      add(name, role === 'id' || role === 'tokens' ? role : 'text');
    }
    return columns;
  }

  add(read: () => RowRecord | null, place: RowPlace): void {
    try {
      const record = read();
      if (record === null) return;
      this.#count++;
      this.samples.push(this.#readRow(record, place));
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      this.faults.push({ ...place, ...error.place, message: error.message });
    }
  }

  /** @throws DatasetError 'dataset-malformed' with every fault, or where there is no row. */
  finish(path: string, split: Split, total: string, source?: FileSource): Dataset {
    if (this.faults.length > 0) {
      const message = `"${path}" is not usable: ${this.faults.length} of ${total} are wrong`;
      throw new DatasetError('dataset-malformed', message, this.faults);
    }
    if (this.samples.length === 0) {
      const message = 'the file holds no row';
      throw new DatasetError('dataset-malformed', `"${path}" is not usable: ${message}`, [
        { message },
      ]);
    }
    return openSamples(path, split, this.samples, source);
  }

  #recognize(names: readonly string[]): RowForm {
    this.#form ??= recognizeForm(names);
    return this.#form;
  }

  #readRow(record: RowRecord, place: RowPlace): GenerationSample {
    const form = this.#recognize(Object.keys(record));
    const find = (role: keyof FieldMap): unknown => {
      const name = this.#nameOf(role);
      if (Object.hasOwn(record, name)) return record[name];
      if (this.#fields[role] === null) return undefined;
      throw this.#missing(name, Object.keys(record));
    };
    const id = this.#readId(find('id'), place);
    const promptTokens = this.#readTokens(find('tokens'));
    const given = this.#fields.prompt === null ? form.prompt(record) : find('prompt');
    const isImplied = given === undefined && promptTokens !== undefined;
    const prompt = isImplied ? '' : readText(given, this.#nameOf('prompt'));
    if (promptTokens === undefined && prompt.trim() === '') {
      const shown = prompt === '' ? 'empty' : shorten(prompt);
      throw new RowError(
        `${this.#nameOf('prompt')} is ${shown}; allowed: a text that asks something`,
      );
    }
    const reference = readText(find('reference'), this.#nameOf('reference'));
    const row = { kind: 'generation', id, prompt, reference } as const;
    if (promptTokens !== undefined) return { ...row, promptTokens };
    return form.maxPromptTokens === null ? row : { ...row, maxPromptTokens: form.maxPromptTokens };
  }

  #missing(name: string, names: readonly string[]): RowError {
    return new RowError(`has no field "${name}"; it has ${names.join(', ')}`);
  }

  #nameOf(role: keyof FieldMap): string {
    return this.#fields[role] ?? (this.#form ?? ownForm).names[role];
  }

  #readId(value: unknown, place: RowPlace): string {
    const name = this.#nameOf('id');
    const isName = (typeof value === 'string' && value !== '') || Number.isFinite(value);
    if (value !== undefined && !isName) {
      const allowed = 'a text that is not empty, or a number';
      throw new RowError(`${name} is ${shorten(value)}; allowed: ${allowed}`);
    }
    const id = value === undefined ? `row-${this.#count - 1}` : String(value);
    const earlier = this.#placeOfId.get(id);
    if (earlier !== undefined) throw new RowError(`${name} is "${id}", as ${earlier}`);
    const { line, row } = place;
    this.#placeOfId.set(id, line === undefined ? `in row ${row}` : `on line ${line}`);
    return id;
  }

  #readTokens(value: unknown): Int32Array | undefined {
    if (value === undefined || value instanceof Int32Array) return value;
    if (typeof value !== 'object' || value === null) return this.#refuseTokens(value);
    const known = this.#tokensOf.get(value);
    if (known !== undefined) return known;
    const tokens = value instanceof NumpyArray ? value.tokens() : tokensOfList(value);
    if (tokens === null || tokens.length === 0) return this.#refuseTokens(value);
    this.#tokensOf.set(value, tokens);
    return tokens;
  }

  #refuseTokens(value: unknown): never {
    const list = value instanceof NumpyArray ? value.values() : value;
    const isWrong = (id: unknown) => !isTokenId(id);
    const wrong = Array.isArray(list) ? list.find(isWrong) : undefined;
    const shown = wrong === undefined ? shorten(list) : `a list with ${shorten(wrong)}`;
    throw new RowError(
      `${this.#nameOf('tokens')} is ${shown}; allowed: a list of whole numbers from 0 to ${maxTokenId}`,
    );
  }
}

function tokensOfList(value: object): Int32Array | null {
  if (!Array.isArray(value)) return null;
  const tokens = new Int32Array(value.length);
  for (let i = 0; i < tokens.length; i++) {
    const id: unknown = value[i];
    if (!isTokenId(id)) return null;
    tokens[i] = id;
  }
  return tokens;
}

function readText(value: unknown, name: string): string {
  if (typeof value === 'string') {
    const fault = findLoneSurrogate(value);
    if (fault !== null) throw new RowError(`${name} ${fault}`);
    return value;
  }
  const shown = value === undefined ? 'missing' : shorten(value);
  throw new RowError(`${name} is ${shown}; allowed: a text`);
}

/** A value as a message shows it: lists in lists are not followed, since a pickle's may hold each other. */
function shorten(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map || value instanceof Set) return `a dict or set of ${value.size}`;
  if (value instanceof NumpyArray) return `an array of shape ${value.shape.join(' x ')}`;
  const isFlat = !Array.isArray(value) || !value.some((item) => typeof item === 'object');
  if (!isFlat) return `a list of ${(value as unknown[]).length} that holds lists`;
  const short = Array.isArray(value) ? value.slice(0, 20).map(plainItem) : value;
  const text = JSON.stringify(short) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function plainItem(item: unknown): unknown {
  return typeof item === 'bigint' ? String(item) : item;
}

/** @throws DatasetError 'unknown-split' */
export function checkFileSplit(path: string, split: Split, kind: string): void {
  if (split === 'test') return;
  const message = `"${path}" has no split "${split}"; ${kind} has one: test`;
  throw new DatasetError('unknown-split', message);
}

function openSamples(
  path: string,
  split: Split,
  samples: readonly GenerationSample[],
  source?: FileSource,
): Dataset {
  const sample = (index: number): GenerationSample => {
    const row = samples[index];
    if (row === undefined) {
      throw new RangeError(`"${path}" has no row ${index}; allowed: 0 to ${samples.length - 1}`);
    }
    return row;
  };
  const digest = (): string => {
    const hash = createHash('sha256');
    for (const { id, prompt, reference, promptTokens } of samples) {
      const tokens = promptTokens === undefined ? [] : [Array.from(promptTokens)];
      hash.update(JSON.stringify([id, prompt, reference, ...tokens]));
    }
    return hash.digest('hex');
  };
  const name = basename(path).replace(/\.(jsonl|json|parquet|pkl|pkl\.gz)$/, '');
  const { length } = samples;
  const common = { name, path: resolve(path), split, kind: 'generation', length } as const;
  return { ...common, sample, digest, ...(source === undefined ? {} : { source }) };
}
