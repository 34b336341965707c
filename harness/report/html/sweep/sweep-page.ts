// The page about a sweep: the highest load inside the limits, or the best points, first; then the drawings and the table.
// Figures carry their path in sweep.json.

import { describeRemark } from '../../../experiment/experiment-remarks.js';
import { findPackageRoot } from '../../../package-root.js';
import type { Sweep } from '../../../sweep/sweep.js';
import { describeSettings } from '../../../sweep/sweep-point.js';
import { formatFigure } from '../../comparison-summary.js';
import { describeLimits, describeReach, sortByLoad } from '../../sweep-summary.js';
import { fold } from '../fold.js';
import { type Content, html, type Markup } from '../markup.js';
import { formatPage, section } from '../page.js';
import { remarkList } from '../remark-list.js';
import { showValue } from '../tagged-value.js';
import { type Judgement, verdictBox } from '../verdict-box.js';
import { drawSweep, latencyOf, throughputOf } from './drawings.js';
import { type ShownPoint, tabulatePoints, tabulateTimes } from './points.js';

/** The whole document. */
export function formatSweepPage(sweep: Sweep): string {
  const { config, points, repeats, command, goodput } = sweep;
  const names = Object.keys(points[0]?.settings ?? {});
  const shown = sortByLoad(points).map((point): ShownPoint => {
    return { point, path: `points.${points.indexOf(point)}` };
  });
  return formatPage({
    title: `${config} over ${names.join(', ') || 'nothing yet'}`,
    subtitle: `${points.length} point${points.length === 1 ? '' : 's'} \u00b7 ${repeats} repeat${repeats === 1 ? '' : 's'}${repeats > 1 ? ', all points in turn' : ''}`,
    content: [
      showVerdict(sweep),
      remarkList(sweep.remarks.map(describeRemark)),
      section(
        'Throughput against latency',
        drawSweep(sweep, shown),
        `Pareto: no other VALID point is better in ${sweep.axes.throughput} and ${sweep.axes.latency}.${goodput === null ? '' : ` Limits: ${describeLimits(goodput)}.`}`,
      ),
      section(
        'Points',
        [tabulatePoints(sweep, shown), fold('Every time', tabulateTimes(shown))],
        `Times in ms, from the scheduled instant on. Small figures are 95 % intervals, each of its own: ${repeats > 1 ? 'over the repeats' : 'of times over the samples of the one run, taken as independent; a rate has none with one run'}.`,
      ),
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
    const { rate, validRate } = goodput;
    const title = rate === null ? 'No goodput' : `${formatFigure(rate)} queries/s`;
    const figure = showValue({ field: 'goodput.rate', value: rate }, 'queries/s');
    const reach = describeReach(goodput);
    const text = html`${rate === null ? reach : html`Goodput ${figure}${reach}`} (${describeLimits(goodput)})`;
    const ofValid = showValue({ field: 'goodput.validRate', value: validRate }, 'queries/s');
    const sure: Judgement = { tone: 'plain', title: 'Of VALID runs', text: ofValid };
    const tone = rate === null ? 'bad' : 'good';
    return verdictBox({ tone, title, text }, [sure, validity, ...best], notes);
  }
  const front = points.filter(({ isPareto }) => isPareto).length;
  return verdictBox(
    {
      tone: front > 0 ? 'good' : 'bad',
      title: `${front} of ${points.length} points in the Pareto set`,
      text: 'those that no other VALID point beats in both',
    },
    [validity, ...best],
    notes,
  );
}

/** The end of the Pareto set with the highest throughput, or the lowest latency. */
function bestOf(sweep: Sweep, axis: 'throughput' | 'latency'): Judgement | null {
  const { points, axes } = sweep;
  const front = points.filter(({ isPareto }) => isPareto);
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
