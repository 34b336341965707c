// `bench report`: the page about a run, a ladder, a sweep or a comparison, made anew from what it left.

import { basename, dirname, extname, join } from 'node:path';
import { InputError } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { checkOutputFile } from '../output-file.js';
import { writePage } from '../page-file.js';
import { formatRecordPage } from '../record-page.js';
import { allEvidence, readRunEvidence, readRunRecord } from '../run-evidence.js';
import { writeRunPage } from '../run-report.js';
import type { Streams } from './run.js';

export interface ReportFlags {
  readonly output?: string;
}

/** Every record is read before the first page is written. */
export async function writeReports(
  runs: readonly string[],
  flags: ReportFlags,
  { stdout }: Streams,
): Promise<ExitCode> {
  const { output } = flags;
  if (output !== undefined) checkOutput(output, runs.length);
  const found = runs.map((run) => formatRecordPage(run) ?? readRunRecord(run));
  for (const one of found) {
    if ('text' in one) {
      const page = output ?? join(dirname(one.file), 'report.html');
      writePage(one.text, page);
      stdout.write(`${page}\n`);
      continue;
    }
    const { record, file } = one;
    const evidence = await readRunEvidence(record, file, allEvidence);
    const page = output ?? pageBeside(file);
    writeRunPage(evidence, page);
    const lacks = evidence.missing.map((what) => `  without ${what}\n`).join('');
    stdout.write(`${page}\n${lacks}`);
  }
  return exitCodes.ok;
}

function checkOutput(output: string, runs: number): void {
  const refuse = (message: string) => new InputError([{ where: '--output', message }]);
  if (runs > 1) throw refuse(`names one page, and there are ${runs} runs; allowed: a single run`);
  if (extname(output) !== '.html') throw refuse(`is "${output}"; allowed: a file *.html`);
  checkOutputFile(output, '--output');
}

/** run.json -> report.html; another name keeps it, since its folder may hold many. */
function pageBeside(file: string): string {
  const name = basename(file);
  const page = name === 'run.json' ? 'report.html' : `${basename(file, extname(file))}.html`;
  return join(dirname(file), page);
}
