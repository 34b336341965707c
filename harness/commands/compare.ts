// `bench compare BASELINE CANDIDATE...`: runs -> what differs -> ratios and scores with their intervals -> a verdict, told
// top to bottom.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Comparison, compareSides } from '../compare/comparison.js';
import { readSides } from '../compare/side.js';
import type { CompareRequest } from '../compare-options.js';
import { InputError, messageOf } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { formatGateXml } from '../report/comparison-junit.js';
import { formatComparisonMarkdown } from '../report/comparison-markdown.js';
import { formatComparison } from '../report/comparison-summary.js';
import { formatComparisonPage } from '../report/html/compare/comparison-page.js';
import type { Streams } from './run.js';

export async function compareRuns(request: CompareRequest, streams: Streams): Promise<ExitCode> {
  const sides = readSides(request.paths);
  const { alpha, margins, gate, claims } = request;
  const comparison = compareSides(sides, { alpha, margins, gate, claims });
  const json = `${JSON.stringify(comparison, null, 2)}\n`;
  if (request.output !== null) {
    write(join(request.output, 'comparison.json'), json);
    write(join(request.output, 'comparison.md'), formatComparisonMarkdown(comparison));
    write(join(request.output, 'report.html'), formatComparisonPage(comparison));
  }
  if (request.markdown !== null) write(request.markdown, formatComparisonMarkdown(comparison));
  if (request.junit !== null) write(request.junit, formatGateXml(comparison));
  streams.stdout.write(request.json ? json : formatComparison(comparison));
  return judge(comparison);
}

/** What was shown decides: a regression that is merely possible fails nothing. */
function judge({ candidates }: Comparison): ExitCode {
  const isShown = candidates.some(
    ({ gate, claims }) =>
      gate.some(({ verdict }) => verdict === 'regression') || claims.some(({ holds }) => !holds),
  );
  if (isShown) return exitCodes.regression;
  const isComparable = candidates.every(({ comparability }) => comparability.speed);
  return isComparable ? exitCodes.ok : exitCodes.notComparable;
}

function write(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (error) {
    throw new InputError([{ where: file, message: `cannot be written: ${messageOf(error)}` }]);
  }
}
