// Are files of JSON lines read whole, in bounded memory, with every wrong line named?

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatasetError, openDataset, ownFieldNames } from '../../datasets/index.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-jsonl-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function open(content: string | Buffer, fields = {}) {
  return openDataset(write('some.jsonl', content), 'test', { ...ownFieldNames, ...fields });
}

function refuse(content: string | Buffer, fields = {}): DatasetError {
  try {
    open(content, fields);
  } catch (error) {
    if (error instanceof DatasetError) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

const linesOf = (error: DatasetError) =>
  error.rowFaults.map(({ line, message }) => `${line}: ${message}`);

describe('texts that are none', () => {
  it('are refused: half a character, and a prompt that asks nothing', () => {
    const error = refuse(
      [
        '{"prompt": "a \\ud83d\\ude00", "reference": "\\ud83d\\ude00"}',
        '{"prompt": "ab\\ud800", "reference": "r"}',
        '{"prompt": "p", "reference": "\\udc00\\ud800"}',
        '{"prompt": "", "reference": "r"}',
        '{"prompt": " \\n", "reference": "r"}',
        '{"prompt": "", "tokens": [3], "reference": "r"}',
      ].join('\n'),
    );
    const allowed = 'Unicode text, in which surrogates come in pairs';
    expect(linesOf(error)).toEqual([
      `2: prompt has half a character, \\ud800, at 2; allowed: ${allowed}`,
      `3: reference has half a character, \\udc00, at 0; allowed: ${allowed}`,
      '4: prompt is empty; allowed: a text that asks something',
      '5: prompt is " \\n"; allowed: a text that asks something',
    ]);
  });
});

describe('a file of JSON lines', () => {
  it('is a dataset of generation samples', () => {
    const text = [
      '{"id": "a", "prompt": "Why?", "reference": "So.", "tokens": [1, 2, 3], "other": {}}',
      '{"prompt": "How?", "reference": "", "id": 7}',
      '',
      '{"reference": "Thus.", "tokens": [5]}\r',
    ].join('\n');
    const dataset = open(text);
    expect(dataset).toMatchObject({ name: 'some', split: 'test', kind: 'generation', length: 3 });
    expect(dataset.path).toBe(join(folder, 'some.jsonl'));
    const kind = 'generation';
    expect(dataset.sample(0)).toEqual({
      kind,
      id: 'a',
      prompt: 'Why?',
      reference: 'So.',
      promptTokens: Int32Array.of(1, 2, 3),
    });
    expect(dataset.sample(1)).toEqual({ kind, id: '7', prompt: 'How?', reference: '' });
    expect(dataset.sample(2)).toMatchObject({ id: 'row-2', prompt: '', reference: 'Thus.' });
    for (const index of [-1, 3, 0.5]) expect(() => dataset.sample(index)).toThrow(RangeError);
  });

  it('takes other names of fields, and misses them by name', () => {
    const text = '{"q": "Why?", "prompt": 3, "output": "So.", "tok": [9]}';
    const fields = { prompt: 'q', reference: 'output', tokens: 'tok' };
    expect(open(text, fields).sample(0)).toMatchObject({ prompt: 'Why?', reference: 'So.' });
    expect(linesOf(refuse(text, { ...fields, id: 'key' }))).toEqual([
      '1: has no field "key"; it has q, prompt, output, tok',
    ]);
  });

  it('names every wrong line and why', () => {
    const lines = [
      '{"prompt": "p", "reference": "r", "id": 1}',
      '{"prompt": "p"',
      '[1]',
      '{"prompt": "p"}',
      '{"prompt": 5, "reference": "r"}',
      '{"reference": "r"}',
      '{"prompt": "p", "reference": "r", "id": 1}',
      '{"prompt": "p", "reference": "r", "id": {}}',
      '{"prompt": "p", "reference": "r", "tokens": [1, -2]}',
      '{"prompt": "p", "reference": "r", "tokens": []}',
      '{"prompt": "p", "reference": "r", "tokens": 4}',
    ];
    const error = refuse(lines.join('\n'));
    expect(error.code).toBe('dataset-malformed');
    expect(error.message).toContain('10 of 11 lines are wrong');
    expect(linesOf(error)).toEqual([
      expect.stringMatching(/^2: is not JSON: /),
      '3: is [1]; allowed: one object, {"prompt": ...}',
      '4: reference is missing; allowed: a text',
      '5: prompt is 5; allowed: a text',
      '6: prompt is missing; allowed: a text',
      '7: id is "1", as on line 1',
      '8: id is {}; allowed: a text that is not empty, or a number',
      '9: tokens is a list with -2; allowed: a list of whole numbers from 0 to 2147483647',
      '10: tokens is []; allowed: a list of whole numbers from 0 to 2147483647',
      '11: tokens is 4; allowed: a list of whole numbers from 0 to 2147483647',
    ]);
    const latin = Buffer.from('{"prompt": "\xe4", "reference": ""}', 'latin1');
    expect(linesOf(refuse(latin))).toEqual(['1: is not UTF-8']);
    expect(linesOf(refuse('\n\n'))).toEqual(['1: the file holds no row']);
  });

  it('refuses other splits and files that are not there', () => {
    const path = write('there.jsonl', '{"prompt": "p", "reference": "r"}');
    expect(() => openDataset(path, 'calibration')).toThrowError(/has no split "calibration"/);
    expect(() => openDataset(join(folder, 'none.jsonl'), 'test')).toThrowError(
      /none\.jsonl" cannot be read: it does not exist$/,
    );
    expect(() => openDataset(folder.concat('.jsonl'), 'test')).toThrowError(/cannot be read/);
  });

  it('gives back whatever text was written', () => {
    const prompt = fc.string({ minLength: 1 }).filter((text) => text.trim() !== '');
    const rows = fc.array(fc.record({ prompt, reference: fc.string() }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(rows, fc.constantFrom('\n', '\r\n'), (list, end) => {
        const dataset = open(list.map((row) => JSON.stringify(row)).join(end));
        expect(Array.from(list, (_, i) => dataset.sample(i))).toMatchObject(list);
      }),
      { numRuns: 100 },
    );
  });

  it('has a digest of its rows, whatever stands between them', () => {
    const row = '{"prompt": "p", "reference": "r", "tokens": [1, 2]}';
    const digest = open(row).digest();
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(open(`\n${row}\n\n`).digest()).toBe(digest);
    expect(open(row.replace('2]', '3]')).digest()).not.toBe(digest);
    expect(open(row.replace('"r"', '"s"')).digest()).not.toBe(digest);
  });

  it('reads lines longer than its buffer, and 24,576 rows of 3 KB in seconds', () => {
    const long = 'x'.repeat(3 << 20);
    expect(open(JSON.stringify({ prompt: long, reference: 'r' })).sample(0)).toMatchObject({
      prompt: long,
    });
    const row = (i: number) =>
      JSON.stringify({ id: `row-${i}`, prompt: `${i} ${'word '.repeat(500)}`, reference: 'a b c' });
    const lines = Array.from({ length: 24_576 }, (_, i) => row(i));
    const path = write('large.jsonl', lines.join('\n'));
    const startMs = performance.now();
    const dataset = openDataset(path, 'test');
    const seconds = (performance.now() - startMs) / 1000;
    console.log(`json lines: ${dataset.length} rows in ${seconds.toFixed(2)} s`);
    expect(dataset.length).toBe(24_576);
    expect(dataset.sample(24_575).id).toBe('row-24575');
    expect(seconds).toBeLessThan(10);
  });
});
