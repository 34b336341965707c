// The folder around quantized weights: what goes into it besides them, and that it appears whole or not at all.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Fault, InputError, messageOf } from './errors.js';

/** What a tokenizer or a text generator may read beside the weights. */
const companionFiles =
  /^(tokenizer.*|special_tokens_map\.json|added_tokens\.json|generation_config\.json|vocab\..*|merges\.txt|chat_template\..*|LICENSE.*)$/;

const weightsFile = 'model.safetensors';
export const reportFile = 'quantize_report.json';

/** Why nothing may be put at `out`: to be asked before any work. */
export function findFolderFaults(out: string, source: string | null, force: boolean): Fault[] {
  const path = resolve(out);
  const refuse = (message: string): Fault[] => [
    { where: '--out', message: `${JSON.stringify(path)} ${message}` },
  ];
  const inside = (a: string, b: string) => a === b || a.startsWith(`${b}/`);
  if (source !== null && inside(resolve(source), path)) {
    return refuse('holds the checkpoint to quantize; allowed: another folder');
  }
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isDirectory()) return refuse('is a file; allowed: a folder');
  const names = readdirSync(path);
  if (names.length === 0) return [];
  if (!force) {
    return refuse(
      'is not empty; allowed: a new or empty folder, or --force to replace a checkpoint',
    );
  }
  return names.includes('config.json')
    ? []
    : refuse('holds files and no config.json; --force replaces the folder of a checkpoint only');
}

/** A folder under construction beside the one that is wanted. */
export class QuantizedFolder {
  readonly #target: string;
  readonly #draft: string;

  /** @throws InputError when it cannot be made. */
  constructor(out: string) {
    this.#target = resolve(out);
    this.#draft = `${this.#target}.partial-${process.pid}`;
    try {
      mkdirSync(dirname(this.#target), { recursive: true });
      mkdirSync(this.#draft);
    } catch (error) {
      const message = `${JSON.stringify(this.#draft)} cannot be made: ${messageOf(error)}`;
      throw new InputError([{ where: '--out', message }]);
    }
  }

  get weights(): string {
    return join(this.#draft, weightsFile);
  }

  /** The source's configuration with `quantization` in it, the same alone, and the tokenizer's files. */
  copyCompanions(source: string, quantization: object): void {
    const config: unknown = JSON.parse(readFileSync(join(source, 'config.json'), 'utf8'));
    this.writeJson('config.json', { ...(config as object), quantization_config: quantization });
    this.writeJson('quantize_config.json', quantization);
    for (const entry of readdirSync(source, { withFileTypes: true })) {
      if (!companionFiles.test(entry.name) || !statSync(join(source, entry.name)).isFile())
        continue;
      copyFileSync(join(source, entry.name), join(this.#draft, entry.name));
    }
  }

  writeJson(name: string, value: unknown): void {
    writeFileSync(join(this.#draft, name), `${JSON.stringify(value, null, 2)}\n`);
  }

  /** Puts the finished folder in the place of whatever findFolderFaults() allowed to be there. */
  publish(): string {
    const old = `${this.#target}.replaced-${process.pid}`;
    if (existsSync(this.#target)) renameSync(this.#target, old);
    renameSync(this.#draft, this.#target);
    rmSync(old, { recursive: true, force: true });
    return this.#target;
  }

  /** Removes what was not published; after publish() it changes nothing. */
  discard(): void {
    rmSync(this.#draft, { recursive: true, force: true });
  }
}

/** The last part of a path: a report is the same wherever the checkpoint lay. */
export function folderName(path: string): string {
  return basename(resolve(path));
}
