// Writes the page about a run into its folder: at the run's end from what is still open, later by `bench report`.

import { writePage } from './page-file.js';
import { formatRunPage } from './report/html/run/run-page.js';
import type { RunEvidence } from './run-evidence.js';

/** @throws InputError when the file cannot be written. */
export function writeRunPage(evidence: RunEvidence, file: string): void {
  writePage(formatRunPage(evidence), file);
}
