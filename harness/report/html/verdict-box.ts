// The first thing a reader sees: does it count, and why or why not?

import { type Content, html, type Markup } from './markup.js';

/** good: as wished; bad: not; plain: nothing was judged. */
export type Tone = 'good' | 'bad' | 'plain';

export interface Judgement {
  readonly tone: Tone;
  /** "VALID", "5 of 5 targets met" */
  readonly title: string;
  readonly text: Content;
}

/** @param first the verdict; what else was judged stands beside it, reasons and remarks below. */
export function verdictBox(
  first: Judgement,
  others: readonly Judgement[],
  notes: readonly Content[],
): Markup {
  const beside = others.map(
    ({ tone, title, text }) =>
      html`<div class="judgement ${tone}"><strong>${mark(tone)}${title}</strong> <span>${text}</span></div>\n`,
  );
  const below = notes.map((note) => html`<li>${note}</li>\n`);
  return html`<section class="verdict ${first.tone}" aria-label="Verdict">
<p class="verdict-title">${first.title}</p>
<div class="judgements"><p class="verdict-text">${first.text}</p>
${beside}</div>
${below.length === 0 ? null : html`<ul class="notes">${below}</ul>`}</section>
`;
}

/** Colour alone would not reach every reader. */
export function mark(tone: Tone): string {
  return tone === 'good' ? '\u2713 ' : tone === 'bad' ? '\u2717 ' : '';
}
