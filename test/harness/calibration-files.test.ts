// `bench quantize` on texts of one's own: rows of every form of file, windows of a plain text where GPTQ's own code cuts
// them, what the report says of them; and evaluations, which are refused.

import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../datasets/index.js';
import { findEvaluationSplit } from '../../harness/calibration-provenance.js';
import type { QuantizeRecord } from '../../harness/commands/quantize.js';
import type { RunRecord } from '../../harness/run-record.js';
import { callBench } from './bench-call.js';

const work = mkdtempSync(join(tmpdir(), 'loadmark-calibration-'));
const golden = join(dirname(fileURLToPath(import.meta.url)), '../golden');
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Little is measured, all is read: round-to-nearest looks at the same texts. */
async function quantize(calibration: string, ...options: string[]) {
  const out = mkdtempSync(join(work, 'out-'));
  const call = await callBench(
    ...['quantize', 'tiny', '--method', 'rtn', '--group-size', '64', '--json', '--out', out],
    ...['--calibration', calibration, ...options],
  );
  const record = call.code === 0 ? (JSON.parse(call.stdout) as QuantizeRecord) : null;
  return { ...call, record };
}

function write(name: string, text: string): string {
  const path = join(work, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const prose = Array.from({ length: 900 }, (_, i) => `Line ${i * i} of a text. `).join('');

describe('rows of files', () => {
  const rows = Array.from({ length: 6 }, (_, i) => ({ ask: `What is ${i}?`, say: `It is ${i}.` }));

  test('of JSON lines with named fields', async () => {
    const path = write('mine.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const { record, stderr } = await quantize(
      path,
      ...['--fields', 'prompt=ask,reference=say', '--samples', '4'],
    );
    expect(stderr).not.toContain('WARNING');
    const [source] = record!.calibration;
    expect(source).toMatchObject({ dataset: 'mine.jsonl', sha256: sha256(path), samples: 4 });
    expect(source!.rows).toHaveLength(4);
    expect(source!.tokens).toBe(record!.tokens);
    const tokenizer = await loadTokenizer('configs/models/tiny');
    const bos = tokenizer.bosId === null ? 0 : 1;
    const tokens = source!.rows!.map(
      (row) =>
        bos + tokenizer.encode(rows[row]!.ask).length + tokenizer.encode(rows[row]!.say).length + 1,
    );
    expect(source!.tokens).toBe(tokens.reduce((sum, count) => sum + count));
  });

  test('that a run asks again are a remark of the run', async () => {
    const path = write('seen.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const other = write('other.jsonl', `${JSON.stringify({ ask: 'Who?', say: 'Me.' })}\n`);
    const out = join(work, 'seen-int4');
    const call = await callBench(
      ...['quantize', 'tiny', '--method', 'rtn', '--group-size', '64', '--out', out, '--quiet'],
      ...['--calibration', path, '--fields', 'prompt=ask,reference=say', '--samples', '2'],
    );
    expect(call.code).toBe(0);
    const run = async (dataset: string) => {
      const { stdout } = await callBench(
        ...['--model', out, '--dataset', dataset, '--mode', 'accuracy', '--json', '--quiet'],
        ...['--set', 'dataset_fields.prompt=ask', '--set', 'dataset_fields.reference=say'],
        ...['--output', join(work, `run-${basename(dataset)}`)],
      );
      return (JSON.parse(stdout) as RunRecord).remarks;
    };
    expect(await run(path)).toContainEqual(
      expect.stringMatching(/was calibrated on these samples/),
    );
    expect(await run(other)).toEqual([]);
  });

  test('are told with their places where they are none', async () => {
    const path = write('bad.jsonl', '{"prompt":"a","reference":"b"}\n{"prompt":\n');
    const { code, stderr } = await quantize(path, '--samples', '1');
    expect(stderr).toMatch(/bad\.jsonl:2.*: is not JSON/);
    expect(code).toBe(2);
  });

  test('too few of them', async () => {
    const path = write('few.jsonl', '{"prompt":"a","reference":"b"}\n');
    const { code, stderr } = await quantize(path, '--samples', '2');
    expect(stderr).toMatch(/--samples: samples asks 2 rows of .*few\.jsonl; allowed: up to 1/);
    expect(code).toBe(2);
  });

  test.each([
    ['parquet/zstd.parquet', 'prompt=text,reference=category'],
    ['pandas/pandas-3.1-p5-missing.pkl', 'prompt=question,reference=question'],
  ])('of %s', async (file, fields) => {
    const path = join(golden, file);
    const { record, stderr } = await quantize(path, '--samples', '2', '--fields', fields);
    expect(stderr).toContain('layer');
    expect(record!.calibration[0]).toMatchObject({ sha256: sha256(path), samples: 2 });
  });
});

describe('windows of plain texts', () => {
  test("begin where Python's random.randint draws them", async () => {
    const path = write('prose.txt', prose);
    const { record } = await quantize(
      path,
      ...['--samples', '8', '--window-tokens', '64', '--seed', '7'],
    );
    const tokenizer = await loadTokenizer('configs/models/tiny');
    const count = tokenizer.encode(prose).length + (tokenizer.bosId === null ? 0 : 1);
    const [source] = record!.calibration;
    expect(source).toMatchObject({
      dataset: 'prose.txt',
      sha256: sha256(path),
      samples: 8,
      tokens: 512,
      remark: null,
    });
    // python3 -c "import random; random.seed(7); print([random.randint(0, 13039 - 64 - 1) for _ in range(8)])"
    expect(count).toBe(13039);
    expect(source!.windows).toEqual({
      tokens: 64,
      seed: 7,
      starts: [5305, 2471, 6468, 10664, 791, 1186, 8779, 1542],
    });
    expect(record).toMatchObject({ sequences: 8, tokens: 512 });
  });

  test('of wikitext are of its train split', async () => {
    write('data/wikitext-2/train.txt', ` = One =\n\n${prose}\n`);
    write('data/wikitext-2/test.txt', ' = Two =\n');
    const { record } = await quantize(
      'wikitext',
      ...['--data', join(work, 'data'), '--samples', '2', '--window-tokens', '32'],
    );
    const digest = createHash('sha256').update(` = One =\n\n\n\n\n${prose}\n`).digest('hex');
    expect(record!.calibration[0]).toMatchObject({
      dataset: 'wikitext',
      sha256: sha256(join(work, 'data/wikitext-2/train.txt')),
      digest,
    });
  });

  test('need more than a window, and a text', async () => {
    const short = await quantize(write('short.txt', 'Hello there.'));
    expect(short.stderr).toMatch(
      /--window-tokens: .*short\.txt has \d+ tokens; allowed: more than/,
    );
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n';
    const lfs = await quantize(write('lfs.txt', pointer));
    expect(lfs.stderr).toMatch(/--calibration: ".*lfs\.txt" is a Git LFS pointer and not/);
    expect(lfs.code).toBe(2);
    const none = await quantize(join(work, 'none.txt'));
    expect(none.stderr).toMatch(/--calibration: ".*none\.txt" is not there/);
    const data = await quantize('wikitext', '--data', join(work, 'nowhere'));
    expect(data.stderr).toMatch(/"wikitext" has no folder: wanted wikitext-2 in .*nowhere/);
    const fields = await quantize('x.jsonl', '--fields', 'prompt,answer=a');
    expect(fields.stderr).toMatch(/--fields: "prompt" is no name=field; .*\n.*"answer=a" is no/);
    expect([short, none, data, fields].map(({ code }) => code)).toEqual([2, 2, 2, 2]);
  });
});

describe('evaluations', () => {
  test('are refused, or taken with a remark that stays', async () => {
    const text = ` \n = Robert Boulter = \n \n${prose}`;
    const path = write('harmless.txt', text);
    const refused = await quantize(path, '--window-tokens', '32');
    expect(refused.stderr).toMatch(
      /--calibration: .*harmless\.txt holds wikitext's test split: .*--allow-evaluation-data/,
    );
    expect(refused.code).toBe(2);
    const forced = await quantize(
      path,
      ...['--window-tokens', '32', '--samples', '2', '--allow-evaluation-data'],
    );
    expect(forced.stderr).toContain("WARNING: calibrated on wikitext's test split");
    expect(forced.record!.calibration[0]!.remark).toMatch(/^calibrated on wikitext's test split/);
  });

  test("MLPerf's own samples are known by name", async () => {
    const name = 'open_orca_gpt4_tokenized_llama.sampled_24576.pkl';
    const path = join(work, name);
    cpSync(join(golden, 'pandas/pandas-1.5-p4.pkl.gz'), `${path}.gz`);
    const { code, stderr } = await quantize(`${path}.gz`, '--samples', '1');
    expect(stderr).toMatch(/holds the samples of MLPerf's llama2-70b/);
    expect(code).toBe(2);
  });

  test('a name that speaks of evaluation is a remark', async () => {
    const path = write('mine-test.jsonl', '{"prompt":"a","reference":"b"}\n');
    const { record, stderr } = await quantize(path, '--samples', '1');
    expect(stderr).toMatch(/WARNING: mine-test\.jsonl is named like a split for evaluation/);
    expect(record!.calibration[0]!.remark).toMatch(/named like/);
  });

  test.each([
    ['/data/cais/mmlu/all/test-00000-of-00001.parquet', "MMLU's test split"],
    ['/data/cais/mmlu/all/dev-00000-of-00001.parquet', null],
    ['hellaswag/hellaswag_val.jsonl', "HellaSwag's validation split"],
    ['hellaswag/hellaswag_train.jsonl', null],
    ['winogrande/dev.jsonl', "WinoGrande's validation split"],
    ['gsm8k/test.jsonl', "GSM8K's test split"],
    ['wikitext-2/wiki.train.raw', null],
    ['wiki.test.raw', "wikitext's test split"],
    ['mine/contest.jsonl', null],
  ])('%s', (name, found) => {
    expect(findEvaluationSplit({ name, sha256: null })).toBe(found);
  });
});
