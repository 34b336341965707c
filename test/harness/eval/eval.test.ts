// `bench eval` from its options to what it keeps: refusals with their places, going on after an interruption, perplexities
// with their rules, data as CSV, JSON lines and Parquet.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EvalRecord, evaluateModel } from '../../../harness/commands/eval.js';
import { collectEvalOptions } from '../../../harness/eval-options.js';
import { findPackageRoot } from '../../../harness/package-root.js';
import { callBench } from '../bench-call.js';

const data = join(dirname(fileURLToPath(import.meta.url)), '../../golden/lm-eval/data');
const work = mkdtempSync(join(tmpdir(), 'loadmark-eval-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

async function evaluate(tasks: string, ...options: string[]) {
  const output = options.includes('--output') ? [] : ['--output', mkdtempSync(join(work, 'out-'))];
  const common = ['--device', 'cpu', '--quiet', '--json', ...output];
  return callBench('eval', 'tiny', '--tasks', tasks, '--data', data, ...common, ...options);
}

/** A copy of the data with one file written anew. */
function damage(file: string, change: (text: string) => string): string {
  const folder = mkdtempSync(join(work, 'data-'));
  const task = file.split('/')[0]!;
  cpSync(join(data, task), join(folder, task), { recursive: true });
  const path = join(folder, file);
  writeFileSync(path, change(readFileSync(path, 'utf8')));
  return folder;
}

describe('refuses damaged data with its place', () => {
  const physics = 'mmlu/test/anatomy_test.csv';
  test.each([
    [
      'mmlu',
      physics,
      () => 'What?,1,2,3,A\n',
      /anatomy_test\.csv:1: has 5 fields; allowed: 6 \(question, A, B, C, D, answer\)/,
    ],
    [
      'mmlu',
      physics,
      () => 'What?,1,2,3,4,A\nWhy?,1,,3,4,B\n',
      /anatomy_test\.csv:2: B is ""; allowed: a text that is not empty/,
    ],
    [
      'mmlu',
      physics,
      () => 'Why?,1,2,3,4,B\nWhat?,1,2,3,4,E\n',
      /anatomy_test\.csv:2: answer is "E"; allowed: A, B, C, D/,
    ],
    ['mmlu', physics, () => '', /anatomy_test\.csv: the file holds no row/],
    ['wikitext', 'wikitext/test.txt', () => '', /wikitext\/test\.txt: holds no page; allowed/],
    ['wikitext', 'wikitext/test.txt', () => ' \n\n', /wikitext\/test\.txt: holds no page; allowed/],
    [
      'perplexity:llamacpp',
      'wikitext/test.txt',
      () => '',
      /\/wikitext: the text has 1 tokens; allowed: at least 512/,
    ],
    [
      'mmlu',
      physics,
      () => 'What?,1,2,3,4,A\n"Why?\n,1,2',
      /anatomy_test\.csv:2: opens a quote that never closes/,
    ],
    [
      'ceval',
      'ceval/val/law_val.csv',
      (text) => text.replace(/[ABCD]\r\n/, '\n'),
      /law_val\.csv:2: answer is ""; allowed: A, B, C, D/,
    ],
    [
      'hellaswag',
      'hellaswag/hellaswag_val.jsonl',
      (text) => text.replace('"label": ', '"label": 7'),
      /hellaswag_val\.jsonl:1: label is 7\d; allowed: 0 to 3/,
    ],
    [
      'hellaswag',
      'hellaswag/hellaswag_val.jsonl',
      (text) => text.replace('"endings"', '"ends"'),
      /hellaswag_val\.jsonl:1: has no field "endings"; it has ind,/,
    ],
    [
      'winogrande',
      'winogrande/dev.jsonl',
      (text) => text.replace('_', '-'),
      /dev\.jsonl:1: sentence is ".*allowed: a text with a gap \(_\)/,
    ],
    [
      'gsm8k',
      'gsm8k/test.jsonl',
      (text) => text.replace('#### ', '## '),
      /test\.jsonl:1: answer is ".*allowed: a text with "#### number"/,
    ],
    [
      'gsm8k',
      'gsm8k/train.jsonl',
      (text) => `${text}{"question": `,
      /train\.jsonl:31: is not JSON/,
    ],
  ] as readonly [string, string, (text: string) => string, RegExp][])(
    '%s: %s',
    async (task, file, change, message) => {
      const { code, stderr } = await evaluate(task, '--data', damage(file, change));
      expect(stderr).toMatch(message);
      expect(code).toBe(2);
    },
  );
});

test('refuses what is asked wrongly, all at once', async () => {
  const call = await evaluate(
    'hellaswagg,mmlu',
    '--shots',
    '6',
    '--limit',
    '0',
    '--kv-cache',
    'int3',
  );
  expect(call.code).toBe(2);
  expect(call.stderr).toMatch(
    /task is "hellaswagg"; allowed: mmlu, hellaswag, .*did you mean "hellaswag"/,
  );
  expect(call.stderr).toMatch(/shots is 6; allowed for mmlu: 0 to 5/);
  expect(call.stderr).toMatch(/--limit: is "0"; allowed: a whole number from 1/);
  expect(call.stderr).toMatch(/--kv-cache: is "int3"; allowed: auto, fp32/);
  const none = await evaluate('wikitext', '--data', join(work, 'nowhere'));
  expect(none.stderr).toMatch(/there is no data of wikitext: wanted in .*nowhere\/wikitext-2 or/);
});

test('goes on after an interruption, and not with other settings', async () => {
  const output = join(work, 'kept');
  const parsed = {
    tasks: 'winogrande',
    data,
    device: 'cpu',
    output,
    quiet: true,
    json: true,
    maxBatch: '4',
  };
  const request = await collectEvalOptions('tiny', parsed);
  const interrupt = new AbortController();
  const items = join(output, 'items.jsonl');
  let text = '';
  const streams = {
    stdout: {
      write: (part: string) => {
        text += part;
      },
    },
    stderr: { write: () => {} },
  };
  const first = evaluateModel(request, ['bench'], streams, interrupt.signal);
  const timer = setInterval(() => {
    try {
      if (readFileSync(items, 'utf8').length > 0) interrupt.abort();
    } catch {}
  }, 1);
  await expect(first).rejects.toThrow(
    /interrupted: \d+ of 120 items are kept in .*; the same command goes on/,
  );
  clearInterval(timer);
  const kept = readFileSync(items, 'utf8').split('\n').length - 1;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(120);
  // As after a crash: the last line is cut off in the middle.
  writeFileSync(items, readFileSync(items, 'utf8').slice(0, -10));
  expect(await evaluateModel(request, ['bench'], streams, new AbortController().signal)).toBe(0);
  const record = JSON.parse(text) as EvalRecord;
  expect(record).toMatchObject({ items: 120, itemsKept: kept - 1 });
  const whole = JSON.parse((await evaluate('winogrande')).stdout) as EvalRecord;
  expect(record.tasks).toEqual(whole.tasks);
  const other = await evaluate('winogrande', '--output', output, '--limit', '5');
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(
    /holds an evaluation with other settings \(limit, tasks\); allowed: .*--fresh/,
  );
});

describe('evidence that was kept', () => {
  const output = join(work, 'evidence');
  const items = join(output, 'items.jsonl');
  const again = () =>
    evaluate('mmlu,wikitext,gsm8k', '--limit', '1', '--shots', '0', '--output', output);
  let lines: readonly string[] = [];
  let first: EvalRecord;
  beforeAll(async () => {
    first = JSON.parse((await again()).stdout) as EvalRecord;
    lines = readFileSync(items, 'utf8').trimEnd().split('\n');
  });
  const change = (task: string, edit: (row: Record<string, unknown>) => unknown) => {
    const at = lines.findIndex((line) => line.includes(`"task":"${task}`));
    const edited = JSON.stringify(edit(JSON.parse(lines[at]!) as Record<string, unknown>));
    writeFileSync(items, `${lines.with(at, edited).join('\n')}\n`);
    return at + 1;
  };

  test.each<[string, string, (row: Record<string, unknown>) => unknown, RegExp]>([
    ['null', 'mmlu', () => null, /is null; allowed: one JSON object a line/],
    ['a number', 'mmlu', () => 7, /is 7; allowed: one JSON object/],
    ['no fields', 'mmlu', () => ({}), /id is missing; allowed: an item of this evaluation/],
    [
      'an id of no task',
      'mmlu',
      (row) => ({ ...row, id: 'mmlu_anatomy/77' }),
      /id is "mmlu_anatomy\/77"; allowed: an item/,
    ],
    ['no digest', 'mmlu', ({ prompt, ...row }) => row, /prompt is missing; allowed: a digest/],
    [
      'another score',
      'mmlu',
      (row) => ({ ...row, metrics: { acc: 0.5 } }),
      /metrics of mmlu_\w+\/\d is \{"acc":0\.5\}; allowed: \{"acc":[01]\}, which its answer/,
    ],
    [
      'another choice',
      'mmlu',
      (row) => ({ ...row, chosen: ((row.chosen as number) + 1) % 4 }),
      /chosen of mmlu_\w+\/\d is \d; allowed: \d/,
    ],
    [
      'a log-probability too few',
      'mmlu',
      (row) => ({ ...row, logProbs: [-1, -2, -3] }),
      /logProbs of .* is \[-1,-2,-3\]; allowed: as many as 4, each up to 0/,
    ],
    ['no metrics', 'gsm8k', ({ metrics, ...row }) => row, /metrics of gsm8k\/\d is missing/],
    ['no text', 'gsm8k', ({ text, ...row }) => row, /text of gsm8k\/\d is missing/],
    [
      'a probability above 1',
      'wikitext',
      (row) => ({ ...row, logProbs: [3] }),
      /logProbs of wikitext\/\d is \[3\]; allowed/,
    ],
    [
      'a log-probability of NaN',
      'wikitext',
      (row) => ({ ...row, logProbs: [Number.NaN] }),
      /logProbs of wikitext\/\d is \[null\]/,
    ],
    [
      'other weights',
      'wikitext',
      (row) => ({ ...row, weights: { words: 1, bytes: 1 } }),
      /weights of wikitext\/\d is \{"words":1,"bytes":1\}; allowed: \{"words":\d+/,
    ],
  ])('%s is refused with its line', async (_, task, edit, message) => {
    const line = change(task, edit);
    const { code, stderr } = await again();
    expect(stderr).toMatch(message);
    expect(stderr).toContain(`items.jsonl:${line}: `);
    expect(code).toBe(2);
  });

  test('to another prompt is asked again', async () => {
    change('mmlu', (row) => ({ ...row, prompt: '0123456789abcdef', metrics: { acc: 9 } }));
    const record = JSON.parse((await again()).stdout) as EvalRecord;
    expect(record).toMatchObject({ items: first.items, itemsKept: first.items - 1 });
    expect(record.tasks).toEqual(first.tasks);
    const third = JSON.parse((await again()).stdout) as EvalRecord;
    expect(third).toMatchObject({ itemsKept: first.items, tasks: first.tasks });
  });
});

describe('a checkpoint whose logits overflow', () => {
  const folder = join(work, 'overflow');
  beforeAll(() => {
    cpSync(join(findPackageRoot().folder, 'configs/models/tiny'), folder, { recursive: true });
    const file = join(folder, 'model.safetensors');
    const bytes = readFileSync(file);
    const headerBytes = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<
      string,
      { readonly dtype: string; readonly data_offsets: readonly [number, number] }
    >;
    const { dtype, data_offsets } = header['model.norm.weight']!;
    expect(dtype).toBe('BF16');
    // bf16's largest number.
    const [begin, end] = data_offsets.map((offset) => 8 + headerBytes + offset);
    for (let at = begin!; at < end!; at += 2) bytes.writeUInt16LE(0x7f7f, at);
    writeFileSync(file, bytes);
  });
  test.each([
    [
      'mmlu',
      /^bench: mmlu_\w+\/\d+: the native engine has no answer: its logits are not finite\n$/,
    ],
    ['gsm8k', /^bench: gsm8k\/\d+: .* no answer: after 0 tokens its logits are not finite\n$/],
  ])('ends %s with the item', async (task, message) => {
    const settings = ['--data', data, '--device', 'cpu', '--quiet'];
    const output = ['--output', mkdtempSync(join(work, 'out-'))];
    const call = await callBench('eval', folder, '--tasks', task, ...settings, ...output);
    expect(call.stderr).toMatch(message);
    expect(call.code).toBe(5);
  });

  test('is named as the reason of a run that fails', async () => {
    const settings = ['--device', 'cpu', '--mode', 'accuracy', '--samples', '3', '--no-report'];
    const output = ['--output', mkdtempSync(join(work, 'run-'))];
    const call = await callBench('run', '--model', folder, ...settings, ...output);
    expect(call.stdout).toMatch(/3 samples failed, .* after 0 tokens: its logits are not finite/);
    expect(call.code).toBe(5);
  });
});

describe('perplexity', () => {
  test('says its rules, and counts every token that it says it counts', async () => {
    const { stdout, stderr } = await evaluate('perplexity:llamacpp', '--limit', '6');
    expect(stderr).toBe('');
    const { tasks } = JSON.parse(stdout) as EvalRecord;
    expect(tasks[0]!.facts).toMatchObject({
      n_ctx: 512,
      stride: 512,
      windows: 6,
      tokensCounted: 6 * 255,
    });
    expect(tasks[0]!.metrics[0]).toMatchObject({ metric: 'perplexity', stderrBy: 'delta' });
  });
  test('refuses a window that the model cannot read', async () => {
    const { code, stderr } = await evaluate('perplexity:marlin');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /perplexity:marlin reads 4096 tokens at once, and the model reads up to 1024; allowed: perplexity:llamacpp/,
    );
  });
});

test('a subject without questions is named', async () => {
  const folder = mkdtempSync(join(work, 'data-'));
  mkdirSync(join(folder, 'mmlu', 'dev'), { recursive: true });
  cpSync(join(data, 'mmlu/dev/anatomy_dev.csv'), join(folder, 'mmlu/dev/anatomy_dev.csv'));
  const { stderr } = await evaluate('mmlu', '--data', folder);
  expect(stderr).toMatch(/subject anatomy has no questions: there is no test file of it/);
});
