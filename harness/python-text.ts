// What would Python's str methods give? Where they differ from JavaScript's, prompts and lengths differ by a byte.

/** What str.strip() takes off: unlike trim(), the separators 1C to 1F and 85, and not the mark FEFF. */
export function isBlank(character: string): boolean {
  return character !== '\ufeff' && (/\s/.test(character) || separators.includes(character));
}

const separators = '\x1c\x1d\x1e\x1f\x85';

/** What `\s` of Python's re matches, as the inside of a character class. */
export const blanks =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

export function stripBlanks(text: string): string {
  let start = 0;
  while (start < text.length && isBlank(text[start]!)) start++;
  return stripEnd(text.slice(start));
}

/** str.rstrip() */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** str.capitalize(): the first character in title case, every other one in lower case. */
export function capitalize(text: string): string {
  const first = text[Symbol.iterator]().next().value;
  if (first === undefined) return '';
  const title = titleForms[first] ?? toTitle(first);
  return title + text.toLowerCase().slice(first.toLowerCase().length);
}

/** One character may become two ("ß" is "Ss" at the head of a word). */
function toTitle(character: string): string {
  const [head = '', ...rest] = character.toUpperCase();
  return head + rest.join('').toLowerCase();
}

/** Letters that have a third case. */
const titleForms: Readonly<Record<string, string>> = {
  ǆ: 'ǅ',
  Ǆ: 'ǅ',
  ǉ: 'ǈ',
  Ǉ: 'ǈ',
  ǌ: 'ǋ',
  Ǌ: 'ǋ',
  ǳ: 'ǲ',
  Ǳ: 'ǲ',
};

/** len(): Unicode code points. */
export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
