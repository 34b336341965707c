// HTML that data cannot break out of: whatever is put into a template is text, unless it is markup that another template
// made.

/** Markup that is safe as it stands; only `html` and `raw` make it. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What a template takes: null and false write nothing, lists are joined. */
export type Content = Markup | string | number | bigint | boolean | null | readonly Content[];

/** Escapes every value; text in attributes has to stand in quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let text = parts[0]!;
  for (const [i, value] of values.entries()) text += write(value) + parts[i + 1]!;
  return new Markup(text);
}

/** Our own constant text, the style sheet for one: never data. */
export function raw(text: string): Markup {
  return new Markup(text);
}

export const nothing = new Markup('');

function write(value: Content): string {
  if (value === null || value === false) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(write).join('');
  return escapeText(String(value));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * For text and quoted attributes. Control characters, which HTML forbids or drops, are shown by their pictures (U+2400
 * and on) or, where they have none, as halves of surrogate pairs are: U+FFFD.
 */
export function escapeText(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => entities[character]!)
    .replace(/(?![\t\n])\p{Cc}|\p{Cs}/gu, showUnprintable);
}

function showUnprintable(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\ufffd';
}
