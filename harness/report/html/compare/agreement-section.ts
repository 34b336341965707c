// Where two sides' answers part: shares and the median as a table, and the agreement along the answers drawn.

import type { AgreementComparison } from '../../../compare/agreement.js';
import { formatAgreementShare } from '../../agreement-rows.js';
import { scatterChart } from '../charts/scatter.js';
import type { Markup } from '../markup.js';
import { formatNumber } from '../number-text.js';
import { absent, chartGrid, section } from '../page.js';
import { numberColumn, table } from '../table.js';
import { showRange, showValue } from '../tagged-value.js';

/** @param path of the agreement in the record */
export function showAgreement(
  agreement: AgreementComparison,
  path: string,
  suffix: string,
): Markup {
  const { summary, absentBecause, byPosition, leftOut } = agreement;
  const title = `Tokens${suffix}`;
  if (summary === null) return section(title, absent(`Not compared: ${absentBecause}.`));
  const others = leftOut === 0 ? '' : `; ${leftOut} that only one side answered are left out`;
  return section(
    title,
    [
      tabulate(agreement, path),
      byPosition.length < 2 ? null : chartGrid([drawPositions(agreement)]),
    ],
    `${summary.samples} samples, token by token at the same position, the first being 0${others}. Greedy answers part where two tokens are nearly as likely: what comes behind is another answer, not a fault of each position.`,
  );
}

function formatUnbroken(share: number): string {
  return formatAgreementShare(share).replace(' ', '\u00a0');
}

function tabulate({ summary, intervals }: AgreementComparison, path: string): Markup {
  const { exactShare, tokenShare, firstDivergence } = summary!;
  const share = (name: 'exactShare' | 'tokenShare', value: number) => [
    showValue({ field: `${path}.summary.${name}`, value }, '', formatUnbroken(value)),
    showRange(`${path}.intervals.${name}`, intervals[name], formatUnbroken),
  ];
  const rows = [
    ['identical answers', ...share('exactShare', exactShare)],
    ['equal tokens, of all positions', ...share('tokenShare', tokenShare)],
    [
      'first difference, median of the answers that part',
      showValue({
        field: `${path}.summary.firstDivergence.p50`,
        value: firstDivergence?.p50 ?? null,
      }),
      showRange(`${path}.intervals.firstDivergence`, intervals.firstDivergence, formatNumber),
    ],
  ];
  return table([{ name: '' }, numberColumn('figure'), { name: 'interval' }], rows);
}

function drawPositions({ byPosition }: AgreementComparison): Markup {
  const last = byPosition.at(-1)!;
  return scatterChart({
    title: 'Agreement along the answers',
    about: 'of the positions that either answer reaches, and of all answers',
    description: `${formatAgreementShare(last.togetherShare)} of the answers are the same to their ends.`,
    xLabel: 'position of the token',
    yLabel: '%',
    isTime: true,
    series: [
      {
        name: 'equal there',
        isJoined: true,
        points: byPosition.map(({ from, to, equalShare }) => ({
          x: (from + to) / 2,
          y: 100 * equalShare,
        })),
      },
      {
        name: 'not parted up to there',
        isJoined: true,
        points: byPosition.map(({ to, togetherShare }) => ({ x: to, y: 100 * togetherShare })),
      },
    ],
  });
}
