// What does a run.json say of its run? Reads the few fields that a check needs from a file that anybody may have edited.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { generationKeys } from '../accuracy/index.js';
import { InputError, messageOf } from '../errors.js';
import { runSchema } from '../run-record.js';
import { parseAccuracyText } from './accuracy-text-file.js';
import { type Finding, findError } from './finding.js';
import { readText } from './result.js';
import { tellMissing } from './rules/file-rules.js';
import { scriptedSystems, tellSimulated } from './rules/simulation-rules.js';

export interface RunVerdict {
  readonly valid: boolean;
  readonly reasons: readonly string[];
  readonly scenario: string;
  /** Rows of the data set that the run used. */
  readonly samples: number | null;
  readonly missed: readonly MissedTarget[];
  /** Scores as the run noted them; null where it has none. */
  readonly scores: Readonly<Record<string, unknown>> | null;
  /** What of it was simulated; null where it measured. */
  readonly simulated: string | null;
}

interface MissedTarget {
  readonly metric: string;
  readonly value: number | null;
  readonly least: number;
  readonly most: number | null;
  /** The run says that it was met. */
  readonly isClaimed: boolean;
}

/** @throws InputError when the file is no record of a run. */
export function readRunVerdict(file: string): RunVerdict {
  const refuse = (message: string): never => {
    throw new InputError([{ where: file, message }]);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return refuse(`is not JSON: ${messageOf(error).replaceAll('\n', ' ')}`);
  }
  const run = fieldsOf(parsed);
  const { schema, valid, scenario } = run;
  if (schema !== runSchema) {
    return refuse(`has schema ${JSON.stringify(schema) ?? 'missing'}; allowed: "${runSchema}"`);
  }
  if (typeof valid !== 'boolean' || typeof scenario !== 'string') {
    return refuse('has no "valid" or no "scenario"; allowed: a file as bench run writes it');
  }
  const { samples } = fieldsOf(run.dataset);
  const reasons = listOf(run.invalidReasons).filter((reason) => typeof reason === 'string');
  const accuracy = fieldsOf(run.accuracy);
  const missed = listOf(accuracy.targets).flatMap(readMissed);
  const { kind } = fieldsOf(run.sut);
  const simulated = [
    run.clock === 'virtual' ? 'virtual clock' : null,
    scriptedSystems.some((name) => name === kind) ? `system under test ${String(kind)}` : null,
  ].filter((part) => part !== null);
  return {
    valid,
    reasons,
    scenario,
    samples: typeof samples === 'number' ? samples : null,
    missed,
    scores: accuracy.metrics === undefined ? null : fieldsOf(accuracy.metrics),
    simulated: simulated.length === 0 ? null : simulated.join(', '),
  };
}

/** What the run called itself counts for nothing: values are held against their limits. */
function readMissed(target: unknown): MissedTarget[] {
  const { metric, value, threshold, upperThreshold, pass } = fieldsOf(target);
  if (typeof metric !== 'string') return [];
  const numberOf = (given: unknown) => (typeof given === 'number' ? given : null);
  const [found, least, most] = [value, threshold, upperThreshold].map(numberOf) as [
    number | null,
    number | null,
    number | null,
  ];
  if (least === null) return [];
  const isMet = found !== null && found >= least && (most === null || found <= most);
  return isMet && pass === true
    ? []
    : [{ metric, value: found, least, most, isClaimed: pass === true }];
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** What the run said of itself at its end. */
export function checkVerdict(run: RunVerdict, file: string): Finding[] {
  const findings: Finding[] = [];
  if (!run.valid) {
    const value = `INVALID: ${run.reasons.join('; ')}`;
    const judgement = { value, required: 'a VALID run', why: 'An INVALID run is no result.' };
    findings.push(findError('invalid-result', { file }, judgement));
  }
  for (const { metric, value, least, most, isClaimed } of run.missed) {
    const upper = most === null ? ' or more' : ` to ${shorten(most)}`;
    const required = `${metric} of ${shorten(least)}${upper}`;
    const why = isClaimed
      ? 'The run missed its target, and says that it passed.'
      : 'The run missed its target.';
    findings.push(findError('below-target', { file }, { value, required, why }));
  }
  return run.simulated === null ? findings : [...findings, tellSimulated(file, run.simulated)];
}

/** accuracy.txt and run.json were written from the same scores. */
export function checkScores({ scores }: RunVerdict, file: string, textFile: string): Finding[] {
  const text = readText(textFile);
  if (scores === null || Object.keys(scores).length === 0) return [];
  if (text === null) return [tellMissing(textFile)];
  const read = parseAccuracyText(text).metrics;
  const share = /^accuracy=([\d.]+)%/m.exec(text)?.[1];
  return Object.entries(scores).flatMap(([name, score]): Finding[] => {
    const key = generationKeys.get(name) ?? name;
    // Multiple choice is printed with three decimals.
    const found = name === 'mmlu' ? Number(share) : read.get(key)?.[0]?.value;
    const slack = name === 'mmlu' ? 0.0006 : 1e-9 * Math.abs(Number(score));
    if (found !== undefined && Math.abs(found - Number(score)) <= slack) return [];
    const line = name === 'mmlu' ? null : (read.get(key)?.[0]?.line ?? null);
    const required = `${key} ${String(score)}, as in ${basename(file)}`;
    const why = 'One of the two was changed since the run wrote them.';
    const value = found === undefined || Number.isNaN(found) ? null : found;
    return [findError('unlike-scores', { file: textFile, line }, { value, required, why })];
  });
}

function shorten(value: number): number {
  return Number(value.toPrecision(7));
}
