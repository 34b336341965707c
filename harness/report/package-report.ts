// What a person reads at the end of `bench package`: which files were written, how large, and what to do next.

import type { PackageReport } from '../commands/package.js';
import { shorten } from '../config-files.js';

/** The whole text, last newline included. */
export function formatPackage({ tree, round, files, remarks }: PackageReport): string {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const where = shorten(tree);
  return [
    ...files.map(({ path, bytes }) => `${formatBytes(bytes).padStart(10)}  ${path}`),
    `${formatBytes(total).padStart(10)}  in ${files.length} files of ${where}`,
    '',
    ...remarks,
    'These logs were written by loadmark: what passes a checker is not an MLPerf result.',
    `Check it before anybody sees it: bench check ${where} --round ${round}`,
    '',
  ].join('\n');
}

export function formatTemplate(file: string, empty: readonly string[]): string {
  return [
    `${shorten(file)} describes this machine in 35 fields. Some are yours to fill ("N/A" where there is nothing to say;`,
    'status: available, preview or rdi; system_type: datacenter or edge):',
    ...empty.map((field) => `  ${field}`),
    'division and submitter are taken from the options where the file leaves them empty.',
    '',
  ].join('\n');
}

function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
