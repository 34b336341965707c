// Can the audit that was asked for be held, and by which ends of sequence? Told before anything starts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatasetError, loadTokenizer } from '../../datasets/index.js';
import type { RunConfig } from '../config.js';
import { type Fault, InputError } from '../errors.js';
import type { AuditTest } from '../mlperf-config.js';

export interface AuditPlan {
  readonly test: AuditTest;
  readonly eosIds: readonly number[];
}

/**
 * null where the run asks for no audit.
 * @throws InputError when the answers are not made of tokens, or nothing tells how they end.
 */
export async function planAudit(
  { mlperf, model, dataset }: RunConfig,
  kind: 'generation' | 'choice',
): Promise<AuditPlan | null> {
  const { audit: test, auditEos } = mlperf;
  if (test === 'none') return null;
  const faults: Fault[] = [];
  if (kind !== 'generation') {
    const message = `${test} compares tokens, and the answers of ${dataset} are choices; allowed: a dataset answered with text`;
    faults.push({ where: '--audit', message });
  }
  const given = auditEos?.split(',').map(Number) ?? [];
  const eosIds = given.length > 0 ? given : await readEosIds(model.folder);
  if (eosIds.length === 0) {
    const message = `no file in ${model.folder} tells which tokens end a sequence; wanted: their ids, such as --audit-eos 2`;
    faults.push({ where: '--audit', message });
  }
  if (faults.length > 0) throw new InputError(faults);
  return { test, eosIds };
}

/** All ids that the model's files call the end of a sequence, in ascending order. */
export async function readEosIds(folder: string): Promise<number[]> {
  const ids = ['generation_config.json', 'config.json'].flatMap((name) =>
    readListedIds(join(folder, name)),
  );
  try {
    ids.push((await loadTokenizer(folder)).eosId);
  } catch (error) {
    // A model without a tokenizer may still name its ends elsewhere.
    if (!(error instanceof DatasetError)) throw error;
  }
  return [...new Set(ids)].sort((a, b) => a - b);
}

/** `eos_token_id` is a number or a list of them; a file that is missing or something else names none. */
function readListedIds(file: string): number[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
  const listed =
    typeof value === 'object' && value !== null && 'eos_token_id' in value
      ? value.eos_token_id
      : [];
  return [listed].flat().filter((id): id is number => Number.isSafeInteger(id));
}
