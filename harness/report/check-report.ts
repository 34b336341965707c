// What a person reads from `bench check`: the findings file by file, each with its value, the rule and the reason, and
// one line that says how it ended.

import { relative } from 'node:path';
import pc from 'picocolors';
import type { CheckReport } from '../submission/check.js';
import type { Finding } from '../submission/finding.js';

/** The whole text, last newline included. */
export function formatCheckReport(report: CheckReport, useColor: boolean): string {
  const colors = pc.createColors(useColor);
  const byFile = new Map<string, Finding[]>();
  for (const finding of report.findings) {
    byFile.set(finding.file, [...(byFile.get(finding.file) ?? []), finding]);
  }
  const lines = [...byFile].flatMap(([file, findings]) => [
    colors.bold(relative(report.folder, file) || '.'),
    ...findings.flatMap((finding) => formatFinding(finding, colors)),
    '',
  ]);
  const verdict = report.errors === 0 ? colors.green('OK') : colors.red('NOT OK');
  const chosen = { option: '', seeds: ' (by its seeds)', default: ' (no round by its seeds)' };
  const rules = `the rules of ${report.round}${chosen[report.roundBy]}`;
  const what = `${count(report.results.length, 'result')} by ${rules}`;
  const counts = `${count(report.errors, 'error')}, ${count(report.warnings, 'warning')}`;
  return `${[...lines, `${verdict}  ${what}: ${counts}`].join('\n')}\n`;
}

function formatFinding(finding: Finding, colors: ReturnType<typeof pc.createColors>): string[] {
  const { severity, rule, line, value, required, why } = finding;
  const name = severity === 'error' ? colors.red(severity) : colors.yellow(severity);
  const where = line === null ? '' : `, line ${line}`;
  return [
    `  ${name}  ${rule}${where}: ${value === null ? 'missing' : `is ${value}`}`,
    `         required: ${required}`,
    `         ${why}`,
  ];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
