// Records of a CSV file with the lines they begin on, quotes and line breaks inside quotes as RFC 4180 has them and as
// Python's csv module reads them. What a field means is the caller's business.

export interface CsvRecord {
  /** Counted from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

export interface CsvFault {
  readonly line: number;
  readonly message: string;
}

/** Blank lines are no records. A quote that never ends is the file's only fault. */
export function parseCsv(text: string): {
  readonly records: readonly CsvRecord[];
  readonly fault: CsvFault | null;
} {
  const records: CsvRecord[] = [];
  let at = text.startsWith('\ufeff') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const begin = line;
    const fields: string[] = [];
    for (let isOpen = true; isOpen; ) {
      const field = readField(text, at);
      if (field === null) {
        return { records, fault: { line: begin, message: 'opens a quote that never closes' } };
      }
      fields.push(field.value);
      line += countBreaks(field.value);
      at = field.end;
      isOpen = text[at] === ',';
      if (isOpen) at++;
    }
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    line++;
    if (fields.length > 1 || fields[0] !== '') records.push({ line: begin, fields });
  }
  return { records, fault: null };
}

/** The field that begins at `at`, and where it ends; null when its quote never closes. */
function readField(
  text: string,
  at: number,
): { readonly value: string; readonly end: number } | null {
  if (text[at] !== '"') {
    const end = findEnd(text, at);
    return { value: text.slice(at, end), end };
  }
  let value = '';
  for (let from = at + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return null;
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') {
      // What follows a closing quote belongs to the field, as Python's reader has it.
      const end = findEnd(text, quote + 1);
      return { value: value + text.slice(quote + 1, end), end };
    }
    value += '"';
    from = quote + 2;
  }
}

function findEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && !',\r\n'.includes(text[end]!)) end++;
  return end;
}

function countBreaks(value: string): number {
  return value.split('\n').length - 1;
}
