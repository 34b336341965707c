// Is a pickle of thousands of rows read in the time and the memory that 24,576 rows of OpenOrca leave for it (3 s, 700 MB),
// and one that says the same list over and over in no more?

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { again, pickleFrame, remember, textCell, tokenList } from './frame-pickle.js';

const measure = join(import.meta.dirname, '../../dist/harness/dataset-measurement.js');
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-large-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Loads the file in a process of its own. */
function load(name: string, pickle: Buffer) {
  const path = join(folder, name);
  writeFileSync(path, pickle);
  const text = execFileSync(process.execPath, [measure, path], { encoding: 'utf8' });
  return JSON.parse(text) as Record<string, number>;
}

it('a sixth of OpenOrca takes a sixth of its time', () => {
  const rows = 4096;
  const question = 'word '.repeat(180);
  const ids = (i: number) =>
    Array.from({ length: 120 + (i % 200) }, (_, k) => (i * 31 + k) % 32000);
  const each = (cell: (i: number) => Buffer) => Array.from({ length: rows }, (_, i) => cell(i));
  const pickle = pickleFrame({
    id: each((i) => textCell(`cot.${i}`)),
    input: each((i) => textCell(`${i} ${question}`)),
    tok_input: each((i) => tokenList(ids(i))),
    output: each((i) => textCell(`${question}${i}`)),
    tok_output: each((i) => tokenList(ids(i + 7))),
  });
  const found = load('large.pkl', pickle);
  console.log(
    `pickle: ${rows} rows of ${(pickle.length / 1e6).toFixed(0)} MB in ${found.cpuSeconds!.toFixed(2)} s of a processor, ${found.peakMegabytes!.toFixed(0)} MB at most`,
  );
  expect(found).toMatchObject({ rows, tokens: ids(0).length * rows + sumOfSteps(rows) });
  expect(found.cpuSeconds).toBeLessThan(3);
  expect(found.peakMegabytes).toBeLessThan(350);
});

function sumOfSteps(rows: number): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += i % 200;
  return sum;
}

it('a list that 20,000 rows share is kept once: 8 GB of tokens in no memory', () => {
  const rows = 20_000;
  const list = tokenList(Array.from({ length: 100_000 }, (_, i) => i % 32000));
  const pickle = pickleFrame({
    tok_input: Array.from({ length: rows }, (_, i) => (i === 0 ? remember(list) : again)),
    output: Array.from({ length: rows }, (_, i) => textCell(String(i))),
  });
  const found = load('shared.pkl', pickle);
  expect(found).toMatchObject({ rows, tokens: rows * 100_000 });
  expect(found.peakMegabytes).toBeLessThan(300);
});
