// What was judged of a score, in words: for a terminal, a pull request and a page alike.

import type { QualityDifference } from '../compare/score-difference.js';
import { type Margin, type NonInferiority, usualPower } from '../statistics/index.js';
import { formatFigure, formatPercent } from './figure-text.js';

/** "80 % power", which every loss that would have been seen is told with. */
export const powerText = `${100 * usualPower} % power`;

/** Verdict, margin, what would have been seen, how many of `unit` it would take, and the tests behind it. */
export function describeJudgement(difference: QualityDifference, unit = 'samples'): string {
  const { judgement, margin } = difference;
  if (judgement === null) return describeChange(difference);
  const { verdict, detectableLoss, itemsIfEqual } = judgement;
  const seen =
    detectableLoss === null
      ? ''
      : `; a true loss of ${formatFigure(detectableLoss)} points would have been seen with ${powerText}`;
  const needed =
    verdict === 'cannot tell' && itemsIfEqual !== null
      ? `; ${itemsIfEqual} ${unit} could tell`
      : '';
  const change = describeChange(difference);
  const test = change === '' ? '' : `; ${change}`;
  return `${describeVerdict(judgement, margin)}${seen}${needed}${test}`;
}

/** The same of a perplexity, whose losses are shares that it rises by. */
export function describeRise(judgement: NonInferiority, margin: Margin): string {
  const { verdict, detectableLoss, itemsIfEqual } = judgement;
  const seen =
    detectableLoss === null
      ? ''
      : `; a true rise of ${formatPercent(detectableLoss)} would have been seen with ${powerText}`;
  const needed =
    verdict === 'cannot tell' && itemsIfEqual !== null
      ? `; ${itemsIfEqual} windows could tell`
      : '';
  return `${describeVerdict(judgement, margin)}${seen}${needed}`;
}

/** "inferior (margin 1 %)", and what becomes of a loss among others. */
export function describeVerdict(judgement: NonInferiority, margin: Margin): string {
  const { verdict, lossP, adjustedLossP, isHeldBack } = judgement;
  const told = `${verdict} (margin ${formatMargin(margin)})`;
  // Records of earlier versions have no p-values.
  if (adjustedLossP === undefined || adjustedLossP === lossP) return told;
  const among = `p ${formatP(lossP)}, ${formatP(adjustedLossP)} among all (Holm)`;
  if (isHeldBack) return `${told}; a loss by itself, not among all that is judged here: ${among}`;
  return verdict === 'inferior' ? `${told}; ${among}` : told;
}

/** McNemar's test of right and wrong answers; empty for others. */
export function describeChange({ mcNemar, change }: QualityDifference): string {
  if (mcNemar === null) return '';
  const { midP, exact } = mcNemar;
  const test = `McNemar p ${formatP(midP)} (mid), ${formatP(exact)} (exact)`;
  if (change == null) return test;
  const among = change.adjustedP === midP ? '' : `, ${formatP(change.adjustedP)} among all (Holm)`;
  const found =
    change.verdict === 'none shown' ? 'no change shown' : `a change for the ${change.verdict}`;
  return `${test}${among}: ${found}`;
}

/** Each once, after the names of the metrics that it is of. */
export function listScoreRemarks(
  metrics: readonly QualityDifference[],
  nameOf: (metric: QualityDifference, at: number) => string = ({ metric }) => metric,
): string[] {
  return gatherRemarks(metrics, nameOf);
}

/** Each once, after the names of what it is of. */
export function gatherRemarks<T extends { readonly remark?: string | null }>(
  all: readonly T[],
  nameOf: (one: T, at: number) => string,
): string[] {
  const remarks = new Map<string, string[]>();
  for (const [i, one] of all.entries()) {
    const { remark } = one;
    if (remark == null) continue;
    remarks.set(remark, [...(remarks.get(remark) ?? []), nameOf(one, i)]);
  }
  return [...remarks].map(([remark, names]) => `${names.join(', ')}: ${remark}`);
}

/** "7 %", without what binary fractions make of 100 times 0.07. */
export function formatMargin({ kind, value }: Margin): string {
  return kind === 'relative'
    ? `${Number((100 * value).toPrecision(6))} %`
    : `${Number(value.toPrecision(6))} points`;
}

export function formatP(p: number): string {
  return p.toPrecision(2);
}

/** "+1.20" */
export function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(2)}`;
}
