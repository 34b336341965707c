// Lines of a file that is larger than the pieces it is read in, and those that are no objects.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readJsonLines } from '../../harness/json-lines-file.js';

const folder = mkdtempSync(join(tmpdir(), 'loadmark-lines-'));
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string): unknown[] {
  const file = join(folder, 'rows.jsonl');
  writeFileSync(file, text);
  return [...readJsonLines(file)];
}

describe('readJsonLines', () => {
  it('reads lines across the pieces of a large file, of any length and in any script', () => {
    // 3 MB and more: each line ends elsewhere in the pieces of 1 MiB, and characters lie across their ends.
    const rows = Array.from({ length: 700 }, (_, i) => ({ i, text: '\u00e9\u{1f600}x'.repeat(i) }));
    expect(read(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))).toEqual(rows);
    const long = { text: 'y'.repeat(2_500_000) };
    expect(read(`{"i":1}\n${JSON.stringify(long)}\n{"i":2}`)).toEqual([{ i: 1 }, long, { i: 2 }]);
  });

  it('passes over empty lines, and takes an empty file', () => {
    expect(read('')).toEqual([]);
    expect(read('\n{"i":1}\r\n\n')).toEqual([{ i: 1 }]);
  });

  it('names the line that is no JSON object', () => {
    expect(() => read('{"i":1}\n{"i":\n')).toThrow(/rows\.jsonl, line 2: /);
    expect(() => read('{"i":1}\n\n[1]\n')).toThrow(/rows\.jsonl, line 3 is no JSON object/);
    expect(() => read('null')).toThrow(/line 1 is no JSON object/);
  });
});
