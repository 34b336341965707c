// Do the answers of an audit hold together? TEST06's three questions: is the reported first token the answer's first,
// does an answer end once, and has it as many tokens as were counted? Stricter than MLCommons' script, which lets an
// empty first token pass, and an answer of nothing but ends.

import type { AuditedAnswer } from './audited-log.js';

export const consistencyChecks = ['firstToken', 'endOfSequence', 'sampleLength'] as const;
export type ConsistencyCheck = (typeof consistencyChecks)[number];

/** An answer that failed a check. */
export interface AuditFailure {
  readonly seqId: number | null;
  readonly qslIdx: number | null;
  readonly reason: string;
}

export interface CheckOutcome {
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly failures: readonly AuditFailure[];
}

/** What TEST06 found. */
export interface ConsistencyReport {
  readonly test: 'TEST06';
  readonly passed: boolean;
  readonly answers: number;
  /** Tokens that end a sequence. */
  readonly eosIds: readonly number[];
  readonly checks: Readonly<Record<ConsistencyCheck, CheckOutcome>>;
}

export interface ConsistencyTerms {
  /** Offline reports no first tokens. */
  readonly scenario: string;
  readonly eosIds: readonly number[];
}

/** Checks every answer; a log without any has shown nothing, and fails. */
export function checkConsistency(
  answers: readonly AuditedAnswer[],
  { scenario, eosIds }: ConsistencyTerms,
): ConsistencyReport {
  const ends = new Set(eosIds);
  const checks = {
    firstToken:
      scenario === 'Offline'
        ? ({ status: 'skipped', failures: [] } as const)
        : judge(answers, refuseFirstToken),
    endOfSequence: judge(answers, (answer) => refuseEnd(answer, ends)),
    sampleLength: judge(answers, refuseLength),
  };
  return {
    test: 'TEST06',
    passed: Object.values(checks).every(({ status }) => status !== 'failed'),
    answers: answers.length,
    eosIds,
    checks,
  };
}

function judge(
  answers: readonly AuditedAnswer[],
  refuse: (answer: AuditedAnswer) => string | null,
): CheckOutcome {
  if (answers.length === 0) {
    const reason = 'the log holds no answer';
    return { status: 'failed', failures: [{ seqId: null, qslIdx: null, reason }] };
  }
  const failures = answers.flatMap((answer): AuditFailure[] => {
    const reason = refuse(answer);
    return reason === null ? [] : [{ seqId: answer.seqId, qslIdx: answer.qslIdx, reason }];
  });
  return { status: failures.length === 0 ? 'passed' : 'failed', failures };
}

const unreadable = 'its data is no list of 32-bit tokens';

function refuseFirstToken({ tokens, firstTokens }: AuditedAnswer): string | null {
  if (firstTokens === null || firstTokens.length === 0) return 'no first token was reported';
  if (tokens === null) return unreadable;
  const at = firstTokens.findIndex((token, position) => token !== tokens[position]);
  if (at < 0) return null;
  const there = at < tokens.length ? `${tokens[at]}` : 'nothing';
  return `token ${at} was reported as ${firstTokens[at]}, and the answer has ${there} there`;
}

function refuseEnd({ tokens }: AuditedAnswer, ends: ReadonlySet<number>): string | null {
  if (tokens === null) return unreadable;
  const lastOther = tokens.findLastIndex((token) => !ends.has(token));
  const count = tokens.length - 1 - lastOther;
  return count <= 1
    ? null
    : `it ends ${count} times: ${tokens.slice(lastOther + 1, lastOther + 4)}`;
}

function refuseLength({ tokens, tokenCount }: AuditedAnswer): string | null {
  if (tokens === null) return unreadable;
  if (tokenCount === null) return 'no token count was logged';
  if (tokens.length === 0) return 'it has no tokens';
  return tokens.length === tokenCount
    ? null
    : `it has ${tokens.length} tokens, and ${tokenCount} were counted`;
}
