// Do the files that MLCommons distributes open as datasets, in each of their forms, and is every wrong place told?

import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Dataset,
  DatasetError,
  type FieldMap,
  loadDataset,
  ownFieldNames,
} from '../../datasets/index.js';

const golden = join(import.meta.dirname, '../golden');
const expected = JSON.parse(readFileSync(join(golden, 'pandas/expected.json'), 'utf8')) as {
  readonly [column: string]: unknown[];
};

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-files-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function load(path: string, fields: Partial<FieldMap> = {}): Promise<Dataset> {
  return loadDataset(path, 'test', { ...ownFieldNames, ...fields });
}

async function refuse(path: string, fields: Partial<FieldMap> = {}): Promise<DatasetError> {
  try {
    await load(path, fields);
  } catch (error) {
    if (error instanceof DatasetError) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

const rowOf = (column: string, row: number) => expected[column]![row];

function expectOpenOrca(dataset: Dataset): void {
  expect(dataset).toMatchObject({ split: 'test', kind: 'generation', length: 12 });
  for (let row = 0; row < 12; row++) {
    expect(dataset.sample(row)).toEqual({
      kind: 'generation',
      id: rowOf('id', row),
      prompt: rowOf('input', row),
      reference: rowOf('output', row),
      promptTokens: Int32Array.from(rowOf('tok_input', row) as number[]),
    });
  }
}

describe('OpenOrca', () => {
  it.each([
    'pandas-1.1-p4.pkl',
    'pandas-1.5-p4.pkl.gz',
    'pandas-2.3-p5-sampled.pkl.gz',
    'pandas-3.1-p5.pkl',
    'pandas-3.1-p5-no-arrow.pkl',
  ])('as the pickle %s has its texts and its token ids as given', async (name) => {
    const path = join(golden, 'pandas', name);
    const dataset = await load(path);
    expectOpenOrca(dataset);
    expect(dataset.name).toBe(name.replace(/\.pkl(\.gz)?$/, ''));
    const bytes = readFileSync(path);
    const unpacked = name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
    const sha256 = createHash('sha256').update(unpacked).digest('hex');
    expect(dataset.source).toEqual({ sha256, published: null });
  });

  it('as JSON lines, as a JSON list and as Parquet is the same data', async () => {
    const records = Array.from({ length: 12 }, (_, row) =>
      Object.fromEntries(Object.keys(expected).map((column) => [column, rowOf(column, row)])),
    );
    const lines = await load(
      write('orca.jsonl', records.map((record) => JSON.stringify(record)).join('\n')),
    );
    const list = await load(write('orca.json', JSON.stringify(records, null, 4)));
    const parquet = await load(join(golden, 'parquet/open-orca.parquet'));
    for (const dataset of [lines, list, parquet]) expectOpenOrca(dataset);
    const pickle = await load(join(golden, 'pandas/pandas-2.3-p4.pkl'));
    expect(new Set([lines, list, parquet, pickle].map((dataset) => dataset.digest())).size).toBe(1);
  });

  it('takes other fields by name, an array of numpy for a list among them', async () => {
    const path = join(golden, 'pandas/pandas-2.3-p4.pkl');
    const fields = { tokens: 'tok_output', prompt: 'question', reference: 'origin' };
    const dataset = await load(path, fields);
    expect(dataset.sample(5)).toMatchObject({
      prompt: rowOf('question', 5),
      reference: rowOf('origin', 5),
      promptTokens: Int32Array.from(rowOf('tok_output', 5) as number[]),
    });
    expect((await refuse(path, { prompt: 'query' })).message).toMatch(
      /has no field "query"; it has id, system_prompt, question, output/,
    );
  });

  it('names the rows whose fields are not what they should be', async () => {
    const path = join(golden, 'pandas/pandas-2.3-p4.pkl');
    const tokens = await refuse(path, { tokens: 'question' });
    expect(tokens.rowFaults).toHaveLength(12);
    expect(tokens.rowFaults[3]).toMatchObject({ row: 3 });
    expect(tokens.rowFaults[3]!.message).toMatch(/^question is "Q3: .*; allowed: a list of whole/);
    expect(tokens.message).toContain('12 of 12 rows are wrong');
    const text = await refuse(path, { reference: 'tok_input' });
    expect(text.rowFaults[0]!.message).toMatch(/^tok_input is \[\d+,.*; allowed: a text$/);
    const mixed = await refuse(path, { reference: 'mixed' });
    expect(mixed.rowFaults.map(({ message }) => message)).toContain(
      'mixed is 9007199254740991; allowed: a text',
    );
  });

  it('is known by the name of its file, and says whether it is the published one', async () => {
    const name = 'open_orca_gpt4_tokenized_llama.sampled_24576.pkl';
    cpSync(join(golden, 'pandas/pandas-2.3-p4.pkl'), join(folder, name));
    const { source } = await load(join(folder, name));
    expect(source?.published?.sha256).toMatch(/^b64e66e5/);
    expect(source?.sha256).not.toBe(source?.published?.sha256);
  });
});

describe('CNN/DailyMail', () => {
  const article = 'A "quoted" article – with {braces}, $& and\ntwo lines.';
  const template =
    'Summarize the following news article in 128 tokens.\n\nArticle:\n{input}\n\nSummary:';

  it("in llama3.1-8b's form has its token ids, and the template filled in", async () => {
    const rows = [
      {
        instruction: { llama: template },
        input: article,
        tok_input: [128000, 9],
        output: 'Short.',
      },
    ];
    const dataset = await load(write('cnn_eval.json', JSON.stringify(rows, null, 4)));
    expect(dataset.sample(0)).toEqual({
      kind: 'generation',
      id: 'row-0',
      prompt: template.replace('{input}', () => article),
      reference: 'Short.',
      promptTokens: Int32Array.of(128000, 9),
    });
  });

  it("in gpt-j's form has the Alpaca prompt, cut at 1919 tokens", async () => {
    const rows = [
      { instruction: 'Summarize the following news article:', input: article, output: 'Short.' },
    ];
    const dataset = await load(write('gptj.json', JSON.stringify(rows)));
    expect(dataset.sample(0)).toEqual({
      kind: 'generation',
      id: 'row-0',
      prompt: `Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\nSummarize the following news article:\n\n### Input:\n${article}\n\n### Response:`,
      reference: 'Short.',
      maxPromptTokens: 1919,
    });
  });

  it('without its instruction is missed by line', async () => {
    const rows = [
      { instruction: 'Do:', input: 'a', output: 'b' },
      { instruction: 7, input: 'a', output: 'b' },
    ];
    const error = await refuse(write('bad.json', JSON.stringify(rows, null, 1)));
    expect(error.rowFaults).toEqual([
      { line: 7, column: 2, row: 1, message: 'input is missing; allowed: a text' },
    ]);
  });
});

describe('a JSON list', () => {
  const places = (error: DatasetError) =>
    error.rowFaults.map(({ line, column, message }) => `${line}:${column}: ${message}`);

  it('has the line and column of every fault', async () => {
    const text = [
      '[',
      '  {"prompt": "p", "reference": "r"},',
      '  {"prompt": "p",',
      '   "reference" "r"},',
      '  {"prompt": 5, "reference": "r"}, [1],',
      '  {"prompt": "\\x", "reference": "r"},',
      '  {"prompt": "]},{[", "reference": "\\"}]"}',
      ']',
    ].join('\n');
    expect(places(await refuse(write('a.json', text)))).toEqual([
      '4:16: is not JSON: a colon is missing after a name; there is "\\""',
      '5:3: prompt is 5; allowed: a text',
      '5:36: is [1]; allowed: one object, {"prompt": ...}',
      '6:15: is not JSON: a text in quotes has no such escape; there is "\\\\"',
    ]);
  });

  it.each([
    ['{"prompt": "p"}', '1:1: is no list of rows; allowed: [{...}, {...}]'],
    ['', '1:1: is no list of rows: it is empty'],
    ['[{"prompt": "p", "reference": "r"}', '1:35: is cut short: the list does not end'],
    [
      '[{"prompt": "p", "reference": "r"},\n{"prompt": "p',
      '2:14: is cut short: the list does not end',
    ],
    ['[{"prompt": "p", "reference": "r"},]', '1:36: lacks an entry before "]"'],
    ['[{"prompt": "p", "reference": "r"}]\n{}', '2:1: goes on after the end of its list'],
    ['[]', 'undefined:undefined: the file holds no row'],
  ])('is refused as %j', async (text, fault) => {
    expect(places(await refuse(write('b.json', text)))).toEqual([fault]);
  });

  it('goes on over the borders of what is read at a time', async () => {
    const long = `${'"\\'.repeat(400_000)}é`;
    const rows = [0, 1, 2].map((i) => ({ prompt: `${long}${i}`, reference: 'r' }));
    const dataset = await load(write('long.json', JSON.stringify(rows)));
    expect(dataset.length).toBe(3);
    expect(dataset.sample(2)).toMatchObject(rows[2]!);
  });
});

describe('a damaged file', () => {
  it('of JSON lines has the line and the column', async () => {
    const path = write(
      'c.jsonl',
      '{"prompt": "p", "reference": "r"}\n{"prompt": "p", reference: 1}\n',
    );
    expect((await refuse(path)).rowFaults).toEqual([
      { line: 2, column: 17, message: 'is not JSON: a name is missing; there is "r"' },
    ]);
  });

  it.each(['l.json', 'l.parquet', 'l.pkl', 'l.pkl.gz', 'l.jsonl'])(
    'that is a Git LFS pointer is told as one: %s',
    async (name) => {
      const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'b'.repeat(64)}\nsize 7\n`;
      const error = await refuse(write(name, pointer));
      expect(error.code).toBe('dataset-malformed');
      expect(error.message).toMatch(
        /l\.[\w.]+" is a Git LFS pointer and not the file of 7 bytes that it stands for; to get that: git lfs pull/,
      );
    },
  );

  it.each(['x.json', 'x.parquet', 'x.pkl', 'x.pkl.gz', 'x.jsonl'])(
    'that does not exist is missed, and other splits are refused: %s',
    async (name) => {
      const path = join(folder, 'none', name);
      const error = await refuse(path);
      expect(error).toMatchObject({ code: 'dataset-not-found' });
      expect(error.message).toMatch(/cannot be read: it does not exist$/);
      await expect(loadDataset(path, 'calibration')).rejects.toThrowError(/has one: test$/);
    },
  );
});
