// The page about a ladder: what the whole gave first, then each step's ratio and cost, what factors do to one another, and
// what was run. Figures carry their path in ladder.json.

import { formatRatio } from '../../../compare/change.js';
import { describeRemark } from '../../../experiment/experiment-remarks.js';
import type { Ladder } from '../../../ladder/ladder.js';
import { findPackageRoot } from '../../../package-root.js';
import { describeFewRepeats, levelsOf } from '../../ladder-levels.js';
import { describePlan } from '../../ladder-summary.js';
import { judgeContrast, judgeInteraction } from '../../ladder-verdicts.js';
import { describePlace } from '../../place-text.js';
import { qualityTones, speedTones } from '../compare/verdict-tones.js';
import { fold } from '../fold.js';
import { html, type Markup } from '../markup.js';
import { absent, formatPage, section } from '../page.js';
import { remarkList } from '../remark-list.js';
import { numberColumn, table } from '../table.js';
import { showRatioRange, showValue } from '../tagged-value.js';
import { type Judgement, verdictBox } from '../verdict-box.js';
import { showCost, showGain } from './steps.js';

/** The whole document. */
export function formatLadderPage(ladder: Ladder): string {
  const { base, optimized, steps, repeats, measuredOn, command } = ladder;
  const place = measuredOn === null ? [] : describePlace(measuredOn);
  return formatPage({
    title: `From ${base} to ${optimized}, step by step`,
    subtitle: [
      `${steps.length} step${steps.length === 1 ? '' : 's'}`,
      `${repeats} repeat${repeats === 1 ? '' : 's'}, all rungs in turn`,
      ...place,
    ].join(' \u00b7 '),
    content: [
      showVerdict(ladder),
      remarkList(ladder.remarks.map(describeRemark)),
      showGain(ladder),
      showCost(ladder),
      showInteractions(ladder),
      showSettings(ladder),
      showRungs(ladder),
      fold('The call', html`<pre class="command">${command.join(' ')}</pre>\n`),
    ],
    footer: html`Written by loadmark ${findPackageRoot().version} from ladder.json; every marked figure names its field there. Not an MLPerf result.`,
  });
}

function showVerdict(ladder: Ladder): Markup {
  const { whole, steps, rungs, interrupted, base, optimized } = ladder;
  const { main, verdict, reasons } = whole;
  const judged = judgeContrast(whole);
  const few = describeFewRepeats(ladder);
  const text =
    main?.ratio == null
      ? `${optimized} cannot be set against ${base} in speed`
      : html`${optimized} has ${showValue({ field: 'whole.main.ratio', value: main.ratio }, '', formatRatio(main.ratio))} (${showRatioRange('whole.main.interval', main.interval, main.absentBecause)}${main.interval === null ? '' : ` at ${levelsOf(ladder).ratios}`}) the ${main.metric} of ${base}`;
  const title = main?.ratio == null ? 'no ratio' : `${formatRatio(main.ratio)} ${main.metric}`;
  const shown = steps.filter(({ interaction }) => interaction?.isShown);
  const others: Judgement[] = [
    { tone: 'plain', title: judged.speed, text: 'in speed' },
    {
      tone: verdict === null ? 'plain' : qualityTones[verdict.quality],
      title: judged.quality,
      text: 'in quality',
    },
    ...shown.map(({ name, interaction, alone }): Judgement => {
      const text = judgeInteraction(interaction!, alone!.main!.better);
      return { tone: 'plain', title: name, text };
    }),
  ];
  const notes = [
    ...(interrupted ? ['Not all runs were made: the same call with this folder goes on.'] : []),
    ...(few === null ? [] : [few]),
    ...reasons,
    ...rungs.flatMap(({ label, invalidReasons }) =>
      invalidReasons.length === 0 ? [] : [`${label} is INVALID: ${invalidReasons.join('; ')}`],
    ),
  ];
  const tone = verdict === null ? 'plain' : speedTones[verdict.speed];
  return verdictBox({ tone, title, text }, others, notes);
}

function showInteractions(ladder: Ladder): Markup {
  const { steps, simultaneous } = ladder;
  const interval = `interval, ${levelsOf(ladder).interactions}`;
  const measured = steps.flatMap((step, k) =>
    step.interaction === null || step.alone?.main?.ratio == null ? [] : [{ ...step, k }],
  );
  const lead =
    'A factor may give another ratio after the steps before it than alone on the base: the last column is the first over the second.';
  if (measured.length === 0) {
    const why =
      simultaneous.interactions === null
        ? 'No factor was measured alone on the base.'
        : 'Not run yet.';
    return section('Interactions', absent(why), lead);
  }
  const columns = [
    { name: 'step' },
    numberColumn('as this step'),
    numberColumn('alone on the base'),
    { name: interval },
    numberColumn('step over alone'),
    { name: interval },
    { name: '' },
  ];
  const rows = measured.map(({ name, k, alone, before, interaction }) => {
    const ratioAt = (field: string, value: number | null) =>
      showValue(
        { field: `steps.${k}.${field}`, value },
        '',
        value === null ? 'none' : formatRatio(value),
      );
    const { ratio, interval: bounds } = interaction!;
    const { better } = alone!.main!;
    return [
      name,
      ratioAt('before.main.ratio', before.main?.ratio ?? null),
      ratioAt('alone.main.ratio', alone!.main!.ratio),
      showRatioRange(`steps.${k}.alone.main.interval`, alone!.main!.interval),
      ratioAt('interaction.ratio', ratio),
      showRatioRange(`steps.${k}.interaction.interval`, bounds),
      judgeInteraction(interaction!, better),
    ];
  });
  return section('Interactions', table(columns, rows), lead);
}

function showSettings(ladder: Ladder): Markup {
  const { steps } = ladder;
  const columns = [{ name: 'step' }, { name: 'setting' }, { name: 'from' }, { name: 'to' }];
  const rows = steps.flatMap(({ name, changes }) =>
    changes.map(({ key, from, to }) => [name, key, String(from), String(to)]),
  );
  const notes = describePlan(ladder);
  return section('What each step changes', [
    table(columns, rows),
    notes.length === 0 ? null : html`<ul>${notes.map((note) => html`<li>${note}</li>\n`)}</ul>\n`,
  ]);
}

function showRungs({ rungs, metric, steps }: Ladder): Markup {
  const unit = metric?.unit ?? '';
  const columns = [
    { name: 'rung' },
    { name: 'adds' },
    numberColumn(metric?.metric ?? 'figure'),
    numberColumn('runs'),
    { name: 'verdict' },
    { name: 'folder' },
  ];
  const rows = rungs.map(({ label, path, runs, figure, invalidReasons }, k) => [
    label,
    k === 0 ? 'the base' : steps[k - 1]!.name,
    showValue({ field: `rungs.${k}.figure`, value: figure }, unit),
    showValue({ field: `rungs.${k}.runs`, value: runs }),
    runs === 0 ? 'not run yet' : invalidReasons.length === 0 ? 'VALID' : 'INVALID',
    path,
  ]);
  return fold('Runs: figures are geometric means over those of a rung', table(columns, rows));
}
