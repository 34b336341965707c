// Ratios of speed on a page: a table with their places in the record, and a row of a forest each.

import { formatRatio } from '../../../compare/comparison.js';
import type { SpeedRatio } from '../../../compare/speed.js';
import type { ForestRow } from '../charts/forest.js';
import type { Markup } from '../markup.js';
import { numberColumn, table } from '../table.js';
import { showRange, showValue } from '../tagged-value.js';

/** Gains to the right: latencies the other way round. null without an interval. */
export function speedRow(
  { better, ratio, interval }: SpeedRatio,
  name: string,
): (ForestRow & { readonly note: string }) | null {
  if (ratio === null || interval === null) return null;
  const turn = (value: number) => (better === 'higher' ? value : 1 / value);
  const ends = [turn(interval.lower), turn(interval.upper)];
  return {
    name,
    ratio: turn(ratio),
    interval: { low: Math.min(...ends), high: Math.max(...ends) },
    threshold: null,
    note: formatRatio(turn(ratio)),
  };
}

/** @param path of the list in the record */
export function tabulateSpeed(speed: readonly SpeedRatio[], path: string): Markup {
  const columns = [
    { name: 'metric' },
    numberColumn('baseline'),
    numberColumn('candidate'),
    { name: 'unit' },
    numberColumn('ratio'),
    { name: 'interval' },
    { name: 'how' },
  ];
  const rows = speed.map(
    ({ metric, unit, baseline, candidate, ratio, interval, absentBecause }, i) => {
      const field = (name: string) => `${path}.${i}.${name}`;
      return [
        metric,
        showValue({ field: field('baseline'), value: baseline }),
        showValue({ field: field('candidate'), value: candidate }),
        unit,
        showValue(
          { field: field('ratio'), value: ratio },
          '',
          ratio === null ? 'none' : formatRatio(ratio),
        ),
        showRange(field('interval'), interval, formatRatio),
        interval === null
          ? (absentBecause ?? '')
          : `${Number((100 * interval.confidence).toFixed(2))} %, ${interval.method}`,
      ];
    },
  );
  return table(columns, rows);
}
