// The page about a sweep: between which loads the goodput lies, or the best points, first; then the drawings and the table.
// Figures carry their path in sweep.json.

import { describeRemark } from '../../../experiment/experiment-remarks.js';
import { findPackageRoot } from '../../../package-root.js';
import type { ParetoClass } from '../../../sweep/pareto.js';
import type { Goodput, Sweep } from '../../../sweep/sweep.js';
import { describeSettings } from '../../../sweep/sweep-point.js';
import { formatFigure } from '../../figure-text.js';
import { describePlace } from '../../place-text.js';
import {
  describeLimits,
  describeMeasured,
  describePareto,
  describeReach,
  describeRepeats,
  sortByLoad,
} from '../../sweep-summary.js';
import { fold } from '../fold.js';
import { type Content, html, type Markup } from '../markup.js';
import { formatNumber } from '../number-text.js';
import { formatPage, section } from '../page.js';
import { remarkList } from '../remark-list.js';
import { showValue } from '../tagged-value.js';
import { type Judgement, verdictBox } from '../verdict-box.js';
import { drawSweep, latencyOf, throughputOf } from './drawings.js';
import { type ShownPoint, tabulateLimits, tabulatePoints, tabulateTimes } from './points.js';

/** The whole document. */
export function formatSweepPage(sweep: Sweep): string {
  const { config, points, repeats, measuredOn, command, goodput } = sweep;
  const place = measuredOn === null ? [] : describePlace(measuredOn);
  const names = Object.keys(points[0]?.settings ?? {});
  const shown = sortByLoad(points).map((point): ShownPoint => {
    return { point, path: `points.${points.indexOf(point)}` };
  });
  return formatPage({
    title: `${config} over ${names.join(', ') || 'nothing yet'}`,
    subtitle: [
      `${points.length} point${points.length === 1 ? '' : 's'}`,
      `${repeats} repeat${repeats === 1 ? '' : 's'}${repeats > 1 ? ', all points in turn' : ''}`,
      ...place,
    ].join(' \u00b7 '),
    content: [
      showVerdict(sweep),
      remarkList(sweep.remarks.map(describeRemark)),
      section(
        'Throughput against latency',
        drawSweep(sweep, shown),
        `Pareto set: ${describePareto(sweep)}.${goodput === null ? '' : ` Limits: ${describeLimits(goodput)}.`}`,
      ),
      section(
        'Points',
        [tabulatePoints(sweep, shown), fold('Every time', tabulateTimes(shown))],
        `Times in ms, from the scheduled instant on. ${describeRepeats(sweep)}.`,
      ),
      goodput === null ? null : showLimits(goodput, shown),
      showRuns(shown),
      fold('The call', html`<pre class="command">${command.join(' ')}</pre>\n`),
    ],
    footer: html`Written by loadmark ${findPackageRoot().version} from sweep.json; every marked figure names its field there. Not an MLPerf result.`,
  });
}

function showVerdict(sweep: Sweep): Markup {
  const { points, goodput, interrupted } = sweep;
  const made = points.filter(({ runs }) => runs > 0);
  const invalid = made.filter(({ valid }) => !valid);
  const notes = [
    ...(interrupted ? ['Not all runs were made: the same call with this folder goes on.'] : []),
    ...invalid.map(
      ({ settings, invalidReasons }) =>
        `INVALID at ${describeSettings(settings)}: ${invalidReasons.join('; ')}`,
    ),
  ];
  const validity: Judgement = {
    tone: invalid.length === 0 ? 'good' : 'plain',
    title: `${made.length - invalid.length} of ${points.length} points VALID`,
    text: '',
  };
  const best = [bestOf(sweep, 'throughput'), bestOf(sweep, 'latency')].flatMap((one) => one ?? []);
  if (goodput !== null) {
    return verdictBox(judgeGoodput(goodput), [...judgeFurther(goodput), validity, ...best], notes);
  }
  const has = (wanted: ParetoClass) =>
    points.filter(({ pareto }) => pareto?.class === wanted).length;
  const front = has('frontier');
  return verdictBox(
    {
      tone: front > 0 ? 'good' : 'bad',
      title: `${front} of ${points.length} points on the Pareto frontier`,
      text: `as measured; ${has('cannot tell')} cannot be told from it, ${has('dominated')} dominated`,
    },
    [validity, ...best],
    notes,
  );
}

function judgeGoodput(goodput: Goodput): Judgement {
  const { rate, load, highestInside, lowestOutside } = goodput;
  const limits = ` (${describeLimits(goodput)})`;
  const reach = describeReach(goodput);
  const unit = load === 'rate' ? 'queries/s' : 'in flight';
  if (highestInside === null) {
    const title = lowestOutside === null ? 'No goodput shown' : `Below ${lowestOutside} ${unit}`;
    return { tone: 'bad', title, text: `${reach}${limits}` };
  }
  const upTo = lowestOutside === null ? '' : ` to ${lowestOutside}`;
  const more = lowestOutside === null ? ' or more' : '';
  return {
    tone: 'good',
    title: `${highestInside}${upTo} ${unit}${more}`,
    text: html`Goodput ${showValue({ field: 'goodput.rate', value: rate }, 'queries/s')}${reach}${limits}`,
  };
}

/** The other end of the bracket, what was measured, and what LoadGen calls VALID. */
function judgeFurther(goodput: Goodput): Judgement[] {
  const show = (name: 'outsideRate' | 'measuredRate' | 'validRate') =>
    showValue({ field: `goodput.${name}`, value: goodput[name] }, 'queries/s');
  return [
    { tone: 'plain', title: 'Lowest shown outside', text: show('outsideRate') },
    {
      tone: 'plain',
      title: 'As measured',
      text: html`${show('measuredRate')}: ${describeMeasured(goodput)}`,
    },
    { tone: 'plain', title: 'Of VALID runs, as measured', text: show('validRate') },
  ];
}

function showLimits(goodput: Goodput, shown: readonly ShownPoint[]): Markup {
  const { slo, confidence } = goodput;
  return section(
    'What is shown of the limits',
    tabulateLimits(goodput, shown),
    `Shown inside: of every limit the share of samples over it lies below ${formatNumber(100 - slo.percentile)} % by its upper bound; shown outside: of one, above by its lower. Bounds are exact binomial ones at ${formatFigure(100 * confidence)} %, of a load by itself, over as many samples as are effective, since slow ones come in clumps (design effect). Repeats have to agree too: the time at the percentile, below the share, lies on the same side of the limit by their scatter. Samples are those of the shortest run, and so are those that would tell.`,
  );
}

/** The end of the Pareto set with the highest throughput, or the lowest latency. */
function bestOf(sweep: Sweep, axis: 'throughput' | 'latency'): Judgement | null {
  const { points, axes } = sweep;
  const front = points.filter(({ pareto }) => pareto?.class === 'frontier');
  const figure = axis === 'throughput' ? throughputOf(sweep) : latencyOf(sweep);
  const sign = axis === 'throughput' ? -1 : 1;
  const [first] = front.sort((a, b) => sign * (figure.of(a)! - figure.of(b)!));
  if (first === undefined) return null;
  const field = `points.${points.indexOf(first)}.${figure.field}`;
  const unit = axis === 'throughput' ? axes.throughput : 'ms';
  const value: Content = showValue({ field, value: figure.of(first) }, unit);
  const title = axis === 'throughput' ? 'Highest throughput' : `Lowest ${axes.latency}`;
  return { tone: 'plain', title, text: html`${value} at ${describeSettings(first.settings)}` };
}

function showRuns(shown: readonly ShownPoint[]): Markup {
  const items = shown.map(
    ({ point: { settings, path, runs } }) =>
      html`<li>${describeSettings(settings)}: ${runs} run${runs === 1 ? '' : 's'}, ${path}</li>\n`,
  );
  return fold('Runs', html`<ul>${items}</ul>\n`);
}
