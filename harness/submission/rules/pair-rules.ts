// Do the two passes of a result belong together? One system, one data set, one set of seeds.

import type { DetailLog } from '../detail-log.js';
import { type Finding, findError } from '../finding.js';
import type { Result } from '../result.js';

const sharedKeys = [
  'sut_name',
  'qsl_name',
  'qsl_reported_total_count',
  'effective_scenario',
  'effective_qsl_rng_seed',
  'effective_sample_index_rng_seed',
  'effective_schedule_rng_seed',
] as const;

export function checkPair({ performance, accuracy, folder, benchmark }: Result): Finding[] {
  if (performance === null || accuracy === null) return [];
  const hasTwoSets =
    benchmark !== null && benchmark.accuracySampleCount !== benchmark.performanceSampleCount;
  const keys = sharedKeys.filter((key) => !(hasTwoSets && key.startsWith('qsl_')));
  return findUnlike(keys, performance, accuracy, folder.accuracy('detail'));
}

/** @param file that of `log`, whose entries are held against the performance pass's. */
export function findUnlike(
  keys: readonly string[],
  performance: DetailLog,
  log: DetailLog,
  file: string,
): Finding[] {
  return keys.flatMap((key) => {
    const [wanted, found] = [performance.find(key), log.find(key)];
    if (wanted === null || found === null || wanted.value === found.value) return [];
    const place = { file, line: found.line };
    const required = `${key} ${String(wanted.value)}, as in the performance pass`;
    const why = 'Speed and accuracy must be those of one system on one data set.';
    return [findError('unlike-passes', place, { value: String(found.value), required, why })];
  });
}
