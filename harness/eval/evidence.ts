// What came of each item of an evaluation, one JSON object a line, in the order in which they were answered; and the
// folder that keeps it, so that an interrupted evaluation goes on where it was.

import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, messageOf } from '../errors.js';
import { makeFolders } from '../new-folder.js';
import type { EvalItem } from './item.js';
import { readKept } from './kept-evidence.js';

/** A line of items.jsonl. */
export interface ItemEvidence {
  readonly id: string;
  readonly task: string;
  /** sha256 over what was asked, as digestItem makes it: 16 hex digits. */
  readonly prompt: string;
  /** Natural logarithms, one a request. */
  readonly logProbs?: readonly number[];
  /** Whether every token of a continuation was the most probable one. */
  readonly greedy?: readonly boolean[];
  readonly chosen?: number;
  readonly chosenNorm?: number;
  readonly answer?: number;
  /** What a log-probability is shared by. */
  readonly weights?: { readonly words?: number; readonly bytes?: number; readonly tokens?: number };
  /** What was generated, cut at the first stop string. */
  readonly text?: string;
  readonly answers?: Readonly<Record<string, string>>;
  /** 0 or 1 a metric. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What two evaluations must have in common for one to go on with the other. */
export interface EvalIdentity {
  readonly [name: string]: unknown;
}

const identityFile = 'settings.json';
const itemsFile = 'items.jsonl';

export class EvalFolder {
  readonly #items: string;

  private constructor(
    readonly path: string,
    /** What was kept before, by item. */
    readonly kept: ReadonlyMap<string, ItemEvidence>,
  ) {
    this.#items = join(path, itemsFile);
  }

  get resultsFile(): string {
    return join(this.path, 'results.json');
  }

  /**
   * Opens a folder for an evaluation, with what it holds of the same one.
   * @throws InputError where it holds another one and `fresh` is false, what is no answer to an item, or cannot be written.
   */
  static open(
    path: string,
    identity: EvalIdentity,
    items: readonly EvalItem[],
    fresh: boolean,
  ): EvalFolder {
    const digest = digestIdentity(identity);
    const refuse = (message: string) => new InputError([{ where: path, message }]);
    const marker = join(path, identityFile);
    try {
      if (fresh)
        for (const name of [identityFile, itemsFile]) rmSync(join(path, name), { force: true });
      makeFolders(path);
      const found = existsSync(marker) ? readMarker(marker) : null;
      if (found !== null && found.digest !== digest) {
        const changed = listChanges(found.identity, identity);
        throw refuse(
          `holds an evaluation with other settings (${changed}); allowed: the same command, another --output, or --fresh to begin anew`,
        );
      }
      if (found === null) {
        writeFileSync(join(path, itemsFile), '');
        writeFileSync(marker, `${JSON.stringify({ digest, identity }, null, 2)}\n`);
      }
      return new EvalFolder(path, readKept(join(path, itemsFile), items));
    } catch (error) {
      if (error instanceof InputError) throw error;
      throw refuse(`cannot be used: ${messageOf(error)}`);
    }
  }

  append(row: ItemEvidence): void {
    appendFileSync(this.#items, `${JSON.stringify(row)}\n`);
  }

  writeResults(record: object): void {
    writeFileSync(this.resultsFile, `${JSON.stringify(record, null, 2)}\n`);
  }
}

export function digestIdentity(identity: EvalIdentity): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

function readMarker(file: string): { readonly digest: string; readonly identity: EvalIdentity } {
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof value === 'object' && value !== null && 'digest' in value && 'identity' in value) {
    return value as { digest: string; identity: EvalIdentity };
  }
  throw new Error(`${identityFile} is none of an evaluation`);
}

/** Names of settings that differ. */
function listChanges(before: EvalIdentity, now: EvalIdentity): string {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const changed = names.filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]),
  );
  return changed.join(', ');
}
