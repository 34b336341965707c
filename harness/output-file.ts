// A file that an option wants written: tried before any work, written after it.

import { closeSync, lstatSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Fault, InputError, messageOf, NotWrittenError } from './errors.js';

/**
 * Why no file can be written there, found by opening one, since permissions alone tell nothing to root or of /proc. Folders
 * above it are not made: a mistyped path would be one.
 * @param where the option that named it
 */
export function findFileFaults(path: string, where: string): Fault[] {
  const refuse = (why: string): Fault[] => [{ where, message: `"${path}" ${why}` }];
  const folder = dirname(path);
  const above = statSync(folder, { throwIfNoEntry: false });
  if (above?.isDirectory() !== true) {
    const lack = above === undefined ? 'does not exist' : 'is a file';
    return refuse(`lies in "${folder}", which ${lack}; allowed: a file in a folder that is there`);
  }
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    return refuse('is a folder; allowed: a file');
  }
  const isNew = lstatSync(path, { throwIfNoEntry: false }) === undefined;
  try {
    closeSync(openSync(path, 'a'));
    if (isNew) rmSync(path);
    return [];
  } catch (error) {
    return refuse(`cannot be written: ${messageOf(error)}`);
  }
}

/** @throws InputError where no file can be written there. */
export function checkOutputFile(path: string, where: string): void {
  const faults = findFileFaults(path, where);
  if (faults.length > 0) throw new InputError(faults);
}

/** @throws NotWrittenError when the file cannot be written after all. */
export function writeOutput(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new NotWrittenError(`"${file}" cannot be written: ${messageOf(error)}`);
  }
}
