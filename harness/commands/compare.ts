// `bench compare BASELINE CANDIDATE...`: runs -> what differs -> ratios and scores with their intervals -> a verdict, told
// top to bottom.

import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Comparison, compareSides } from '../compare/comparison.js';
import { compareEvals, isEvalFolder } from '../compare/eval-comparison.js';
import { addPrompts } from '../compare/prompts.js';
import { readSides } from '../compare/side.js';
import type { CompareRequest } from '../compare-options.js';
import { InputError, messageOf, NotWrittenError } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { makeFolders } from '../new-folder.js';
import { formatGateXml } from '../report/comparison-junit.js';
import { formatComparisonMarkdown } from '../report/comparison-markdown.js';
import { formatComparison } from '../report/comparison-summary.js';
import { formatEvalComparison } from '../report/eval-comparison-summary.js';
import { formatComparisonPage } from '../report/html/compare/comparison-page.js';
import type { Streams } from './run.js';

export async function compareRuns(request: CompareRequest, streams: Streams): Promise<ExitCode> {
  if (request.paths.some(isEvalFolder)) return compareEvaluations(request, streams);
  const sides = readSides(request.paths);
  const { alpha, margins, gate, claims } = request;
  const compared = compareSides(sides, { alpha, margins, gate, claims });
  const comparison = await addPrompts(compared, sides);
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

function compareEvaluations(request: CompareRequest, streams: Streams): ExitCode {
  const { paths, margins, alpha, gate, claims, output, markdown, junit, json } = request;
  const [baseline, candidate, ...more] = paths;
  const stranger = paths.find((path) => !isEvalFolder(path));
  const refuse = (message: string) => new InputError([{ where: 'bench compare', message }]);
  if (stranger !== undefined) {
    throw refuse(`"${stranger}" is no evaluation; allowed: evaluations alone, or runs alone`);
  }
  if (more.length > 0) throw refuse(`there are ${paths.length} evaluations; allowed: two`);
  if (gate.length + claims.length > 0 || markdown !== null || junit !== null) {
    throw refuse('two evaluations take --margin, --alpha, --output and --json; allowed: no other');
  }
  const comparison = compareEvals([baseline!, candidate!], { margins, alpha });
  const text = `${JSON.stringify(comparison, null, 2)}\n`;
  if (output !== null) write(join(output, 'comparison.json'), text);
  streams.stdout.write(json ? text : formatEvalComparison(comparison));
  return exitCodes.ok;
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
    makeFolders(dirname(file));
    writeFileSync(file, text);
  } catch (error) {
    throw new NotWrittenError(`"${file}" cannot be written: ${messageOf(error)}`);
  }
}
