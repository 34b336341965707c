// What not every reader wants: folded, opened by a click without a script, and open on paper.

import { type Content, html, type Markup } from './markup.js';

/** @param onPaper false: left out of print, for what repeats a chart. */
export function fold(summary: Content, content: Content, onPaper = true): Markup {
  return html`<details class="${onPaper ? 'fold' : 'fold screen-only'}"><summary>${summary}</summary>
<div class="fold-body">${content}</div></details>
`;
}
