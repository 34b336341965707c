// The options of `bench compare`: what may be asked, checked together so that every fault is told at once.

import { resolve } from 'node:path';
import { type Claim, parseClaims } from './compare/claim.js';
import { type GateRule, marginsOf, parseRules } from './compare/gate-rule.js';
import { speedNames } from './compare/speed-metric.js';
import { type Fault, InputError } from './errors.js';
import { findFileFaults } from './output-file.js';
import type { RunFlag } from './run-options.js';
import type { Margin } from './statistics/index.js';

export const compareFlags: readonly RunFlag[] = [
  {
    flags: '--margin <rules>',
    help: 'losses of quality that are allowed: rouge=-1%,accuracy=-1.5pt (these); % is of the score, else points',
  },
  { flags: '--alpha <share>', help: 'how often a claim may be wrong (0.05)' },
  {
    flags: '--gate <rules>',
    help: 'fail where a regression beyond these is shown: speed=-3%,rouge=-1%,ttft_p99=+5%; of evaluations mmlu=-1.5pt,wikitext=+1%',
  },
  {
    flags: '--claim <metric=gain>',
    help: 'does a published gain follow from the runs? "tokens/s=38x", "ttft p50=5.4%"; may be repeated',
  },
  { flags: '--output <dir>', help: 'write comparison.json, comparison.md and report.html there' },
  { flags: '--markdown <file>', help: 'write the comparison for a pull request' },
  { flags: '--junit <file>', help: 'write what the gate and claims came to as JUnit XML' },
  { flags: '--json', help: 'print one JSON object on stdout and nothing else' },
];

export interface CompareRequest {
  readonly paths: readonly string[];
  readonly margins: ReadonlyMap<string, Margin>;
  readonly alpha: number;
  readonly gate: readonly GateRule[];
  readonly claims: readonly Claim[];
  readonly output: string | null;
  readonly markdown: string | null;
  readonly junit: string | null;
  readonly json: boolean;
}

type Parsed = Readonly<Record<string, unknown>>;

/**
 * What commander read, checked.
 * @throws InputError with every fault.
 */
export function collectCompareOptions(
  paths: readonly string[],
  parsed: Parsed,
  claims: readonly string[],
): CompareRequest {
  const faults: Fault[] = [];
  const gather = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      faults.push(...error.faults);
      return otherwise;
    }
  };
  const rulesOf = (name: 'margin' | 'gate') => {
    const text = parsed[name];
    if (typeof text !== 'string') return [];
    return gather(() => parseRules(text, `--${name}`), []);
  };
  const fileOf = (name: string) => {
    const value = parsed[name];
    return typeof value === 'string' ? resolve(value) : null;
  };
  const margins = rulesOf('margin');
  const scores = marginsOf(margins);
  if (scores.size < margins.length) {
    const stranger = margins.find(({ name }) => !scores.has(name))!.name;
    const message = `"${stranger}" is a speed; allowed: scores, since margins are of quality (--gate takes both)`;
    faults.push({ where: '--margin', message });
  }
  if (paths.length < 2) {
    const message = `there ${paths.length === 1 ? 'is one run' : 'are no runs'}; allowed: two or more, the baseline first`;
    faults.push({ where: 'bench compare', message });
  }
  const alpha = parsed.alpha === undefined ? 0.05 : Number(parsed.alpha);
  if (!(alpha > 0 && alpha < 0.5)) {
    const message = `is "${String(parsed.alpha)}"; allowed: more than 0, less than 0.5`;
    faults.push({ where: '--alpha', message });
  }
  const request: CompareRequest = {
    paths,
    margins: scores,
    alpha,
    gate: rulesOf('gate'),
    claims: gather(() => parseClaims(claims, speedNames), []),
    output: fileOf('output'),
    markdown: fileOf('markdown'),
    junit: fileOf('junit'),
    json: parsed.json === true,
  };
  if (request.junit !== null && request.gate.length + claims.length === 0) {
    faults.push({
      where: '--junit',
      message: 'has nothing to report; allowed: together with --gate or --claim',
    });
  }
  for (const name of ['markdown', 'junit'] as const) {
    const file = request[name];
    if (file !== null) faults.push(...findFileFaults(file, `--${name}`));
  }
  if (faults.length > 0) throw new InputError(faults);
  return request;
}
