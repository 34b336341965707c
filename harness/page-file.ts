// A page on the disk.

import { writeFileSync } from 'node:fs';
import { InputError, messageOf } from './errors.js';

/** @throws InputError when the file cannot be written. */
export function writePage(text: string, file: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    const message = `"${file}" cannot be written: ${messageOf(error)}`;
    throw new InputError([{ where: 'report', message }]);
  }
}
