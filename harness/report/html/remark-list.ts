// Remarks under a verdict, which they qualify.

import { html, type Markup } from './markup.js';

/** null where nothing is remarked. */
export function remarkList(remarks: readonly string[]): Markup | null {
  if (remarks.length === 0) return null;
  const items = remarks.map((remark) => html`<li>${remark}</li>\n`);
  return html`<ul class="notes remarks">${items}</ul>\n`;
}
