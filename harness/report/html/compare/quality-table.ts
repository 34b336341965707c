// Differences of scores on a page, with their places in the record.

import type { QualityDifference } from '../../../compare/score-difference.js';
import { describeVerdict, formatP, powerText, signed } from '../../judgement-text.js';
import { type Content, html, type Markup } from '../markup.js';
import { formatNumber } from '../number-text.js';
import { numberColumn, table } from '../table.js';
import { showRange, showValue } from '../tagged-value.js';

/**
 * @param path of the list in the record
 * @param nameOf a row's name, where the metric's alone would not do
 */
export function tabulateQuality<T extends QualityDifference>(
  metrics: readonly T[],
  path: string,
  nameOf: (metric: T) => string = ({ metric }) => metric,
): Markup {
  const isTested = metrics.some(({ mcNemar }) => mcNemar !== null);
  const columns = [
    { name: 'metric' },
    numberColumn('baseline'),
    numberColumn('candidate'),
    numberColumn('difference'),
    { name: 'interval' },
    { name: 'verdict' },
    { name: `loss that would have been seen, with ${powerText}` },
    ...(isTested ? [{ name: "McNemar's test" }] : []),
  ];
  const rows = metrics.map((one, i) => {
    const { baseline, candidate, difference, interval, judgement, margin, absentBecause } = one;
    const field = (name: string) => `${path}.${i}.${name}`;
    const seen = judgement?.detectableLoss ?? null;
    return [
      nameOf(one),
      showValue({ field: field('baseline'), value: baseline }),
      showValue({ field: field('candidate'), value: candidate }),
      showValue({ field: field('difference'), value: difference }, '', signed(difference)),
      showRange(field('interval'), interval, signed, absentBecause ?? 'none'),
      judgement === null ? 'not judged' : describeVerdict(judgement, margin),
      showValue(
        { field: field('judgement.detectableLoss'), value: seen },
        '',
        seen === null ? 'none' : `${formatNumber(seen)} points`,
      ),
      ...(isTested ? [showTest(one, `${path}.${i}`)] : []),
    ];
  });
  return table(columns, rows);
}

/** Its p-values, and what they come to among all that was tested. */
function showTest({ mcNemar, change }: QualityDifference, path: string): Content {
  if (mcNemar === null) return 'no right or wrong answers';
  const show = (name: string, value: number) =>
    showValue({ field: `${path}.${name}`, value }, '', formatP(value));
  const told = html`p ${show('mcNemar.midP', mcNemar.midP)} (mid), ${show('mcNemar.exact', mcNemar.exact)} (exact)`;
  if (change == null) return told;
  return html`${told}, ${show('change.adjustedP', change.adjustedP)} among all (Holm): ${change.verdict === 'none shown' ? 'no change shown' : change.verdict}`;
}
