// What does a run.json say of its run? Reads the few fields that a check needs from a file that anybody may have edited.

import { readFileSync } from 'node:fs';
import { InputError, messageOf } from '../errors.js';
import { runSchema } from '../run-record.js';
import { type Finding, findError } from './finding.js';

export interface RunVerdict {
  readonly valid: boolean;
  readonly reasons: readonly string[];
  readonly scenario: string;
  /** Rows of the data set that the run used. */
  readonly samples: number | null;
  readonly missed: readonly MissedTarget[];
}

interface MissedTarget {
  readonly metric: string;
  readonly value: number | null;
  readonly least: number;
  readonly most: number | null;
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
  const missed = listOf(fieldsOf(run.accuracy).targets).flatMap(readMissed);
  return {
    valid,
    reasons,
    scenario,
    samples: typeof samples === 'number' ? samples : null,
    missed,
  };
}

function readMissed(target: unknown): MissedTarget[] {
  const { metric, value, threshold, upperThreshold, pass } = fieldsOf(target);
  if (pass === true || typeof metric !== 'string' || typeof threshold !== 'number') return [];
  const numberOf = (given: unknown) => (typeof given === 'number' ? given : null);
  return [{ metric, value: numberOf(value), least: threshold, most: numberOf(upperThreshold) }];
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
  for (const { metric, value, least, most } of run.missed) {
    const upper = most === null ? ' or more' : ` to ${shorten(most)}`;
    const required = `${metric} of ${shorten(least)}${upper}`;
    const why = 'The run missed its target.';
    findings.push(findError('below-target', { file }, { value, required, why }));
  }
  return findings;
}

function shorten(value: number): number {
  return Number(value.toPrecision(7));
}
