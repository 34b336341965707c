// Texts beside each other, as they are: what was asked, what was expected, what came.

import { html, type Markup, nothing } from './markup.js';

export interface ShownText {
  readonly title: string;
  /** null: not known. */
  readonly text: string | null;
  /** Characters that are shown of it. */
  readonly most: number;
}

export interface TextGroup {
  readonly title: string;
  readonly facts: string;
  readonly texts: readonly ShownText[];
}

export function sideBySide(groups: readonly TextGroup[]): Markup {
  return html`${groups.map(
    ({ title, facts, texts }) => html`<article class="texts"><h4>${title} <span>${facts}</span></h4>
<div class="columns of-${texts.length}">${texts.map(showText)}</div></article>
`,
  )}`;
}

function showText({ title, text, most }: ShownText): Markup {
  const shown =
    text === null
      ? html`<p class="absent">not known</p>`
      : html`<pre class="shown">${text === '' ? html`<em>(empty)</em>` : excerpt(text, most)}</pre>`;
  const length =
    text !== null && text.length > most
      ? html` <span>of ${text.length} characters</span>`
      : nothing;
  return html`<div><h5>${title}${length}</h5>${shown}</div>`;
}

/** A quarter of what is shown is its beginning: questions stand at the end. */
export function excerpt(text: string, most: number): string {
  if (text.length <= most) return text;
  const head = Math.floor(most / 4);
  return `${text.slice(0, head)}\n[\u2026]\n${text.slice(text.length - (most - head))}`;
}
