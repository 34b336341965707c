// Is a file only the note that Git LFS leaves in the place of a large one? A clone without LFS has these, and every reader
// would call them something else.

import { closeSync, openSync, readSync } from 'node:fs';
import { DatasetError, type DatasetErrorCode } from './error.js';

/** How every version of the form begins. (Source: git-lfs, docs/spec.md.) */
const opening = 'version https://git-lfs.github.com/spec/';
/** A pointer has less. */
const maxPointerBytes = 1024;

/**
 * A file that cannot be read is left to its reader.
 * @throws DatasetError of `code` where the file is a pointer, with the size of what it stands for.
 */
export function refuseLfsPointer(path: string, code: DatasetErrorCode): void {
  const text = readStart(path);
  if (!text.startsWith(opening)) return;
  const bytes = /^size (\d{1,15})$/m.exec(text)?.[1];
  const what = bytes === undefined ? 'the file' : `the file of ${bytes} bytes`;
  const message = `"${path}" is a Git LFS pointer and not ${what} that it stands for; to get that: git lfs pull in the clone, or bench pull`;
  throw new DatasetError(code, message);
}

function readStart(path: string): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const bytes = Buffer.alloc(maxPointerBytes);
    return bytes.toString('latin1', 0, readSync(file, bytes));
  } catch {
    return '';
  } finally {
    closeSync(file);
  }
}
