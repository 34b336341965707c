// What a person reads of an audit at the end of a run: the verdict, then each check. How pass and FAIL look is
// summary.ts's business.

import {
  type ConsistencyCheck,
  type ConsistencyReport,
  consistencyChecks,
} from '../audit/index.js';
import type { RunRecord } from '../run-record.js';

const checkNames: Readonly<Record<ConsistencyCheck, string>> = {
  firstToken: 'first token',
  endOfSequence: 'end of sequence',
  sampleLength: 'sample length',
};

/** Samples of a failed check that are named; the run's folder names them all. */
const namedFailures = 5;

/** The lines of a summary, each check with the first samples that failed it. */
export function formatAudit(
  { valid }: RunRecord,
  { test, answers, passed, eosIds, checks }: ConsistencyReport,
  pass: string,
  fail: string,
): string[] {
  const rows = consistencyChecks.flatMap((check) => {
    const { status, failures } = checks[check];
    const word = { passed: pass, failed: fail, skipped: 'skipped in Offline' }[status];
    const named = failures.slice(0, namedFailures).map(({ seqId, qslIdx, reason }) => {
      return `              sample ${seqId ?? '?'} (row ${qslIdx ?? '?'}): ${reason}`;
    });
    const more = failures.length - named.length;
    if (more > 0) named.push(`              and ${more} more in ${test}/verify_accuracy.json`);
    return [`            ${checkNames[check].padEnd(16)} ${word}`, ...named];
  });
  const verdict = passed ? pass : fail;
  const note = valid
    ? []
    : ['            an audit is judged by its answers, not by the verdict above'];
  return [
    `Audit       ${test}: ${verdict}, ${answers} answers logged, ending in ${eosIds.join(' or ')}`,
    ...rows,
    ...note,
  ];
}
