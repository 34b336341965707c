// Tables: a header, rows, numbers to the right; and the pair of value and interval that estimates are shown by.

import { type Content, html, type Markup } from './markup.js';
import { formatNumber } from './number-text.js';

export interface Column {
  readonly name: Content;
  /** Numbers stand to the right. */
  readonly isNumber?: boolean;
}

/** The first cell of a row heads it. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
  caption: string | null = null,
): Markup {
  const className = (index: number) => (columns[index]?.isNumber === true ? 'number' : 'text');
  const head = columns.map(
    ({ name }, i) => html`<th scope="col" class="${className(i)}">${name}</th>`,
  );
  const body = rows.map(([first = '', ...cells]) => [
    html`<tr><th scope="row" class="${className(0)}">${first}</th>`,
    cells.map((cell, i) => html`<td class="${className(i + 1)}">${cell}</td>`),
    html`</tr>\n`,
  ]);
  return html`<div class="table"><table>${caption === null ? null : html`<caption>${caption}</caption>`}<thead><tr>${head}</tr></thead><tbody>
${body}</tbody></table></div>
`;
}

export function numberColumn(name: Content): Column {
  return { name, isNumber: true };
}

/** A mean and where it lies by its error. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

export function formatInterval(interval: Interval | null): string {
  if (interval === null) return 'none';
  return `${formatNumber(interval.low)} to ${formatNumber(interval.high)}`;
}

/** Names and values, as settings are shown. */
export function pairs(rows: readonly (readonly [string, Content])[]): Markup {
  const lines = rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`);
  return html`<dl class="pairs">${lines}</dl>\n`;
}
