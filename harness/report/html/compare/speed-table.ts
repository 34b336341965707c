// Ratios of speed on a page: a table with their places in the record, and a row of a forest each.

import { formatRatio, isTooWide } from '../../../compare/change.js';
import type { JudgedRatio } from '../../../compare/comparison.js';
import { exactFigure } from '../../../compare/exact-figures.js';
import type { SpeedRatio } from '../../../compare/speed.js';
import type { ForestRow } from '../charts/forest.js';
import type { Markup } from '../markup.js';
import { numberColumn, table } from '../table.js';
import { showRatioRange, showValue } from '../tagged-value.js';

/** Gains to the right: latencies the other way round. null without a ratio. */
export function speedRow(
  { better, ratio, interval, absentBecause }: SpeedRatio,
  name: string,
): (ForestRow & { readonly note: string }) | null {
  if (ratio === null) return null;
  const turn = (value: number) => (better === 'higher' ? value : 1 / value);
  const isDrawn = interval !== null && !isTooWide(interval);
  const drawn = isDrawn ? [turn(interval.lower), turn(interval.upper)] : null;
  const why =
    interval !== null
      ? 'too few repeats'
      : absentBecause === exactFigure
        ? exactFigure
        : 'no interval';
  return {
    name,
    ratio: turn(ratio),
    interval: drawn === null ? null : { low: Math.min(...drawn), high: Math.max(...drawn) },
    threshold: null,
    note: drawn === null ? `${formatRatio(turn(ratio))}, ${why}` : formatRatio(turn(ratio)),
  };
}

/** @param path of the list in the record */
export function tabulateSpeed(speed: readonly JudgedRatio[], path: string): Markup {
  const columns = [
    { name: 'metric' },
    numberColumn('baseline'),
    numberColumn('candidate'),
    { name: 'unit' },
    numberColumn('ratio'),
    { name: 'change' },
    { name: 'interval' },
    { name: 'how' },
  ];
  const rows = speed.map(
    ({ metric, unit, baseline, candidate, ratio, change, interval, absentBecause }, i) => {
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
        ratio === null ? '' : change,
        showRatioRange(field('interval'), interval),
        interval === null
          ? (absentBecause ?? '')
          : `${Number((100 * interval.confidence).toFixed(2))} %, ${interval.method}`,
      ];
    },
  );
  return table(columns, rows);
}
