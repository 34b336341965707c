// What a gate and claims came to as JUnit XML, which CI systems show: a rule or a claim a test case. What cannot be told is
// skipped, not failed; what cannot be compared is an error.

import type { JudgedClaim } from '../compare/claim.js';
import type { GateResult } from '../compare/gate.js';

/** A candidate, and what was judged of it. */
export interface GateSuite {
  readonly label: string;
  readonly gate: readonly GateResult[];
  readonly claims: readonly JudgedClaim[];
  /** Why it cannot be compared with the baseline in what was asked; empty where it can. */
  readonly notComparable: readonly string[];
}

interface TestCase {
  readonly name: string;
  readonly outcome: 'passed' | 'failure' | 'error' | 'skipped';
  readonly message: string;
}

/** The whole document, last newline included. */
export function formatGateXml(candidates: readonly GateSuite[]): string {
  const suites = candidates.map((suite) => {
    const cases = [
      ...listComparability(suite),
      ...suite.gate.map(ofRule),
      ...suite.claims.map(ofClaim),
    ];
    const count = (outcome: TestCase['outcome']) =>
      cases.filter((one) => one.outcome === outcome).length;
    const label = escapeXml(suite.label);
    return [
      `  <testsuite name="${label}" tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}">`,
      ...cases.map((one) => formatCase(label, one)),
      '  </testsuite>',
    ].join('\n');
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites name="bench compare">',
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

/** The command ends with an error where sides are not comparable, whatever else was asked. */
function listComparability({ notComparable }: GateSuite): TestCase[] {
  if (notComparable.length === 0) return [];
  return [{ name: 'comparable', outcome: 'error', message: notComparable.join('; ') }];
}

function ofRule({ name, verdict, reason, needed }: GateResult): TestCase {
  const message = needed === null ? reason : `${reason}; it would take ${needed}`;
  const outcomes = {
    'no regression': 'passed',
    regression: 'failure',
    'cannot tell': 'skipped',
  } as const;
  return { name, outcome: outcomes[verdict], message };
}

function ofClaim({ metric, claimed, verdict, reason }: JudgedClaim): TestCase {
  const outcomes = {
    holds: 'passed',
    'does not follow': 'failure',
    'cannot tell': 'skipped',
  } as const;
  return { name: `claim ${metric}: ${claimed}`, outcome: outcomes[verdict], message: reason };
}

function formatCase(label: string, { name, outcome, message }: TestCase): string {
  const open = `    <testcase classname="${label}" name="${escapeXml(name)}"`;
  if (outcome === 'passed') return `${open}/>`;
  return `${open}><${outcome} message="${escapeXml(message)}"/></testcase>`;
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '?');
}
