// `bench compare BASELINE CANDIDATE...`: runs -> what differs -> ratios and scores with their intervals -> a verdict, told
// top to bottom.

import { join } from 'node:path';
import { type Comparison, compareSides } from '../compare/comparison.js';
import { compareEvals } from '../compare/eval-comparison.js';
import { isEvalFolder } from '../compare/eval-side.js';
import type { GateResult } from '../compare/gate.js';
import { type Compared, refuseStrangers } from '../compare/gate-rule.js';
import { addPrompts } from '../compare/prompts.js';
import { readSides } from '../compare/side.js';
import type { CompareRequest } from '../compare-options.js';
import { InputError } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { discardFolders, openFolder } from '../new-folder.js';
import { writeOutput } from '../output-file.js';
import { formatGateXml, type GateSuite } from '../report/comparison-junit.js';
import { formatComparisonMarkdown } from '../report/comparison-markdown.js';
import { formatComparison } from '../report/comparison-summary.js';
import { formatEvalMarkdown } from '../report/eval-comparison-markdown.js';
import { formatEvalComparison } from '../report/eval-comparison-summary.js';
import { formatComparisonPage } from '../report/html/compare/comparison-page.js';
import { formatEvalComparisonPage } from '../report/html/compare/eval-comparison-page.js';
import type { Streams } from './run.js';

export async function compare(request: CompareRequest, streams: Streams): Promise<ExitCode> {
  const { paths, output } = request;
  const made = output === null ? [] : openFolder(output, '--output');
  try {
    return paths.some(isEvalFolder)
      ? compareEvaluations(request, streams)
      : await compareRuns(request, streams);
  } catch (error) {
    discardFolders(made);
    throw error;
  }
}

async function compareRuns(request: CompareRequest, streams: Streams): Promise<ExitCode> {
  checkNames(request, 'runs');
  const sides = readSides(request.paths);
  const { alpha, margins, gate, claims } = request;
  const compared = compareSides(sides, { alpha, margins, gate, claims });
  const comparison = await addPrompts(compared, sides);
  tell(request, streams, {
    json: `${JSON.stringify(comparison, null, 2)}\n`,
    text: () => formatComparison(comparison),
    markdown: () => formatComparisonMarkdown(comparison),
    page: () => formatComparisonPage(comparison),
    suites: comparison.candidates.map(({ comparability, ...one }) => {
      return { ...one, notComparable: comparability.speed ? [] : comparability.reasons };
    }),
  });
  return judge(comparison);
}

function compareEvaluations(request: CompareRequest, streams: Streams): ExitCode {
  const { paths, margins, alpha, gate, claims } = request;
  const stranger = paths.find((path) => !isEvalFolder(path));
  const refuse = (message: string) => new InputError([{ where: 'bench compare', message }]);
  if (stranger !== undefined) {
    throw refuse(`"${stranger}" is no evaluation; allowed: evaluations alone, or runs alone`);
  }
  if (claims.length > 0) {
    throw refuse('--claim is of speed, which evaluations have none of; allowed: --gate, --margin');
  }
  checkNames(request, 'evaluations');
  const comparison = compareEvals(paths, { margins, alpha, gate });
  const suites = comparison.candidates.map((one): GateSuite => {
    const { label, absentBecause, refused } = one;
    const reasons = refused.map(({ reason }) => reason);
    const notComparable = absentBecause === null ? reasons : [absentBecause];
    return { label, gate: one.gate, claims: [], notComparable };
  });
  tell(request, streams, {
    json: `${JSON.stringify(comparison, null, 2)}\n`,
    text: () => formatEvalComparison(comparison),
    markdown: () => formatEvalMarkdown(comparison),
    page: () => formatEvalComparisonPage(comparison),
    suites,
  });
  if (suites.some(({ gate: judged }) => judged.some(isRegression))) return exitCodes.regression;
  const isComparable = suites.every(({ notComparable }) => notComparable.length === 0);
  return isComparable ? exitCodes.ok : exitCodes.notComparable;
}

/** @throws InputError with every name that such folders have nothing of */
function checkNames({ gate, margins }: CompareRequest, compared: Compared): void {
  const ruled = gate.map(({ name }) => name);
  refuseStrangers(
    [
      ['--gate', ruled],
      ['--margin', [...margins.keys()]],
    ],
    compared,
  );
}

interface Told {
  readonly json: string;
  readonly text: () => string;
  readonly markdown: () => string;
  readonly page: () => string;
  readonly suites: readonly GateSuite[];
}

function tell(
  { output, markdown, junit, json }: CompareRequest,
  { stdout }: Streams,
  told: Told,
): void {
  if (output !== null) {
    writeOutput(join(output, 'comparison.json'), told.json);
    writeOutput(join(output, 'comparison.md'), told.markdown());
    writeOutput(join(output, 'report.html'), told.page());
  }
  if (markdown !== null) writeOutput(markdown, told.markdown());
  if (junit !== null) writeOutput(junit, formatGateXml(told.suites));
  stdout.write(json ? told.json : told.text());
}

function isRegression({ verdict }: GateResult): boolean {
  return verdict === 'regression';
}

/** What was shown decides: a regression that is merely possible, or a claim that nothing tells of, fails nothing. */
function judge({ candidates }: Comparison): ExitCode {
  const isShown = candidates.some(
    ({ gate, claims }) =>
      gate.some(isRegression) || claims.some(({ verdict }) => verdict === 'does not follow'),
  );
  if (isShown) return exitCodes.regression;
  const isComparable = candidates.every(({ comparability }) => comparability.speed);
  return isComparable ? exitCodes.ok : exitCodes.notComparable;
}
