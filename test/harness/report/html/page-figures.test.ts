// Would the check of a page's figures see a wrong one?
import { expect, it } from 'vitest';
import { html } from '../../../../harness/report/html/markup.js';
import { showValue } from '../../../../harness/report/html/tagged-value.js';
import { checkFigures, isSeenAs } from './page-figures.js';

it.each([
  [1234.4, '1\u202f234'],
  [1234.4, '1\u202f234\u00a0tokens/s'],
  [0.95004, '0.95'],
  [2, '2.00x'],
  [0.4523, '45.2\u00a0%'],
  [0, '0'],
  [-0.004, '-0.00'],
  [0.004, '+0.00'],
  [null, 'none'],
])('%s is seen as "%s"', (value, text) => expect(isSeenAs(value, text)).toBe(true));

it.each([
  [1235.4, '1\u202f234'],
  [0.9504, '0.94'],
  // Two digits of a figure that has more.
  [0.956, '0.96'],
  [1.996, '1.99x'],
  [0.4523, '45.2'],
  [0.4523, '45.3\u00a0%'],
  [0.02, '+0.01'],
  [1, 'none'],
  [null, '0'],
  [undefined, 'none'],
  [7, ''],
])('%s is not seen as "%s"', (value, text) => expect(isSeenAs(value, text)).toBe(false));

it('a page whose text is not its tag is refused', () => {
  const page = (text: string) =>
    html`<p>${showValue({ field: 'a.b', value: 3.21 }, 'ms', text)}</p>`.text;
  expect(checkFigures(page('3.21\u00a0ms'), { a: { b: 3.21 } })).toBe(1);
  expect(() => checkFigures(page('3.12\u00a0ms'), { a: { b: 3.21 } })).toThrow();
  expect(() => checkFigures(page('3.21\u00a0ms'), { a: { b: 3.22 } })).toThrow();
});
