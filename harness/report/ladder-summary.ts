// What a person reads after `bench ladder`: a line a step with its ratio, its cost and what is said of either, the whole, and
// what the factors do to one another.

import { formatRange, formatRatio } from '../compare/change.js';
import type { SpeedRatio } from '../compare/speed.js';
import { describeRemark } from '../experiment/experiment-remarks.js';
import type { Contrast, Ladder, MeasuredStep } from '../ladder/ladder.js';
import type { SettingChange } from '../ladder/ladder-factor.js';
import type { Interval } from '../statistics/index.js';
import { alignColumns } from './columns.js';
import { formatFigure } from './figure-text.js';
import { signed } from './judgement-text.js';
import { describeFewRepeats, describeIntervals, levelsOf } from './ladder-levels.js';
import { judgeContrast, judgeInteraction } from './ladder-verdicts.js';

/** The whole text, last newline included. */
export function formatLadder(ladder: Ladder, folder: string): string {
  const { steps, rungs, whole, metric, interrupted, remarks } = ladder;
  const blocks = [
    `${ladder.base} to ${ladder.optimized}: ${steps.length} step${steps.length === 1 ? '' : 's'}, ${ladder.repeats} repeats in turns`,
    ...(interrupted ? ['NOT ALL RUNS WERE MADE: the same call with this --output goes on'] : []),
    alignColumns([
      [
        'step',
        metric?.metric ?? 'speed',
        'ratio',
        `interval, ${levelsOf(ladder).ratios}`,
        'speed',
        ...qualityHead(ladder),
        'what changes',
      ],
      [
        'base',
        formatFigure(rungs[0]!.figure),
        '',
        '',
        '',
        ...qualityHead(ladder).map(() => ''),
        '',
      ],
      ...steps.map((step, k) => formatStep(step, rungs[k + 1]!.figure, ladder)),
      ['whole', '', ...ratioCells(whole), ...qualityCells(whole, ladder), ''],
    ]),
    ...formatInteractions(ladder),
    ...formatNotes(ladder),
    ...(remarks.length === 0
      ? []
      : [`Remarks\n${remarks.map((one) => `  ${describeRemark(one)}`).join('\n')}`]),
    `Files  ${folder}`,
  ];
  return `${blocks.join('\n\n')}\n`;
}

function formatStep(step: MeasuredStep, figure: number | null, ladder: Ladder): string[] {
  const { name, before, changes } = step;
  const cells = [...ratioCells(before), ...qualityCells(before, ladder)];
  return [name, formatFigure(figure), ...cells, changes.map(describeChange).join(', ')];
}

/** Ratio, interval and what is said of the speed. */
function ratioCells(contrast: Contrast): string[] {
  const { main } = contrast;
  const { speed } = judgeContrast(contrast);
  return main?.ratio == null
    ? ['-', '', speed]
    : [formatRatio(main.ratio), showRange(main.interval), speed];
}

/** The first score stands for the others, which ladder.json has. */
function mainScore({ whole, steps }: Ladder): string | null {
  const contrasts = [whole, ...steps.map(({ before }) => before)];
  return contrasts.flatMap(({ quality }) => quality?.metrics[0]?.metric ?? [])[0] ?? null;
}

function qualityHead(ladder: Ladder): string[] {
  const score = mainScore(ladder);
  return score === null
    ? []
    : [`${score}, points`, `interval, ${levelsOf(ladder).scores}`, 'quality'];
}

/** Of the first score, and what is said of all. */
function qualityCells(contrast: Contrast, ladder: Ladder): string[] {
  const score = mainScore(ladder);
  if (score === null) return [];
  const { quality } = judgeContrast(contrast);
  const found = contrast.quality?.metrics.find(({ metric }) => metric === score);
  if (found === undefined) return ['-', '', quality];
  const { difference, interval } = found;
  return [
    signed(difference),
    interval === null ? '' : `${signed(interval.lower)} to ${signed(interval.upper)}`,
    quality,
  ];
}

function formatInteractions(ladder: Ladder): string[] {
  const measured = ladder.steps.flatMap(({ name, alone, interaction }) =>
    alone?.main?.ratio == null || interaction === null
      ? []
      : [{ name, main: alone.main, interaction }],
  );
  if (measured.length === 0) return [];
  const rows = measured.map(({ name, main, interaction }) => [
    `  ${name}`,
    formatAlone(main),
    formatRatio(interaction.ratio),
    showRange(interaction.interval),
    judgeInteraction(interaction, main.better),
  ]);
  const head = [
    'Factors alone on the base',
    'ratio',
    'step / alone',
    `interval, ${levelsOf(ladder).interactions}`,
    '',
  ];
  return [alignColumns([head, ...rows])];
}

function formatAlone({ ratio, interval }: SpeedRatio): string {
  const range = showRange(interval);
  return range === '' ? formatRatio(ratio!) : `${formatRatio(ratio!)} (${range})`;
}

function formatNotes(ladder: Ladder): string[] {
  const { steps, rungs, whole } = ladder;
  const few = describeFewRepeats(ladder);
  const notes = [
    ...describePlan(ladder),
    ...rungs.flatMap(({ label, invalidReasons }) =>
      invalidReasons.length === 0 ? [] : [`${label} is INVALID: ${invalidReasons.join('; ')}`],
    ),
    ...steps.flatMap(({ name, before }) =>
      before.reasons.length === 0 ? [] : [`no ratio of ${name}: ${before.reasons.join('; ')}`],
    ),
    ...steps
      .slice(1)
      .flatMap(({ name, alone }) =>
        alone === null || alone.reasons.length === 0
          ? []
          : [`no ratio of ${name} alone: ${alone.reasons.join('; ')}`],
      ),
    ...(whole.main?.absentBecause ? [`no interval: ${whole.main.absentBecause}`] : []),
    `intervals: ${describeIntervals(ladder)}`,
    ...(few === null ? [] : [few]),
  ];
  return [notes.join('\n')];
}

/** Why settings move together, cannot be alone, or are no step. */
export function describePlan({ steps, same }: Ladder): string[] {
  return [
    ...steps.flatMap(({ name, mergedBecause }) =>
      mergedBecause === null ? [] : [`${name} is one step: ${mergedBecause}`],
    ),
    ...steps.flatMap(({ name, notAloneBecause }) =>
      notAloneBecause === null ? [] : [`${name} cannot be alone on the base: ${notAloneBecause}`],
    ),
    ...same.map((change) => `no step, since it is the same here: ${describeChange(change)}`),
  ];
}

function showRange(interval: Interval | null): string {
  return interval === null ? '' : formatRange(interval);
}

function describeChange({ key, from, to }: SettingChange): string {
  return `${key} ${from ?? 'null'} -> ${to ?? 'null'}`;
}
