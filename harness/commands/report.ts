// `bench report`: the page about a run, made anew from what the run left.

import { basename, dirname, extname, join } from 'node:path';
import { InputError } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { allEvidence, readRunEvidence, readRunRecord } from '../run-evidence.js';
import { writeRunPage } from '../run-report.js';
import type { Streams } from './run.js';

export interface ReportFlags {
  readonly output?: string;
}

/** Every run is read before the first page is written. */
export async function writeReports(
  runs: readonly string[],
  flags: ReportFlags,
  { stdout }: Streams,
): Promise<ExitCode> {
  const { output } = flags;
  if (output !== undefined) checkOutput(output, runs.length);
  const found = runs.map((run) => readRunRecord(run));
  for (const { record, file } of found) {
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
}

/** run.json -> report.html; another name keeps it, since its folder may hold many. */
function pageBeside(file: string): string {
  const name = basename(file);
  const page = name === 'run.json' ? 'report.html' : `${basename(file, extname(file))}.html`;
  return join(dirname(file), page);
}
