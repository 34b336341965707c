// A figure on the page that says where in the record it stands: `data-field` is the path, `data-value` the value there,
// so that a program, a test or a doubting reader can hold the page against the JSON.

import { formatRange, formatRatio, formatterOf, isTooWide } from '../../compare/change.js';
import { type Content, html, type Markup } from './markup.js';
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

/** Both ends of the interval at `field`, or what stands in its place. */
export function showRange(
  field: string,
  interval: { readonly lower: number; readonly upper: number } | null,
  format: (value: number) => string,
  otherwise: Content = 'none',
): Content {
  if (interval === null) return otherwise;
  const end = (name: 'lower' | 'upper') => {
    const value = interval[name];
    return showValue({ field: `${field}.${name}`, value }, '', format(value));
  };
  return html`${end('lower')} to ${end('upper')}`;
}

/** Of a ratio; words where its bounds are so far apart that they are no statement. */
export function showRatioRange(
  field: string,
  interval: { readonly lower: number; readonly upper: number } | null,
  otherwise?: Content,
): Content {
  if (interval === null) return showRange(field, interval, formatRatio, otherwise);
  return isTooWide(interval)
    ? formatRange(interval)
    : showRange(field, interval, formatterOf(interval), otherwise);
}
