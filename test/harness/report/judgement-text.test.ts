// What was judged of a score, in words.
import { expect, it } from 'vitest';
import type { QualityDifference } from '../../../harness/compare/score-difference.js';
import {
  describeChange,
  describeVerdict,
  formatMargin,
  listScoreRemarks,
} from '../../../harness/report/judgement-text.js';
import type { NonInferiority } from '../../../harness/statistics/index.js';

const margin = { kind: 'relative', value: 0.07 } as const;
const judgement: NonInferiority = {
  ...{ verdict: 'cannot tell', limit: -1, reason: '', lossP: 0.03, adjustedLossP: 0.03 },
  ...{ isHeldBack: false, detectableLoss: null, itemsIfEqual: null, itemsIfAsEstimated: null },
};

it.each([
  ['alone', {}, 'cannot tell (margin 7 %)'],
  [
    'held back',
    { adjustedLossP: 0.12, isHeldBack: true },
    'cannot tell (margin 7 %); a loss by itself, not among all that is judged here: p 0.030, 0.12 among all (Holm)',
  ],
  [
    'inferior among all',
    { verdict: 'inferior', lossP: 0.001, adjustedLossP: 0.004 },
    'inferior (margin 7 %); p 0.0010, 0.0040 among all (Holm)',
  ],
  ['as good', { verdict: 'non-inferior', adjustedLossP: 1 }, 'non-inferior (margin 7 %)'],
] as const)('a verdict %s', (_, changes, text) => {
  expect(describeVerdict({ ...judgement, ...changes }, margin)).toBe(text);
});

it('a verdict of an earlier version, without p-values', () => {
  const { lossP: _, adjustedLossP: __, isHeldBack: ___, ...earlier } = judgement;
  expect(describeVerdict(earlier as NonInferiority, margin)).toBe('cannot tell (margin 7 %)');
});

it('McNemar, and what it comes to among others', () => {
  const of = (changes: Partial<QualityDifference>) =>
    describeChange({ mcNemar: null, ...changes } as QualityDifference);
  const mcNemar = { discordant: 10, exact: 0.021, midP: 0.012 };
  const told = 'McNemar p 0.012 (mid), 0.021 (exact)';
  expect(of({})).toBe('');
  expect(of({ mcNemar })).toBe(told);
  expect(of({ mcNemar, change: { verdict: 'worse', adjustedP: 0.012 } })).toBe(
    `${told}: a change for the worse`,
  );
  expect(of({ mcNemar, change: { verdict: 'none shown', adjustedP: 0.06 } })).toBe(
    `${told}, 0.060 among all (Holm): no change shown`,
  );
});

it('remarks once, after the metrics that they are of', () => {
  const of = (metric: string, remark: string | null) => ({ metric, remark }) as QualityDifference;
  expect(listScoreRemarks([of('a', 'same'), of('b', null), of('c', 'same')])).toEqual([
    'a, c: same',
  ]);
  expect(formatMargin({ kind: 'absolute', value: 1.5 })).toBe('1.5 points');
});
