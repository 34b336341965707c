// Headline figures: a name, a number with its unit, and a line of context each.

import { type Content, html, type Markup } from './markup.js';
import { formatNumber } from './number-text.js';
import { type RecordedValue, showValue } from './tagged-value.js';
import type { Tone } from './verdict-box.js';

export interface FigureCard {
  readonly name: string;
  readonly figure: RecordedValue;
  readonly unit: string;
  /** As it is to be shown, where not by four digits. */
  readonly text?: string;
  readonly context: Content;
  readonly tone?: Tone;
}

export function figureCards(cards: readonly FigureCard[]): Markup {
  const filled = cards.map(({ name, figure, unit, text, context, tone = 'plain' }) => {
    const shown = showValue(figure, '', text ?? formatNumber(figure.value));
    return html`<div class="card ${tone}"><h3>${name}</h3><p class="figure">${shown} <span class="unit">${unit}</span></p><p class="context">${context}</p></div>\n`;
  });
  return html`<div class="cards">${filled}</div>\n`;
}
