// Which rates did a search try, and which kept the limits?

import type { RunRecord } from '../../../run-record.js';
import { html, type Markup } from '../markup.js';
import { section } from '../page.js';
import { numberColumn, table } from '../table.js';
import { showValue } from '../tagged-value.js';
import { mark } from '../verdict-box.js';
import { recorded } from './recorded.js';

export function showPeakSearch(record: RunRecord): Markup {
  const search = record.performance?.peakSearch ?? null;
  if (search === null) return html``;
  const rows = search.probes.map(({ passed }, i) => [
    String(i + 1),
    showValue(recorded(record, `performance.peakSearch.probes.${i}.qps`), 'queries/s'),
    html`<span class="${passed ? 'good-text' : 'bad-text'}">${mark(passed ? 'good' : 'bad')}${passed ? 'kept' : 'broken'}</span>`,
  ]);
  const columns = [numberColumn('probe'), numberColumn('rate'), { name: 'limits' }];
  const lead =
    'Rates in the order in which they were tried. Samples, times and rates on this page are those of the last that kept the limits; what the engine did is of all of them.';
  return section('Search for the peak', table(columns, rows), lead);
}
