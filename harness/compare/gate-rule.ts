// What may a gate or a margin name, and how much worse may it become? `speed=-3%`, `mmlu=-1.5pt`, `wikitext=+1%`.

import { type Fault, InputError } from '../errors.js';
import { evalTaskNames } from '../eval/tasks/catalog.js';
import type { Margin } from '../statistics/index.js';

/** The name as it was given, and how much worse is allowed. */
export interface GateRule {
  readonly name: string;
  readonly margin: Margin;
}

/** What is compared: `bench run`'s folders or `bench eval`'s. */
export type Compared = 'runs' | 'evaluations';

/** The names of speeds, as `speed.ts` calls them. */
export const speeds: Readonly<Record<string, string>> = {
  speed: 'tokens/s',
  samples: 'samples/s',
  energy: 'energy',
  ...Object.fromEntries(
    ['ttft', 'tpot', 'latency'].flatMap((name) =>
      ['p50', 'p90', 'p99'].map((percentile) => [`${name}_${percentile}`, `${name} ${percentile}`]),
    ),
  ),
};
const runScores = ['rouge', 'rouge1', 'rouge2', 'rougeL', 'rougeLsum', 'accuracy'] as const;

/** Names of tasks, and of all of their kind. */
const isPerplexity = (name: string) => name === 'wikitext' || name.startsWith('perplexity');
const evalScores = ['accuracy', 'perplexity', ...evalTaskNames];

const namesOf: Readonly<Record<Compared, readonly string[]>> = {
  runs: [...Object.keys(speeds), ...runScores],
  evaluations: evalScores,
};

const ruleForm = /^([a-zA-Z0-9_:]+)=([+-]?)(\d+(?:\.\d+)?)(%|pt)?$/;

/**
 * Reads `speed=-3%,rouge=-1%,ttft_p99=+5%`.
 * @throws InputError with every rule that is none
 */
export function parseRules(text: string, where: string): GateRule[] {
  const faults: Fault[] = [];
  const rules = text.split(',').flatMap((given): GateRule[] => {
    const rule = readRule(given.trim());
    if (typeof rule !== 'string') return [rule];
    faults.push({ where, message: `"${given}" ${rule}` });
    return [];
  });
  for (const [i, { name }] of rules.entries()) {
    if (rules.findIndex((rule) => rule.name === name) === i) continue;
    faults.push({ where, message: `"${text}" has ${name} twice; allowed: once` });
  }
  if (faults.length > 0) throw new InputError(faults);
  return rules;
}

function readRule(given: string): GateRule | string {
  const [, name = '', sign, digits, unit = ''] = ruleForm.exec(given) ?? [];
  const names = [...new Set([...namesOf.runs, ...namesOf.evaluations])];
  if (!names.includes(name)) {
    return `is no rule; allowed: NAME=CHANGE such as speed=-3%, with NAME of ${names.join(', ')}`;
  }
  const value = Number(digits);
  if (!(value > 0) || value >= 100) return 'is out of range; allowed: more than 0, less than 100';
  const isLoss = name === 'speed' || name === 'samples' || !(name in speeds || isPerplexity(name));
  const expected = isLoss ? '-' : '+';
  if (sign !== expected) {
    return `allows a change for the better; allowed: ${name}=${expected}${digits}${unit}, since ${isLoss ? 'less' : 'more'} is worse`;
  }
  if (unit !== '%' && name in speeds) return `has no %; allowed: ${name}=${sign}${digits}%`;
  if (unit === 'pt' && isPerplexity(name)) {
    return `is in points, which a perplexity has none of; allowed: ${name}=+1%, or ${name}=+0.05 of the perplexity`;
  }
  const margin: Margin =
    unit === '%' ? { kind: 'relative', value: value / 100 } : { kind: 'absolute', value };
  return { name, margin };
}

/**
 * @param given names by the option that has them, --gate or --margin
 * @throws InputError with every name that such folders have nothing of
 */
export function refuseStrangers(
  given: readonly (readonly ['--gate' | '--margin', readonly string[]])[],
  compared: Compared,
): void {
  const faults = given.flatMap(([where, names]) => {
    // Margins are of scores.
    const allowed = namesOf[compared].filter((name) => where === '--gate' || !(name in speeds));
    return names
      .filter((name) => !allowed.includes(name))
      .map((name): Fault => {
        return { where, message: `${compared} have no "${name}"; allowed: ${allowed.join(', ')}` };
      });
  });
  if (faults.length > 0) throw new InputError(faults);
}

/** What the quality comparison must be made with, so that its judgements are the gate's. */
export function marginsOf(rules: readonly GateRule[]): Map<string, Margin> {
  return new Map(
    rules.filter(({ name }) => !(name in speeds)).map(({ name, margin }) => [name, margin]),
  );
}
