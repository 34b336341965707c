// What did each step of a ladder give, and what did it cost? A forest and a table of each, all else folded.

import { formatRatio } from '../../../compare/change.js';
import type { QualityDifference } from '../../../compare/score-difference.js';
import type { Contrast, Ladder } from '../../../ladder/ladder.js';
import { signed } from '../../judgement-text.js';
import { describeIntervals, type LadderLevels, levelsOf } from '../../ladder-levels.js';
import { judgeContrast } from '../../ladder-verdicts.js';
import { forestChart } from '../charts/forest.js';
import { tabulateQuality } from '../compare/quality-table.js';
import { speedRow, tabulateSpeed } from '../compare/speed-table.js';
import { fold } from '../fold.js';
import { html, type Markup } from '../markup.js';
import { formatShare } from '../number-text.js';
import { absent, chartGrid, section } from '../page.js';
import { numberColumn, table } from '../table.js';
import { showRange, showRatioRange, showValue } from '../tagged-value.js';

/** A step or the whole, with its path in ladder.json. */
interface Row {
  readonly name: string;
  readonly path: string;
  readonly contrast: Contrast;
}

function rowsOf({ steps, whole }: Ladder): Row[] {
  const single = steps.map(({ name, before }, k) => ({
    name,
    path: `steps.${k}.before`,
    contrast: before,
  }));
  return [...single, { name: 'the whole', path: 'whole', contrast: whole }];
}

export function showGain(ladder: Ladder): Markup {
  const { metric, steps } = ladder;
  const rows = rowsOf(ladder);
  const drawn = rows.flatMap(({ name, contrast: { main } }) => {
    const row = main === null ? null : speedRow(main, name);
    if (row === null) return [];
    const { interval, note } = row;
    if (interval === null) return [row];
    const range = `${formatRatio(interval.low)} to ${formatRatio(interval.high)}`;
    return [{ ...row, note: `${note} (${range})` }];
  });
  const chart =
    drawn.length === 0
      ? absent('No ratio can be drawn.')
      : chartGrid([
          forestChart({
            title: `What each step gave: ${metric?.metric}`,
            about: `each against the rung before it${metric?.better === 'lower' ? ', the other way round: gains to the right' : ''}; bars are intervals at ${levelsOf(ladder).ratios}`,
            description: drawn.map(({ name, note }) => `${name} ${note}`).join(', '),
            label: 'times as good',
            rows: drawn,
          }),
        ]);
  return section(
    'What each step gave',
    [
      chart,
      tabulateGain(ladder, rows),
      steps.map(({ name, before, sinceBase }, k) =>
        before.speed.length === 0
          ? null
          : fold(
              `${name}: every figure`,
              [
                html`<h4>against the rung before</h4>\n`,
                tabulateSpeed(before.speed, `steps.${k}.before.speed`),
                k === 0 ? null : html`<h4>against the base</h4>\n`,
                k === 0 ? null : tabulateSpeed(sinceBase.speed, `steps.${k}.sinceBase.speed`),
              ],
              false,
            ),
      ),
    ],
    `Of the intervals: ${describeIntervals(ladder)}.`,
  );
}

function tabulateGain(ladder: Ladder, rows: readonly Row[]): Markup {
  const { metric, rungs, steps } = ladder;
  const interval = `interval, ${levelsOf(ladder).ratios}`;
  const columns = [
    { name: 'step' },
    numberColumn(metric?.metric ?? 'figure'),
    numberColumn('ratio'),
    { name: interval },
    { name: 'verdict' },
    numberColumn('against the base'),
    { name: interval },
  ];
  const ratioCells = (path: string, { main, reasons }: Contrast) => [
    showValue(
      { field: `${path}.main.ratio`, value: main?.ratio ?? null },
      '',
      main?.ratio == null ? 'none' : formatRatio(main.ratio),
    ),
    showRatioRange(
      `${path}.main.interval`,
      main?.interval ?? null,
      main?.absentBecause ?? reasons.join('; '),
    ),
  ];
  const figureOf = (k: number) =>
    showValue({ field: `rungs.${k}.figure`, value: rungs[k]!.figure }, metric?.unit ?? '');
  const cells = rows.map(({ name, path, contrast }, k) => {
    const step = steps[k];
    return step === undefined
      ? [name, '', ...ratioCells(path, contrast), judgeContrast(contrast).speed, '', '']
      : [
          name,
          figureOf(k + 1),
          ...ratioCells(path, contrast),
          judgeContrast(contrast).speed,
          ...ratioCells(`steps.${k}.sinceBase`, step.sinceBase),
        ];
  });
  return table(columns, [['the base', figureOf(0), '', '', '', '', ''], ...cells]);
}

export function showCost(ladder: Ladder): Markup {
  const scored = rowsOf(ladder).filter(
    ({ contrast }) => (contrast.quality?.metrics.length ?? 0) > 0,
  );
  const [first] = scored;
  if (first === undefined) {
    const why = ladder.whole.quality?.absentBecause ?? 'no rung was scored';
    return section('What each step cost in quality', absent(`Not compared: ${why}.`));
  }
  const { metric, samples } = first.contrast.quality!.metrics[0]!;
  return section(
    'What each step cost in quality',
    [
      drawCost(metric, scored, levelsOf(ladder).scores),
      tabulateCost(scored, levelsOf(ladder)),
      scored.map(({ name, path, contrast }) =>
        fold(
          `${name}: scores of both sides`,
          tabulateQuality(contrast.quality!.metrics, `${path}.quality.metrics`),
          false,
        ),
      ),
    ],
    `Differences in points over ${samples} samples, paired, each step against the rung before it. Identical answers have the same tokens to their ends.`,
  );
}

function drawCost(metric: string, scored: readonly Row[], level: string): Markup {
  const rows = scored.flatMap(({ name, contrast }) => {
    const found = contrast.quality!.metrics.find((one) => one.metric === metric);
    if (found === undefined || found.interval === null) return [];
    const { lower, upper } = found.interval;
    return [
      {
        name,
        ratio: found.difference,
        interval: { low: lower, high: upper },
        threshold: null,
        note: `${signed(found.difference)} (${signed(lower)} to ${signed(upper)})`,
      },
    ];
  });
  if (rows.length === 0) return absent('No difference has an interval.');
  return chartGrid([
    forestChart({
      title: `What each step cost: ${metric}`,
      about: `points against the rung before it, losses to the left; bars are intervals at ${level}`,
      description: rows.map(({ name, note }) => `${name} ${note}`).join(', '),
      label: 'points',
      reference: 0,
      rows,
    }),
  ]);
}

function tabulateCost(scored: readonly Row[], levels: LadderLevels): Markup {
  const names = scored[0]!.contrast.quality!.metrics.map(({ metric }) => metric);
  const columns = [
    { name: 'step' },
    ...names.flatMap((name) => [
      numberColumn(`${name}, points`),
      { name: `interval, ${levels.scores}` },
    ]),
    numberColumn('identical answers'),
    { name: `interval, ${levels.ratios}` },
    { name: 'verdict' },
  ];
  const agreementCells = (path: string, { agreement }: Contrast) => {
    const value = agreement?.summary?.exactShare ?? null;
    const field = `${path}.agreement`;
    return [
      showValue({ field: `${field}.summary.exactShare`, value }, '', formatShare(value)),
      showRange(
        `${field}.intervals.exactShare`,
        agreement?.intervals.exactShare ?? null,
        formatShare,
        agreement?.absentBecause ?? '',
      ),
    ];
  };
  const cellsOf = (path: string, metrics: readonly QualityDifference[], name: string) => {
    const at = metrics.findIndex(({ metric }) => metric === name);
    const found = metrics[at];
    if (found === undefined) return ['', ''];
    const { difference, interval, absentBecause } = found;
    const field = `${path}.quality.metrics.${at}`;
    return [
      showValue({ field: `${field}.difference`, value: difference }, '', signed(difference)),
      showRange(`${field}.interval`, interval, signed, absentBecause),
    ];
  };
  const rows = scored.map(({ name, path, contrast }) => [
    name,
    ...names.flatMap((metric) => cellsOf(path, contrast.quality!.metrics, metric)),
    ...agreementCells(path, contrast),
    judgeContrast(contrast).quality,
  ]);
  return table(columns, rows);
}
