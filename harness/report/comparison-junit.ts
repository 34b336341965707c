// A gate's results as JUnit XML, which CI systems show: a rule a test case; what cannot be told is skipped, not failed.

import type { GateResult } from '../compare/gate.js';

/** A candidate and what its gate came to. */
export interface GateSuite {
  readonly label: string;
  readonly gate: readonly GateResult[];
}

/** The whole document, last newline included. */
export function formatGateXml(candidates: readonly GateSuite[]): string {
  const suites = candidates.map(({ label, gate }) => {
    const count = (verdict: GateResult['verdict']) =>
      gate.filter((result) => result.verdict === verdict).length;
    const cases = gate.map(formatCase(label));
    return [
      `  <testsuite name="${escapeXml(label)}" tests="${gate.length}" failures="${count('regression')}" skipped="${count('cannot tell')}">`,
      ...cases,
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

function formatCase(label: string): (result: GateResult) => string {
  return ({ name, verdict, reason, needed }) => {
    const open = `    <testcase classname="${escapeXml(label)}" name="${escapeXml(name)}"`;
    if (verdict === 'no regression') return `${open}/>`;
    const told = needed === null ? reason : `${reason}; it would take ${needed}`;
    const element = verdict === 'regression' ? 'failure' : 'skipped';
    return `${open}><${element} message="${escapeXml(told)}"/></testcase>`;
  };
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '?');
}
