// Agreement of tokens in words and figures, for a terminal and a pull request alike.

import type { AgreementComparison } from '../compare/agreement.js';

/** A name, a figure and an interval each; the head first. Empty where nothing is compared. */
export function listAgreement({ summary, intervals }: AgreementComparison): string[][] {
  if (summary === null) return [];
  const { samples, exactShare, tokenShare, firstDivergence } = summary;
  const parted = Math.round(samples * (1 - exactShare));
  const range = (
    interval: { readonly lower: number; readonly upper: number } | null,
    format: (value: number) => string,
  ) => (interval === null ? '' : `${format(interval.lower)} to ${format(interval.upper)}`);
  return [
    [`Tokens, ${samples} samples`, '', 'interval'],
    [
      'identical answers',
      formatAgreementShare(exactShare),
      range(intervals.exactShare, formatAgreementShare),
    ],
    [
      'equal, position by position',
      formatAgreementShare(tokenShare),
      range(intervals.tokenShare, formatAgreementShare),
    ],
    firstDivergence === null
      ? ['first difference', 'none', '']
      : [
          `first difference, median of the ${parted} that part`,
          `position ${firstDivergence.p50}`,
          range(intervals.firstDivergence, String),
        ],
  ];
}

/** Two decimals, for answers agree in nearly all: 98.10 %. */
export function formatAgreementShare(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
