// What a person reads from `bench package`: the files of the tree with their sizes, then what a check of it finds.

import type { CheckReport } from '../submission/check.js';
import type { WrittenFile } from '../submission/package-writer.js';
import { formatCheckReport } from './check-report.js';
import { alignColumns } from './columns.js';

export interface PackageReport {
  readonly schema: 'loadmark/package/1';
  readonly tree: string;
  readonly files: readonly WrittenFile[];
  readonly check: CheckReport;
}

/** The whole text, last newline included. */
export function formatPackageReport(
  { tree, files, check }: PackageReport,
  useColor: boolean,
): string {
  const rows = files.map(({ path, bytes }) => [path, `${bytes} bytes`]);
  const advice = 'In the MLPerf log format, written by loadmark: not an MLPerf result.';
  return `${tree}\n${alignColumns(rows)}\n\n${formatCheckReport(check, useColor)}${advice}\n`;
}
