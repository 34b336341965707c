// Is the evidence of the compliance tests there, and does it say that they were passed? The verdict file is read as
// MLCommons' checker reads it; sampled answers beside it are looked at again.

import type { AuditName } from '../benchmarks.js';
import { type Finding, findError } from '../finding.js';
import { type Result, readText } from '../result.js';
import { isFolder } from '../submission-tree.js';
import { checkAnswers } from './answer-rules.js';
import { tellMissing } from './file-rules.js';
import { checkTest06 } from './test06-rules.js';

/** What TEST06's verdict has to hold: each line, and the words that are enough (Skipped in Offline only). */
const verdictLines = [
  ['First token check pass', ['True', 'Skipped']],
  ['EOS check pass', ['True']],
  ['Sample length check pass', ['True']],
] as const;

/** Closed and network divisions must pass the benchmark's tests; elsewhere evidence that is there must be sound. */
export function checkAudits(result: Result): Finding[] {
  return (result.benchmark?.audits ?? []).flatMap((name) => checkAudit(name, result));
}

function checkAudit(name: AuditName, result: Result): Finding[] {
  const { benchmark, division, folder } = result;
  const audit = folder.audit(name);
  const file = name === 'TEST09' ? audit.lengthVerdict : audit.verdict;
  const verdict = readText(file);
  const findings: Finding[] = [];
  if (verdict !== null) {
    findings.push(
      ...(name === 'TEST06' ? checkVerdict(verdict, result, file) : checkPass(verdict, file)),
    );
  } else if (division === 'closed' || division === 'network') {
    const why = `${benchmark?.name} is audited by ${name} outside the open division.`;
    findings.push({ ...tellMissing(file), rule: 'missing-audit', why });
  }
  // Outside the closed and network divisions an audit is not asked for, and has to be whole all the same.
  const isAsked = division === 'closed' || division === 'network';
  if (name === 'TEST06' && benchmark !== null && (isAsked || isFolder(audit.path))) {
    findings.push(...checkTest06(audit, result, benchmark));
  }
  const log = readText(audit.accuracyLog);
  if (log === null || benchmark === null) return findings;
  const terms = {
    sampleCount: benchmark.performanceSampleCount,
    endTokens: benchmark.endTokens,
    isWholePass: false,
  };
  return [...findings, ...checkAnswers(log, audit.accuracyLog, terms)];
}

/** The other tests say it in two words. */
function checkPass(text: string, file: string): Finding[] {
  const rows = text.split('\n').map((row) => row.trim());
  const failed = rows.indexOf('TEST FAIL');
  if (failed < 0 && rows.includes('TEST PASS')) return [];
  const why = 'The test was not passed, or its verdict is not in the form that is read.';
  const place = { file, line: failed < 0 ? null : failed + 1 };
  const judgement = { value: rows[failed] ?? null, required: 'the line TEST PASS', why };
  return [findError('failed-audit', place, judgement)];
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
