// Is the evidence of the compliance tests there, and does it say that they were passed? The verdict file is read as
// MLCommons' checker reads it; sampled answers beside it are looked at again.

import { type Finding, findError } from '../finding.js';
import { type Result, readText } from '../result.js';
import { checkAnswers } from './answer-rules.js';
import { tellMissing } from './file-rules.js';

/** What TEST06's verdict has to hold: each line, and the words that are enough (Skipped in Offline only). */
const verdictLines = [
  ['First token check pass', ['True', 'Skipped']],
  ['EOS check pass', ['True']],
  ['Sample length check pass', ['True']],
] as const;

/** Closed and network divisions must pass the benchmark's tests; elsewhere evidence that is there must be sound. */
export function checkAudits(result: Result): Finding[] {
  const { benchmark, division } = result;
  if (benchmark === null || !benchmark.audits.includes('TEST06')) return [];
  const audit = result.folder.audit('TEST06');
  const verdict = readText(audit.verdict);
  const isAsked = division === 'closed' || division === 'network';
  const findings = verdict === null ? [] : checkVerdict(verdict, result, audit.verdict);
  if (verdict === null && isAsked) {
    const missing = tellMissing(audit.verdict);
    findings.push({
      ...missing,
      rule: 'missing-audit',
      why: `${benchmark.name} is audited by TEST06.`,
    });
  }
  const log = readText(audit.accuracyLog);
  if (log === null) return findings;
  const terms = {
    sampleCount: benchmark.accuracySampleCount,
    endTokens: benchmark.endTokens,
    isWholePass: false,
  };
  return [...findings, ...checkAnswers(log, audit.accuracyLog, terms)];
}

function checkVerdict(text: string, { scenario }: Result, file: string): Finding[] {
  const rows = text.split('\n').map((row) => row.trim());
  return verdictLines.flatMap(([title, words]) => {
    const allowed = words.filter(
      (word) => word !== 'Skipped' || scenario === 'Offline' || scenario === null,
    );
    const index = rows.findIndex((row) => row.startsWith(`${title}:`));
    const value = index < 0 ? null : rows[index]!.slice(title.length + 1);
    if (value !== null && allowed.some((word) => ` ${word}` === value)) return [];
    const required = `${title}: ${allowed.join(' or ')}, with one blank`;
    const why = 'The test was not passed, or its verdict is not in the form that is read.';
    const line = index < 0 ? null : index + 1;
    return [findError('failed-audit', { file, line }, { value, required, why })];
  });
}
