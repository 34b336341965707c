// Where does a text stop being JSON? JSON.parse says that it is none, in words and places that differ between versions
// of Node; this reads the text once more, strictly by RFC 8259, and finds the place. Only faulty texts come here.

export interface JsonFault {
  /** In characters, from 0. */
  readonly offset: number;
  /** "a value is missing" */
  readonly message: string;
}

const blanks = /[ \t\r\n]*/y;
const scalar = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** null for a text that is JSON. */
export function findJsonFault(text: string): JsonFault | null {
  let at = 0;
  const open: ('{' | '[')[] = [];
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return false;
    at += match[0].length;
    return true;
  };
  const fault = (message: string): JsonFault => {
    const found = at >= text.length ? 'the text ends' : `there is ${JSON.stringify(text[at])}`;
    return { offset: at, message: `${message}; ${found}` };
  };
  const readString = (what: string): JsonFault | null => {
    if (text[at] !== '"') return fault(`${what} is missing`);
    at++;
    for (;;) {
      const character = text[at];
      if (character === undefined) return fault('a text in quotes does not end');
      if (character === '"') {
        at++;
        return null;
      }
      if (character < ' ') return fault('a text in quotes holds a control character');
      if (character !== '\\') at++;
      else if (!skip(escaped)) return fault('a text in quotes has no such escape');
    }
  };
  const readKey = (): JsonFault | null => {
    skip(blanks);
    const wrong = readString('a name');
    if (wrong !== null) return wrong;
    skip(blanks);
    if (text[at] !== ':') return fault('a colon is missing after a name');
    at++;
    return null;
  };
  for (;;) {
    skip(blanks);
    const first = text[at];
    if (first === '{' || first === '[') {
      at++;
      skip(blanks);
      if (text[at] !== (first === '{' ? '}' : ']')) {
        open.push(first);
        const wrong = first === '{' ? readKey() : null;
        if (wrong !== null) return wrong;
        continue;
      }
      at++;
    } else if (first === '"') {
      const wrong = readString('a value');
      if (wrong !== null) return wrong;
    } else if (!skip(scalar)) {
      return fault('a value is missing');
    }
    // A value has ended: what follows belongs to whatever is open around it.
    for (;;) {
      skip(blanks);
      const around = open.at(-1);
      if (around === undefined) return at === text.length ? null : fault('nothing may follow');
      if (text[at] === (around === '{' ? '}' : ']')) {
        at++;
        open.pop();
        continue;
      }
      if (text[at] !== ',') {
        return fault(`a comma or ${around === '{' ? '}' : ']'} is missing`);
      }
      at++;
      const wrong = around === '{' ? readKey() : null;
      if (wrong !== null) return wrong;
      break;
    }
  }
}
