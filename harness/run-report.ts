// Writes the page about a run into its folder: at the run's end from what is still open, later by `bench report`.

import { writeFileSync } from 'node:fs';
import { InputError, messageOf } from './errors.js';
import { formatRunPage } from './report/html/run/run-page.js';
import type { RunEvidence } from './run-evidence.js';

/** @throws InputError when the file cannot be written. */
export function writeRunPage(evidence: RunEvidence, file: string): void {
  const text = formatRunPage(evidence);
  try {
    writeFileSync(file, text);
  } catch (error) {
    const message = `"${file}" cannot be written: ${messageOf(error)}`;
    throw new InputError([{ where: 'report', message }]);
  }
}
