// Which answers of an earlier call count? Those to what is asked now, whose judgement follows from them: each line is judged
// anew from its log-probabilities or its text, so that no score stands on a line that was damaged or written by hand.

import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { InputError, messageOf } from '../errors.js';
import type { ItemEvidence } from './evidence.js';
import type { EvalItem } from './item.js';
import { digestItem } from './item-digest.js';
import { judgeText, judgeWeighed } from './judge.js';

/** A sum of rounded logarithms may lie this far above that of a certain text. */
const roundingRoom = 1e-6;

/**
 * The last line may have been cut off in the middle: it is taken away, and its item asked again. So is one whose prompt is
 * not what is asked now.
 * @throws InputError with file and line of what is no answer to an item of the evaluation.
 */
export function readKept(file: string, items: readonly EvalItem[]): Map<string, ItemEvidence> {
  const kept = new Map<string, ItemEvidence>();
  if (!existsSync(file)) return kept;
  const byId = new Map(items.map((item) => [item.id, item]));
  const text = readFileSync(file, 'utf8');
  const end = text.lastIndexOf('\n') + 1;
  if (end < text.length) truncateSync(file, Buffer.byteLength(text.slice(0, end)));
  for (const [at, line] of text.slice(0, end).split('\n').entries()) {
    if (line === '') continue;
    try {
      const row = readRow(line, byId);
      if (row !== null) kept.set(row.id, row);
    } catch (error) {
      const message = `${messageOf(error)}; or --fresh to begin anew`;
      throw new InputError([{ where: `${file}:${at + 1}`, message }]);
    }
  }
  return kept;
}

/** null where it answers another prompt. @throws Error with the sentence saying what is wrong. */
function readRow(line: string, byId: ReadonlyMap<string, EvalItem>): ItemEvidence | null {
  const row: unknown = JSON.parse(line);
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    throw new Error(`is ${shorten(row)}; allowed: one JSON object a line`);
  }
  const fields = row as Readonly<Record<string, unknown>>;
  const item = typeof fields.id === 'string' ? byId.get(fields.id) : undefined;
  if (item === undefined) {
    throw new Error(`id is ${shorten(fields.id)}; allowed: an item of this evaluation`);
  }
  if (typeof fields.prompt !== 'string') {
    throw new Error(`prompt is ${shorten(fields.prompt)}; allowed: a digest of 16 hex digits`);
  }
  if (fields.prompt !== digestItem(item)) return null;
  const judged = judgeAgain(item, fields);
  const names = new Set([...Object.keys(judged), ...Object.keys(fields)]);
  for (const name of names) {
    const wanted = judged[name as keyof ItemEvidence];
    if (isSame(fields[name], wanted)) continue;
    const allowed = wanted === undefined ? 'no such field' : shorten(wanted);
    throw new Error(
      `${name} of ${item.id} is ${shorten(fields[name])}; allowed: ${allowed}, which its answer comes to`,
    );
  }
  return judged;
}

function judgeAgain(item: EvalItem, fields: Readonly<Record<string, unknown>>): ItemEvidence {
  if (item.kind === 'generation') {
    const { text } = fields;
    if (typeof text === 'string') return judgeText(item, text, item.until);
    throw new Error(`text of ${item.id} is ${shorten(text)}; allowed: what was generated`);
  }
  const isChoice = item.kind === 'choice';
  const count = isChoice ? item.requests.length : 1;
  const logProbs = readList(fields.logProbs, count, isLogProb);
  if (logProbs === null) {
    throw new Error(
      `logProbs of ${item.id} is ${shorten(fields.logProbs)}; allowed: as many as ${count}, each up to 0`,
    );
  }
  const greedy = isChoice ? readList(fields.greedy, count, isFlag) : [false];
  if (greedy === null) {
    throw new Error(
      `greedy of ${item.id} is ${shorten(fields.greedy)}; allowed: as many as ${count}, each true or false`,
    );
  }
  return judgeWeighed(
    item,
    logProbs.map((logProb, at) => ({ logProb, isGreedy: greedy[at]! })),
  );
}

function readList<T>(value: unknown, count: number, isOne: (one: unknown) => one is T): T[] | null {
  return Array.isArray(value) && value.length === count && value.every(isOne) ? value : null;
}

function isLogProb(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) <= roundingRoom;
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

/** Both came from JSON.stringify, which keeps the order of fields. */
function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A value for a message, cut where it is long. */
function shorten(value: unknown): string {
  const text = value === undefined ? 'missing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
