// Where does a template of Jinja break off? Looks for the block, the tag or the comment that has no end, for a message: the
// library says nothing of it. What is Jinja, the library decides.

/** Statements that open a block; `set` does where it has no "=". */
const openers = ['for', 'if', 'macro', 'call', 'filter', 'set'];

interface Tag {
  readonly text: string;
  readonly line: number;
}

/** "{% for m in messages %} on line 3 has no {% endfor %}"; null where everything is closed. */
export function findOpenPart(template: string): string | null {
  const open: (Tag & { readonly name: string })[] = [];
  let at = 0;
  for (;;) {
    const start = template.slice(at).search(/\{[{%#]/);
    if (start < 0) break;
    const from = at + start;
    const kind = template[from + 1]!;
    const close = kind === '{' ? '}}' : `${kind}}`;
    const end = kind === '#' ? template.indexOf(close, from + 2) : findClose(template, from, close);
    const line = template.slice(0, from).split('\n').length;
    if (end < 0) return `${shorten(template.slice(from))} on line ${line} has no ${close}`;
    const text = template.slice(from, end + 2);
    const [, name = '', rest = ''] = /^\{%[-+]?\s*(\w+)(.*)/s.exec(text) ?? [];
    if (openers.includes(name) && !(name === 'set' && rest.includes('='))) {
      open.push({ name, text, line });
    } else if (name.startsWith('end')) open.pop();
    at = end + 2;
  }
  const last = open.at(-1);
  if (last === undefined) return null;
  return `${shorten(last.text)} on line ${last.line} has no {% end${last.name} %}`;
}

/** Texts in quotes may hold what looks like an end. */
function findClose(template: string, from: number, close: string): number {
  let quote = '';
  for (let at = from + 2; at < template.length; at++) {
    const character = template[at]!;
    if (quote !== '') {
      if (character === '\\') at++;
      else if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (template.startsWith(close, at)) return at;
  }
  return -1;
}

function shorten(text: string): string {
  const line = text.split('\n', 1)[0]!;
  return line.length > 60 || line.length < text.length ? `${line.slice(0, 57)}...` : line;
}
