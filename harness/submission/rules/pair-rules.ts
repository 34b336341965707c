// Do the two passes of a result belong together? One system, one data set, one set of seeds.

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
  return sharedKeys.flatMap((key) => {
    if (hasTwoSets && key.startsWith('qsl_')) return [];
    const [wanted, found] = [performance.find(key), accuracy.find(key)];
    if (wanted === null || found === null || wanted.value === found.value) return [];
    const place = { file: folder.accuracy('detail'), line: found.line };
    const required = `${key} ${String(wanted.value)}, as in the performance pass`;
    const why = 'Speed and accuracy must be those of one system on one data set.';
    return [findError('unlike-passes', place, { value: String(found.value), required, why })];
  });
}
