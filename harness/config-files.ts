// Where configuration files lie, what they are called in messages, and their text.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { InputError, messageOf } from './errors.js';
import { suggestName } from './name-suggestion.js';
import { quote } from './setting-fields.js';

const maxFileBytes = 1 << 20;

/** The file of a run given by its name in configs/runs or by its path. */
export function findRunFile(nameOrFile: string, root: string): string {
  return findFile(nameOrFile, '--config', 'runs', root);
}

/** The file of a script given by its name in configs/scripts or by its path. */
export function findScriptFile(nameOrFile: string, where: string, root: string): string {
  return findFile(nameOrFile, where, 'scripts', root);
}

function findFile(nameOrFile: string, where: string, kind: string, root: string): string {
  const folder = join(root, 'configs', kind);
  const builtIn = join(folder, `${nameOrFile}.yaml`);
  for (const candidate of [resolve(nameOrFile), resolve(root, nameOrFile)]) {
    if (isFile(candidate)) return candidate;
  }
  if (!nameOrFile.includes('/') && isFile(builtIn)) return builtIn;
  const names = listNames(folder);
  throw new InputError([
    {
      where,
      message: `there is no file ${quote(nameOrFile)}; built in: ${names.join(', ')}${suggestName(basename(nameOrFile, '.yaml'), names)}`,
    },
  ]);
}

/** @throws InputError when the file cannot be read or is no configuration by its size. */
export function readText(file: string, where: string): string {
  const refuse = (message: string) => new InputError([{ where, message }]);
  try {
    const { size } = statSync(file);
    if (size > maxFileBytes) {
      throw refuse(`${file} has ${size} bytes; allowed: up to ${maxFileBytes}`);
    }
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw refuse(`${file} cannot be read: ${messageOf(error)}`);
  }
}

/** Names of the YAML files in a folder. */
export function listNames(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => basename(name, '.yaml'))
    .sort();
}

export function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch (error) {
    // A part of the path is a file.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw error;
  }
}

/** A file as messages name it: from here when it lies below, else in full. */
export function shorten(file: string): string {
  const fromHere = relative(process.cwd(), file);
  return fromHere === '' || fromHere.startsWith('..') ? file : fromHere;
}
