// Has the candidate become worse than it may? One decision a metric that was named: a regression only where one is shown
// among all that was asked, and how many runs or samples it would take where nothing can be told.

import {
  adjustHolm,
  decideRegression,
  type NonInferiority,
  usualPower,
} from '../statistics/index.js';
import { type GateRule, speeds } from './gate-rule.js';
import { refuseGrowingTime } from './issued-samples.js';
import type { QualityComparison } from './quality.js';
import type { Side } from './side.js';
import { designOf, figuresOf, findLack } from './speed.js';
import { metricsOf } from './speed-metric.js';

export interface GateResult {
  readonly name: string;
  readonly verdict: 'regression' | 'no regression' | 'cannot tell';
  readonly reason: string;
  /** What it would take to decide; null where that is not known, or nothing is lacking. */
  readonly needed: string | null;
  /** One-sided, that the candidate is no worse than allowed; null where nothing could be tested. */
  readonly pValue: number | null;
  /** The same among all rules (Holm), which decides whether a regression is shown. */
  readonly adjustedP: number | null;
}

/** A result by itself, whose regression has yet to hold among the others. */
type LoneResult = Omit<GateResult, 'adjustedP'>;

/**
 * @param notComparable why speeds cannot be compared; empty where they can
 * @param alpha one-sided, of each "no regression", and of even one false "regression" among all rules
 */
export function runGate(
  rules: readonly GateRule[],
  baseline: Side,
  candidate: Side,
  quality: QualityComparison,
  notComparable: readonly string[],
  alpha: number,
): GateResult[] {
  const alone = rules.flatMap((rule): LoneResult[] => {
    if (!(rule.name in speeds)) return judgeScores(rule, quality, alpha);
    if (notComparable.length === 0) return [judgeSpeed(rule, baseline, candidate, alpha)];
    return [refuseRule(rule.name, `not comparable: ${notComparable.join('; ')}`)];
  });
  return decideTogether(alone, alpha);
}

export function refuseRule(name: string, reason: string): LoneResult {
  return { name, verdict: 'cannot tell', reason, needed: null, pValue: null };
}

/**
 * A gate fails where any of its rules shows a regression, so that every rule is one more chance of a false alarm: a
 * regression stands where its p-value adjusted by Holm for all that were tested is at most alpha, and the gate then fails
 * by chance in at most alpha of all cases, however its rules depend on each other. It passes only where each rule shows
 * none, which needs no correction (`judgeTogether`).
 */
export function decideTogether(alone: readonly LoneResult[], alpha: number): GateResult[] {
  // Two rules may name the same.
  const each = alone.filter(({ name }, i) => alone.findIndex((one) => one.name === name) === i);
  const adjusted = adjustHolm(each.flatMap(({ pValue }) => pValue ?? []));
  const tests = adjusted.length;
  return each.map((result): GateResult => {
    const adjustedP = result.pValue === null ? null : adjusted.shift()!;
    if (result.verdict !== 'regression' || tests === 1) return { ...result, adjustedP };
    const among = `p ${result.pValue!.toPrecision(2)}, among ${tests} rules ${adjustedP!.toPrecision(2)} (Holm)`;
    if (adjustedP! <= alpha) return { ...result, reason: `${result.reason}; ${among}`, adjustedP };
    const reason = `a regression by itself, not among ${tests} rules, of which one is often off by chance: ${result.reason}; ${among}, above ${alpha}`;
    const needed = 'a new measurement, judged by this rule alone';
    return { ...result, verdict: 'cannot tell', reason, needed, adjustedP };
  });
}

/** With which the runs asked for decide, where nothing changed or the change is the margin twice over. */
const power = 0.9;

const tellPower = (share: number) => ` for a power of ${100 * share} %`;

function judgeSpeed(rule: GateRule, baseline: Side, candidate: Side, alpha: number): LoneResult {
  const { name, margin } = rule;
  const { scenario } = baseline.runs[0]!.record;
  const metric = metricsOf(scenario).find((known) => known.name === speeds[name]);
  if (metric === undefined) {
    return refuseRule(name, `${speeds[name]} is asked for in ${scenario}, not found out`);
  }
  const refusal = refuseGrowingTime(metric.name, baseline, candidate);
  if (refusal !== null) return refuseRule(name, refusal);
  const lack = findLack(metric, baseline) ?? findLack(metric, candidate);
  if (lack !== null) return refuseRule(name, lack);
  const figures = [baseline, candidate].map((side) => figuresOf(metric, side));
  const lacking = [baseline, candidate].find((side, i) => figures[i]!.length < side.runs.length);
  if (lacking !== undefined) return refuseRule(name, `${lacking.label} has no ${speeds[name]}`);
  const design = designOf(baseline, candidate);
  const { better } = metric;
  const rules = { design, better, margin: margin.value, alpha, power };
  const decided = decideRegression(figures[0]!, figures[1]!, rules);
  const { verdict, reason, runsPerSide, regressionP } = decided;
  const isOpen = verdict === 'cannot tell' && runsPerSide !== null;
  const needed = isOpen ? `${runsPerSide} runs a side${tellPower(power)}` : null;
  return { name, verdict, reason, needed, pValue: regressionP };
}

function judgeScores({ name }: GateRule, quality: QualityComparison, alpha: number): LoneResult[] {
  const measured = quality.metrics.filter(
    ({ metric }) => metric === name || (name === 'rouge' && metric.startsWith('rouge')),
  );
  if (measured.length === 0) {
    const reason = quality.absentBecause ?? `no sample has a score called ${name}`;
    return [refuseRule(name, reason)];
  }
  const doubts = quality.doubts ?? [];
  return measured.map(({ metric, ...one }) =>
    doubts.length > 0
      ? refuseRule(metric, `not to be trusted: ${doubts.join('; ')}`)
      : judgeScore(metric, 'samples', one, alpha),
  );
}

/** @param unit what is drawn anew: samples, items, windows */
export function judgeScore(
  name: string,
  unit: string,
  one: { readonly judgement: NonInferiority | null; readonly absentBecause: string | null },
  alpha: number,
): LoneResult {
  const { judgement } = one;
  if (judgement === null) {
    return refuseRule(
      name,
      one.absentBecause ?? 'the baseline scores 0, of which nothing is a share',
    );
  }
  const { reason, itemsIfEqual, detectableLoss, lossP } = judgement;
  const told = { name, reason, needed: null, pValue: lossP };
  if (judgement.verdict === 'non-inferior') return { ...told, verdict: 'no regression' };
  // Of the judgement by itself: the gate's rules are another family than all metrics.
  if (lossP <= alpha) return { ...told, verdict: 'regression' };
  // Where nothing varied the number follows from the margin alone.
  const withPower = detectableLoss === null ? '' : `,${tellPower(usualPower)}`;
  const needed =
    itemsIfEqual === null ? null : `${itemsIfEqual} ${unit}, if both answer as well${withPower}`;
  return { ...told, verdict: 'cannot tell', needed };
}
