// Has the candidate become worse than it may? One decision a metric that was named: a regression only where one is shown,
// and how many runs or samples it would take where nothing can be told.

import { type Fault, InputError } from '../errors.js';
import { decideRegression, type Margin } from '../statistics/index.js';
import { refuseGrowingTime } from './issued-samples.js';
import type { QualityComparison } from './quality.js';
import type { Side } from './side.js';
import { designOf, figuresOf, findLack } from './speed.js';
import { metricsOf } from './speed-metric.js';

/** `speed=-3%`: the name as it was given, and how much worse is allowed. */
export interface GateRule {
  readonly name: string;
  readonly margin: Margin;
}

export interface GateResult {
  readonly name: string;
  readonly verdict: 'regression' | 'no regression' | 'cannot tell';
  readonly reason: string;
  /** What it would take to decide; null where that is not known, or nothing is lacking. */
  readonly needed: string | null;
}

/** The names of speeds, as `speed.ts` calls them. */
const speeds: Readonly<Record<string, string>> = {
  speed: 'tokens/s',
  samples: 'samples/s',
  energy: 'energy',
  ...Object.fromEntries(
    ['ttft', 'tpot', 'latency'].flatMap((name) =>
      ['p50', 'p90', 'p99'].map((percentile) => [`${name}_${percentile}`, `${name} ${percentile}`]),
    ),
  ),
};
const scores = ['rouge', 'rouge1', 'rouge2', 'rougeL', 'rougeLsum', 'accuracy'] as const;

/** Of which a fall is a loss. */
const higherIsBetter: readonly string[] = ['speed', 'samples', ...scores];

const ruleForm = /^([a-zA-Z0-9_]+)=([+-]?)(\d+(?:\.\d+)?)(%?)$/;

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
  const [, name = '', sign, digits, unit] = ruleForm.exec(given) ?? [];
  const names = [...Object.keys(speeds), ...scores];
  if (!names.includes(name)) {
    return `is no rule; allowed: NAME=CHANGE such as speed=-3%, with NAME of ${names.join(', ')}`;
  }
  const expected = higherIsBetter.includes(name) ? '-' : '+';
  if (sign !== expected) {
    return `allows a change for the better; allowed: ${name}=${expected}${digits}${unit}, since ${expected === '-' ? 'less' : 'more'} is worse`;
  }
  const value = Number(digits);
  const isRelative = unit === '%';
  if (!isRelative && name in speeds) return `has no %; allowed: ${name}=${sign}${digits}%`;
  if (!(value > 0) || value >= 100) return 'is out of range; allowed: more than 0, less than 100';
  const margin: Margin = isRelative
    ? { kind: 'relative', value: value / 100 }
    : { kind: 'absolute', value };
  return { name, margin };
}

/** What the quality comparison must be made with, so that its judgements are the gate's. */
export function marginsOf(rules: readonly GateRule[]): Map<string, Margin> {
  return new Map(
    rules.filter(({ name }) => !(name in speeds)).map(({ name, margin }) => [name, margin]),
  );
}

/**
 * @param notComparable why speeds cannot be compared; empty where they can
 * @param alpha one-sided, of each decision
 */
export function runGate(
  rules: readonly GateRule[],
  baseline: Side,
  candidate: Side,
  quality: QualityComparison,
  notComparable: readonly string[],
  alpha: number,
): GateResult[] {
  return rules.flatMap((rule): GateResult[] => {
    if (!(rule.name in speeds)) return judgeScores(rule, quality);
    if (notComparable.length === 0) return [judgeSpeed(rule, baseline, candidate, alpha)];
    const reason = `not comparable: ${notComparable.join('; ')}`;
    return [{ name: rule.name, verdict: 'cannot tell', reason, needed: null }];
  });
}

function judgeSpeed(rule: GateRule, baseline: Side, candidate: Side, alpha: number): GateResult {
  const { name, margin } = rule;
  const { scenario } = baseline.runs[0]!.record;
  const metric = metricsOf(scenario).find((known) => known.name === speeds[name]);
  const refuse = (reason: string): GateResult => ({
    name,
    verdict: 'cannot tell',
    reason,
    needed: null,
  });
  if (metric === undefined) {
    return refuse(`${speeds[name]} is asked for in ${scenario}, not found out`);
  }
  const refusal = refuseGrowingTime(metric.name, baseline, candidate);
  if (refusal !== null) return refuse(refusal);
  const lack = findLack(metric, baseline) ?? findLack(metric, candidate);
  if (lack !== null) return refuse(lack);
  const figures = [baseline, candidate].map((side) => figuresOf(metric, side));
  const lacking = [baseline, candidate].find((side, i) => figures[i]!.length < side.runs.length);
  if (lacking !== undefined) return refuse(`${lacking.label} has no ${speeds[name]}`);
  const design = designOf(baseline, candidate);
  const { better } = metric;
  const rules = { design, better, margin: margin.value, alpha };
  const { verdict, reason, runsPerSide } = decideRegression(figures[0]!, figures[1]!, rules);
  const isOpen = verdict === 'cannot tell' && runsPerSide !== null;
  return { name, verdict, reason, needed: isOpen ? `${runsPerSide} runs a side` : null };
}

function judgeScores({ name }: GateRule, quality: QualityComparison): GateResult[] {
  const measured = quality.metrics.filter(
    ({ metric }) => metric === name || (name === 'rouge' && metric.startsWith('rouge')),
  );
  if (measured.length === 0) {
    const reason = quality.absentBecause ?? `no sample has a score called ${name}`;
    return [{ name, verdict: 'cannot tell', reason, needed: null }];
  }
  const doubts = quality.doubts ?? [];
  return measured.map(({ metric, judgement, absentBecause }): GateResult => {
    if (doubts.length > 0) {
      const reason = `not to be trusted: ${doubts.join('; ')}`;
      return { name: metric, verdict: 'cannot tell', reason, needed: null };
    }
    if (judgement === null) {
      const reason = absentBecause ?? 'the baseline scores 0, of which nothing is a share';
      return { name: metric, verdict: 'cannot tell', reason, needed: null };
    }
    const { verdict, reason, itemsIfEqual } = judgement;
    const verdicts = { 'non-inferior': 'no regression', inferior: 'regression' } as const;
    if (verdict !== 'cannot tell') {
      return { name: metric, verdict: verdicts[verdict], reason, needed: null };
    }
    const needed = itemsIfEqual === null ? null : `${itemsIfEqual} samples, if both answer as well`;
    return { name: metric, verdict, reason, needed };
  });
}
