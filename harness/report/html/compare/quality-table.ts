// Differences of scores on a page, with their places in the record.

import type { QualityDifference } from '../../../compare/quality.js';
import { formatMargin, signed } from '../../comparison-summary.js';
import type { Markup } from '../markup.js';
import { formatNumber } from '../number-text.js';
import { numberColumn, table } from '../table.js';
import { showRange, showValue } from '../tagged-value.js';

/** @param path of the list in the record */
export function tabulateQuality(metrics: readonly QualityDifference[], path: string): Markup {
  const columns = [
    { name: 'metric' },
    numberColumn('baseline'),
    numberColumn('candidate'),
    numberColumn('difference'),
    { name: 'interval' },
    { name: 'verdict' },
    { name: 'loss that would have been seen' },
  ];
  const rows = metrics.map(
    (
      { metric, baseline, candidate, difference, interval, judgement, margin, absentBecause },
      i,
    ) => {
      const field = (name: string) => `${path}.${i}.${name}`;
      const seen = judgement?.detectableLoss ?? null;
      return [
        metric,
        showValue({ field: field('baseline'), value: baseline }),
        showValue({ field: field('candidate'), value: candidate }),
        showValue({ field: field('difference'), value: difference }, '', signed(difference)),
        showRange(field('interval'), interval, signed, absentBecause ?? 'none'),
        judgement === null ? 'not judged' : `${judgement.verdict} (margin ${formatMargin(margin)})`,
        showValue(
          { field: field('judgement.detectableLoss'), value: seen },
          '',
          seen === null ? 'none' : `${formatNumber(seen)} points`,
        ),
      ];
    },
  );
  return table(columns, rows);
}
