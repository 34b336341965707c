// The frame of every page: one file that asks for nothing from anywhere, runs no script, and is read in light, in the
// dark and on paper.

import { type Content, html, type Markup, raw } from './markup.js';
import { styleSheet } from './style.js';

export interface Page {
  readonly title: string;
  readonly subtitle: Content;
  readonly content: Content;
  readonly footer: Content;
}

/** The whole document. */
export function formatPage({ title, subtitle, content, footer }: Page): string {
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${raw(styleSheet)}</style>
</head>
<body>
<header><h1>${title}</h1><p>${subtitle}</p></header>
<main>
${content}</main>
<footer>${footer}</footer>
</body>
</html>
`.text;
}

/** A part of the page under its own heading. */
export function section(title: string, content: Content, lead: Content = null): Markup {
  return html`<section><h2>${title}</h2>
${lead === null ? null : html`<p class="lead">${lead}</p>\n`}${content}</section>
`;
}

/** Charts side by side where there is room. */
export function chartGrid(charts: readonly Markup[]): Markup {
  return html`<div class="charts">${charts}</div>\n`;
}

/** Says what is not there, and why. */
export function absent(text: Content): Markup {
  return html`<p class="absent">${text}</p>\n`;
}
