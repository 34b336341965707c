// What differs between the sides of a comparison, of runs or of evaluations.

import { describe } from '../../../compare/comparability.js';
import type { Factor } from '../../../compare/factors.js';
import { fold } from '../fold.js';
import { html, type Markup } from '../markup.js';
import { absent, section } from '../page.js';
import { table } from '../table.js';

/** What differs as a table, a column a side; what is the same folded. */
export function showDifferences(
  factors: readonly Factor[],
  sides: readonly { readonly label: string }[],
): Markup {
  const differing = factors.filter(({ isSame }) => !isSame);
  const same = factors.filter(({ isSame, values }) => isSame && values[0] !== null);
  const columns = [
    { name: 'fact' },
    { name: 'of' },
    ...sides.map(({ label }) => ({ name: label })),
  ];
  const rows = differing.map(({ name, kind, values }) => [
    name,
    kind,
    ...values.map((value) => (value === null ? 'unknown' : String(value))),
  ]);
  const alike = same.map(
    (factor) => html`<li>${describe({ ...factor, values: factor.values.slice(0, 1) })}</li>\n`,
  );
  return section('What differs', [
    rows.length === 0 ? absent('Nothing that is recorded.') : table(columns, rows),
    fold('What is the same', html`<ul>${alike}</ul>\n`, false),
  ]);
}
