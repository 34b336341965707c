// `bench score` against what the steps of MLCommons' scripts come to on the same logs, and what it refuses.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { findRecipe, listRecipeTargets, recipeNames } from '../../harness/accuracy/recipes.js';
import type { ScoreRecord } from '../../harness/commands/score.js';
import { findBenchmark } from '../../harness/submission/benchmarks.js';
import { cleanUpText } from '../../harness/text-cleanup.js';
import { callBench } from './bench-call.js';

const here = dirname(fileURLToPath(import.meta.url));
const golden = join(here, '../golden/mlperf-scores');
const dataset = join(golden, 'dataset.json');
const tokenizer = join(here, '../../configs/models/tiny');
const work = mkdtempSync(join(tmpdir(), 'loadmark-score-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const common = ['--dataset', dataset, '--tokenizer', tokenizer];

async function scoreLog(log: string, ...options: string[]) {
  const path = join(work, 'log.json');
  writeFileSync(path, log);
  return callBench('score', path, '--benchmark', 'llama2-70b', ...common, ...options);
}

/** One record a line, as LoadGen writes them. */
function writeRecords(...records: readonly (readonly [qslIdx: number, data: string])[]): string {
  const lines = records.map(
    ([qslIdx, data], at) => `{ "seq_id" : ${at}, "qsl_idx" : ${qslIdx}, "data" : "${data}" }`,
  );
  return `[\n${lines.join(',\n')}\n]\n`;
}

/** Records of the samples from `first` up to `end`, all of the same data. */
function range(first: number, end: number, data: string): (readonly [number, string])[] {
  return Array.from({ length: end - first }, (_, at) => [first + at, data] as const);
}

type Expected = Record<
  string,
  Record<'llama2-70b' | 'llama3.1-8b' | 'gpt-j', string> & {
    readonly standardErrors: Readonly<Record<string, number>>;
  }
>;
const expected = JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8')) as Expected;

describe.each(Object.entries(expected))('%s', (name, texts) => {
  const scripts = [
    ['llama2-70b', texts['llama2-70b']],
    ['llama3.1-8b', texts['llama3.1-8b']],
    ['llama3.1-8b-edge', texts['llama3.1-8b']],
    ['gpt-j', texts['gpt-j']],
  ] as const;
  test.each(scripts)('%s: what the script prints, to the character', async (benchmark, text) => {
    const output = join(work, 'accuracy.txt');
    const log = join(golden, name);
    const call = await callBench(
      'score',
      log,
      '--benchmark',
      benchmark,
      '--output',
      output,
      ...common,
    );
    expect(call).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(output, 'utf8')).toBe(text);
    expect(call.stdout.startsWith(text.trimEnd())).toBe(true);
    expect(call.stdout).toContain('not judged');
    const { rouge1, rougeLsum } = texts.standardErrors;
    expect(call.stdout).toMatch(
      new RegExp(
        `^standard errors over samples: rouge1 ${rouge1!.toFixed(4)}, .* rougeLsum ${rougeLsum!.toFixed(4)}, tokensPerSample `,
        'm',
      ),
    );
  });
  test('standard errors as numpy has them', async () => {
    const asked = ['--benchmark', 'gpt-j', '--json', ...common];
    const { stdout } = await callBench('score', join(golden, name), ...asked);
    const { standardErrors } = JSON.parse(stdout) as ScoreRecord;
    expect(Object.keys(standardErrors)).toEqual(Object.keys(texts.standardErrors));
    for (const [metric, value] of Object.entries(texts.standardErrors)) {
      expect(standardErrors[metric as 'rouge1']).toBeCloseTo(value, 10);
    }
  });
});

test('counts what is left out and what stands for no text', async () => {
  const log = join(golden, 'log-repeated-int64.json');
  const call = await callBench('score', log, '--benchmark', 'llama2-70b', '--json', ...common);
  const record = JSON.parse(call.stdout) as ScoreRecord;
  expect(record).toMatchObject({
    tokenType: 'int64',
    repeatedRecords: 5,
    targets: null,
    passed: null,
  });
  expect(record.specialTokens).toBeGreaterThan(100);
});

test('remarks on a token_count that its data do not bear out', async () => {
  const record = (qslIdx: number, count: number) =>
    `{ "seq_id" : 0, "qsl_idx" : ${qslIdx}, "data" : "0A0000000B000000", "token_count" : ${count} }`;
  const log = (...counts: number[]) =>
    `[\n${counts.map((count, at) => record(at, count)).join(',\n')}\n]\n`;
  const { code, stdout } = await scoreLog(log(2, 999, 1));
  expect(code).toBe(0);
  expect(stdout).toContain(
    '\nremark: token_count of qsl_idx 1 is 999, and its data hold 2 tokens, which are what is scored and counted; so is 1 record more\n',
  );
  const asked = JSON.parse((await scoreLog(log(2, 999, 1), '--json')).stdout) as ScoreRecord;
  expect(asked).toMatchObject({ miscountedRecords: 2, metrics: { genTokLen: 6 } });
  expect((await scoreLog(log(2, 2))).stdout).not.toContain('remark');
});

describe('a whole pass is judged', () => {
  const samples = 5000;
  interface Row {
    readonly output: string;
  }
  const rows = JSON.parse(readFileSync(dataset, 'utf8')) as readonly Row[];
  const log = JSON.parse(readFileSync(join(golden, 'log-int32.json'), 'utf8')) as readonly {
    readonly qsl_idx: number;
    readonly data: string;
  }[];

  /** Every sample is so many of the small log's after one another. */
  async function judge(parts: number) {
    const placesOf = (sample: number) =>
      Array.from({ length: parts }, (_, part) => (sample * parts + part) % log.length);
    const outputs = Array.from({ length: samples }, (_, sample) =>
      placesOf(sample).map((at) => rows[log[at]!.qsl_idx]!.output),
    );
    const whole = join(work, `dataset-${parts}.json`);
    const made = outputs.map((texts) => ({
      instruction: 'a',
      input: 'b',
      output: texts.join(' '),
    }));
    writeFileSync(whole, JSON.stringify(made));
    const path = join(work, `log-${parts}.json`);
    const dataOf = (sample: number) => placesOf(sample).map((at) => log[at]!.data);
    writeFileSync(
      path,
      writeRecords(...outputs.map((_, sample) => [sample, dataOf(sample).join('')] as const)),
    );
    const asked = ['--dataset', whole, '--tokenizer', tokenizer, '--json'];
    const call = await callBench('score', path, '--benchmark', 'llama3.1-8b-edge', ...asked);
    expect(call.stderr).toBe('');
    return { code: call.code, record: JSON.parse(call.stdout) as ScoreRecord };
  }

  test('by its length too: 60 characters an answer are too few', { timeout: 60_000 }, async () => {
    const { code, record } = await judge(1);
    expect(code).toBe(4);
    expect(record).toMatchObject({ samplesOfBenchmark: samples, passed: false });
    expect(record.targets!.map(({ metric, pass }) => [metric, pass])).toEqual([
      ['rouge1', true],
      ['rouge2', true],
      ['rougeL', true],
      ['rougeLsum', true],
      ['genLen', false],
    ]);
    // 5,000 are 83 times the 60 and 20 more, so about what the script says of the 60.
    expect(record.metrics.rouge1).toBeCloseTo(52.408, 0);
  });

  test('ten times the length is the one that is wanted', { timeout: 60_000 }, async () => {
    const { code, record } = await judge(10);
    expect(record.metrics.genLen / 3_051_113).toBeGreaterThan(0.9);
    expect(record).toMatchObject({ passed: true });
    expect(code).toBe(0);
  });
});

test('references are those that the submission checker holds', () => {
  for (const name of recipeNames) {
    const official = name === 'llama2-70b' ? 'llama2-70b-99' : name;
    const benchmark = findBenchmark(official, 'v6.0');
    if (name === 'gpt-j') continue; // No benchmark of a round that is known here.
    const { recipe, factor } = findRecipe(name)!;
    expect(recipe.samples).toBe(benchmark!.accuracySampleCount);
    expect(
      listRecipeTargets(recipe, factor).map(({ reference, factor: own }) => [reference, own]),
    ).toEqual(benchmark!.accuracy.map(({ reference, factor: own }) => [reference, own]));
  }
  expect(findRecipe('llama2-70b-99.9')).toMatchObject({ factor: 0.999 });
  expect(findRecipe('gptj-99')!.recipe.name).toBe('gpt-j');
});

describe('refuses', () => {
  test.each([
    [
      'half a byte',
      writeRecords([0, '0A000000'], [1, '0A00000']),
      /record 2: data has 7 hex digits.*multiple of 8/,
    ],
    ['a letter that is no digit', writeRecords([0, '0A0000G0']), /record 1: data has "G" at 6/],
    [
      'a sample that the dataset has not',
      writeRecords([60, '0A000000']),
      /record 1: qsl_idx is 60; allowed: 0 to 59, the rows of the dataset\n$/,
    ],
    [
      'a dataset that has other samples, in one line',
      writeRecords([3, '0A000000'], ...range(60, 100, '0A000000')),
      /^bench: [^\n]*record 2: qsl_idx is 60; allowed: 0 to 59, [^\n]*; so are 39 records more\n$/,
    ],
    [
      'a tokenizer that has other tokens, in one line',
      writeRecords(...range(5, 40, 'FFFF0000')),
      /^bench: [^\n]*qsl_idx 5: a token is 65535 [^\n]*; so are 34 records more\n$/,
    ],
    [
      'a token that the tokenizer has not',
      writeRecords([3, '0A000000FFFF0000']),
      /qsl_idx 3: a token is 65535 read as int32; the tokenizer has 0 to 1023/,
    ],
    ['a negative token', writeRecords([0, 'FFFFFFFF']), /token 0 of data is -1 read as int32/],
    ['a log of a performance run', '[\n]\n', /holds no record/],
    ['a truncated log', '[\n{ "seq_id"\n\n...\n\n]', /was truncated for a submission/],
    ['what is no JSON', '[ {', /not JSON/],
    ['no list', '{"data": ""}', /an accuracy log is an array of records/],
  ])('%s', async (_, log, message) => {
    const { code, stdout, stderr } = await scoreLog(log);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('a dataset without right answers', async () => {
    const log = join(golden, 'log-int32.json');
    const asked = ['--dataset', 'synthetic:8x8:60', '--tokenizer', tokenizer];
    const call = await callBench('score', log, '--benchmark', 'llama2-70b', ...asked);
    expect(call.stderr).toMatch(
      /--dataset: synthetic:8x8:60 has random prompts and no right answers; wanted: texts with/,
    );
    expect(call.code).toBe(2);
  });

  test('int64 read as int32, by the token after a zero half', async () => {
    const { code, stderr } = await scoreLog(
      writeRecords([0, '0A00000000000000']),
      '--token-type',
      'int64',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('what was asked wrongly, all at once', async () => {
    const call = await callBench(
      'score',
      join(work, 'none.json'),
      '--benchmark',
      'llama3-8b',
      '--token-type',
      'int16',
    );
    expect(call.code).toBe(2);
    expect(call.stderr).toMatch(
      /benchmark is "llama3-8b"; allowed: llama2-70b, .*did you mean "llama3.1-8b"/,
    );
    expect(call.stderr).toMatch(/none\.json: there is no such file/);
    expect(call.stderr).toMatch(/--token-type: is "int16"; allowed: auto, int32, int64/);
    expect(call.stderr).toMatch(/--dataset: is missing/);
  });
});

test('cleans up decoded text as Hugging Face does', () => {
  expect(cleanUpText("I do n't know , it 's ' fine ' .  We 've , they 're , I 'm !")).toBe(
    "I don't know, it's'fine '.  We've, they're, I'm!",
  );
});
