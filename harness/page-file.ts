// A page on the disk.

import { writeFileSync } from 'node:fs';
import { messageOf, NotWrittenError } from './errors.js';

/** @throws NotWrittenError when the file cannot be written. */
export function writePage(text: string, file: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new NotWrittenError(`report: "${file}" cannot be written: ${messageOf(error)}`);
  }
}
