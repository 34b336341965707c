// Which benchmark does a folder of one's own name stand for? Reads model_mapping.json, which the open division may have
// beside its results.

import {
  benchmarkNames,
  type Division,
  findBenchmark,
  type SubmissionRound,
} from '../benchmarks.js';
import { type Finding, findError, findWarning } from '../finding.js';
import { findUnreadable, readObject } from './file-rules.js';

export interface ModelMapping {
  /** Folder name to official name. */
  readonly names: ReadonlyMap<string, string>;
  readonly findings: readonly Finding[];
}

export function readModelMapping(
  file: string,
  division: Division,
  round: SubmissionRound,
): ModelMapping {
  const names = new Map<string, string>();
  const fields = readObject(file);
  if (fields === null) return { names, findings: [] };
  if (typeof fields === 'string') return { names, findings: [findUnreadable(file, fields)] };
  if (division !== 'open') {
    const why = 'It is read in the open division only.';
    const judgement = { value: 'a mapping', required: 'official names of benchmarks', why };
    return { names, findings: [findWarning('unused-mapping', { file }, judgement)] };
  }
  const findings: Finding[] = [];
  for (const [folder, value] of Object.entries(fields)) {
    if (typeof value === 'string' && findBenchmark(value, round) !== null) {
      names.set(folder, value);
      continue;
    }
    const required = `"${folder}" with a benchmark of ${round}: ${benchmarkNames(round).join(', ')}`;
    const why = 'Sizes and limits of the folder are those of the benchmark it stands for.';
    const judgement = { value: JSON.stringify(value), required, why };
    findings.push(findError('unknown-benchmark', { file }, judgement));
  }
  return { names, findings };
}
