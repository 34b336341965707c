// A figure on the page that says where in the record it stands: `data-field` is the path, `data-value` the value there,
// so that a program, a test or a doubting reader can hold the page against the JSON.

import { html, type Markup } from './markup.js';
import { formatQuantity } from './number-text.js';

/** A value of the record that the page is about. */
export interface RecordedValue {
  /** Names joined by dots: "performance.ttftMs.p99", "accuracy.targets.0.value". */
  readonly field: string;
  readonly value: number | null;
}

/** @param text how it is shown; by four significant digits and the unit where it is left out. */
export function showValue(
  { field, value }: RecordedValue,
  unit = '',
  text = formatQuantity(value, unit),
): Markup {
  const exact = value === null ? 'not measured' : String(value);
  return html`<data class="value" value="${exact}" data-field="${field}" data-value="${String(value)}" title="${field}: ${exact}">${text}</data>`;
}
