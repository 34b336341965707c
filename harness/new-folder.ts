// A folder that is not there yet, and those above it; or why nothing can be written there.

import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError, messageOf } from './errors.js';

/**
 * Level by level: node's own recursive form never returns where a file system refuses new folders (/proc).
 * @returns those that were made, the outermost first
 * @throws Error of the operating system where one cannot be made
 */
export function makeFolders(path: string): string[] {
  if (existsSync(path)) return [];
  const outer = makeFolders(dirname(path));
  mkdirSync(path);
  return [...outer, path];
}

/**
 * Before anything is started, a folder that its results can be written into: tried out by a folder in it, since
 * permissions alone tell nothing to root or of /proc.
 * @param where the option that named it
 * @returns those that were made, the outermost first
 * @throws InputError where it cannot be made or written into.
 */
export function openFolder(path: string, where: string): string[] {
  const refuse = (why: string) => new InputError([{ where, message: `"${path}" ${why}` }]);
  let made: string[];
  try {
    made = makeFolders(path);
  } catch (error) {
    throw refuse(`cannot be made: ${messageOf(error)}`);
  }
  if (!statSync(path).isDirectory())
    throw refuse('is a file; allowed: a folder, there already or not');
  try {
    const tried = join(path, `.loadmark-${process.pid}`);
    mkdirSync(tried);
    rmdirSync(tried);
  } catch (error) {
    throw refuse(`cannot be written into: ${messageOf(error)}`);
  }
  return made;
}

/** Takes back what was made, where nothing was put into it. */
export function discardFolders(made: readonly string[]): void {
  for (const folder of made.toReversed()) {
    if (readdirSync(folder).length > 0) return;
    rmdirSync(folder);
  }
}
