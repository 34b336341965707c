// Which texts does a quantizer look at? Rows of questions and answers, together as a model meets them in a run, or windows
// of a plain text as GPTQ's authors cut them; and where each came from, so that a reader can tell what has been seen.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import {
  type Dataset,
  type FieldMap,
  loadDataset,
  openWikitext,
  refuseLfsPointer,
  type Sample,
  type Tokenizer,
} from '../datasets/index.js';
import { findEvaluationSplit, remarkOnName } from './calibration-provenance.js';
import { InputError } from './errors.js';
import { PythonRandom } from './eval/python-random.js';

export interface CalibrationTexts {
  readonly sequences: readonly Int32Array[];
  /** What was taken from where. */
  readonly sources: readonly CalibrationSource[];
}

export interface CalibrationSource {
  /** The dataset's name, or the file's without its folder. */
  readonly dataset: string;
  /** Of the file's bytes; null where rows are generated. */
  readonly sha256: string | null;
  /** sha256 over what was read of it: every row's fields, or the text. */
  readonly digest: string;
  readonly samples: number;
  readonly tokens: number;
  /** Row numbers in the order they were read; only of questions and answers. */
  readonly rows?: readonly number[];
  /** Only of a plain text: windows of so many tokens, beginning at these tokens of it. */
  readonly windows?: {
    readonly tokens: number;
    readonly seed: number;
    readonly starts: readonly number[];
  };
  /** What a reader of scores must know; null: nothing. */
  readonly remark: string | null;
}

/** Where one share of the texts comes from. */
export type CalibrationOrigin =
  /** A name of the list, or a file of rows. */
  | { readonly kind: 'rows'; readonly name: string; readonly path: string }
  | { readonly kind: 'text'; readonly name: string; readonly path: string }
  /** wikitext's train split in this folder, its rows joined by two line breaks. */
  | { readonly kind: 'wikitext'; readonly name: string; readonly path: string };

export interface CalibrationTerms {
  readonly samples: number;
  /** Longer rows are cut. */
  readonly maxTokens: number;
  readonly windowTokens: number;
  readonly seed: number;
  readonly fields: FieldMap;
  /** Texts of a known evaluation are taken, with a remark. */
  readonly allowEvaluation: boolean;
}

/** How many texts each origin gives: an even share, the first ones one more where it does not come out even. */
export function shareSamples(samples: number, origins: number): number[] {
  return Array.from(
    { length: origins },
    (_, i) => Math.floor(samples / origins) + (i < samples % origins ? 1 : 0),
  );
}

/**
 * @throws InputError when an origin has fewer texts than its share, or is an evaluation's; DatasetError where it cannot be
 * read.
 */
export async function readCalibrationTexts(
  origins: readonly CalibrationOrigin[],
  tokenizer: Tokenizer,
  terms: CalibrationTerms,
): Promise<CalibrationTexts> {
  const shares = shareSamples(terms.samples, origins.length);
  const sequences: Int32Array[] = [];
  const sources: CalibrationSource[] = [];
  for (const [i, origin] of origins.entries()) {
    const read = origin.kind === 'rows' ? readRows : readWindows;
    const { source, texts } = await read(origin, shares[i]!, tokenizer, terms);
    for (const text of texts) sequences.push(text);
    sources.push(source);
  }
  return { sequences, sources };
}

interface Share {
  readonly source: CalibrationSource;
  readonly texts: readonly Int32Array[];
}

/** Picked by a hash of their place: the same rows everywhere, and no pattern of the dataset's order in them. */
async function readRows(
  { name, path }: CalibrationOrigin,
  share: number,
  tokenizer: Tokenizer,
  { fields, maxTokens, allowEvaluation }: CalibrationTerms,
): Promise<Share> {
  const dataset = await loadRows(path, fields);
  const sha256 = dataset.source?.sha256 ?? null;
  const remark = admit(name, { sha256 }, allowEvaluation);
  if (share > dataset.length) {
    const what = sha256 === null ? 'its calibration split' : 'all it has';
    throw refuse(
      '--samples',
      `samples asks ${share} rows of ${name}; allowed: up to ${dataset.length}, ${what}`,
    );
  }
  const rows = pickRows(basename(name), dataset.length, share);
  const texts = rows.map((row) => encode(dataset.sample(row), tokenizer, maxTokens));
  const digest = dataset.digest();
  return {
    texts,
    source: { dataset: basename(name), sha256, digest, ...count(texts), rows, remark },
  };
}

/** A file has no splits: it is what its owner says it is, and admit() judges what that may be. */
function loadRows(path: string, fields: FieldMap): Promise<Dataset> {
  return loadDataset(path, path.includes('.') ? 'test' : 'calibration', fields);
}

function pickRows(name: string, length: number, share: number): number[] {
  const keyed = Array.from({ length }, (_, row) => ({
    row,
    key: createHash('sha256').update(`${name} ${row}`).digest('hex'),
  }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  return keyed.slice(0, share).map(({ row }) => row);
}

/** BOS, prompt, answer, EOS; cut to `maxTokens`. Prompt and answer apart, as prompt and generated tokens are in a run. */
function encode(sample: Sample, tokenizer: Tokenizer, maxTokens: number): Int32Array {
  const answer = sample.kind === 'choice' ? sample.choices[sample.answer]! : sample.reference;
  const bos = tokenizer.bosId === null ? [] : [tokenizer.bosId];
  const given = sample.kind === 'generation' ? sample.promptTokens : undefined;
  const tokens = [
    ...(given ?? [...bos, ...tokenizer.encode(sample.prompt)]),
    ...tokenizer.encode(answer),
    tokenizer.eosId,
  ];
  return Int32Array.from(tokens.slice(0, maxTokens));
}

/**
 * The whole text in tokens, BOS once at its head, and windows that begin where Python's random.Random(seed).randint draws
 * them: the loaders of GPTQ's own code.
 */
async function readWindows(
  { kind, name, path }: CalibrationOrigin,
  share: number,
  tokenizer: Tokenizer,
  { windowTokens, seed, allowEvaluation }: CalibrationTerms,
): Promise<Share> {
  const { text, sha256 } = kind === 'wikitext' ? await readWikitext(path) : readText(path);
  const remark = admit(
    kind === 'wikitext' ? name : resolve(path),
    { sha256, text },
    allowEvaluation,
  );
  const bos = tokenizer.bosId === null ? [] : [tokenizer.bosId];
  const plain = tokenizer.encode(text);
  const tokens = new Int32Array(bos.length + plain.length);
  tokens.set(bos);
  tokens.set(plain, bos.length);
  if (tokens.length <= windowTokens) {
    throw refuse(
      '--window-tokens',
      `${name} has ${tokens.length} tokens; allowed: more than one window of ${windowTokens}`,
    );
  }
  const random = new PythonRandom(seed);
  const starts = Array.from({ length: share }, () => random.below(tokens.length - windowTokens));
  const texts = starts.map((start) => tokens.slice(start, start + windowTokens));
  const digest = createHash('sha256').update(text).digest('hex');
  const windows = { tokens: windowTokens, seed, starts };
  return {
    texts,
    source: { dataset: basename(name), sha256, digest, ...count(texts), windows, remark },
  };
}

async function readWikitext(folder: string): Promise<{ text: string; sha256: string }> {
  const { files, rows } = await openWikitext(folder, 'train');
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  return { text: rows.join('\n\n'), sha256: hash.digest('hex') };
}

/** @throws InputError where it is not UTF-8, DatasetError where it is a Git LFS pointer. */
function readText(path: string): { text: string; sha256: string } {
  refuseLfsPointer(path, 'dataset-malformed');
  const bytes = readFileSync(path);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text, sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch {
    throw refuse('--calibration', `${path} is not UTF-8`);
  }
}

function refuse(where: string, message: string): InputError {
  return new InputError([{ where, message }]);
}

function count(texts: readonly Int32Array[]): { samples: number; tokens: number } {
  return { samples: texts.length, tokens: texts.reduce((sum, { length }) => sum + length, 0) };
}

/** The remark that goes with it. @throws InputError where it must not be looked at. */
function admit(
  name: string,
  evidence: { readonly sha256: string | null; readonly text?: string },
  allowEvaluation: boolean,
): string | null {
  const evaluation = findEvaluationSplit({ name, ...evidence });
  if (evaluation === null) return evidence.sha256 === null ? null : remarkOnName(name);
  if (!allowEvaluation) {
    throw refuse(
      '--calibration',
      `${name} holds ${evaluation}: a model calibrated on it would be scored on what it has seen; allowed: another split, or --allow-evaluation-data`,
    );
  }
  return `calibrated on ${evaluation}: its scores there say nothing of other texts`;
}
