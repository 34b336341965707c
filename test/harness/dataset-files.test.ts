// Does a run take a dataset's file by path and by name, and say what is wrong with it before anything starts?

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callBench } from './bench-call.js';

const golden = join(import.meta.dirname, '../golden');
const pickle = join(golden, 'pandas/pandas-2.3-p4.pkl');
const official = 'open_orca_gpt4_tokenized_llama.sampled_24576.pkl';

let folder = '';
const before = process.env.LOADMARK_CACHE;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-dataset-files-'));
  process.env.LOADMARK_CACHE = join(folder, 'cache');
});
afterAll(() => {
  if (before === undefined) delete process.env.LOADMARK_CACHE;
  else process.env.LOADMARK_CACHE = before;
  rmSync(folder, { recursive: true });
});

function write(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

let runs = 0;
/** A run of the null system: what is read and recorded is what counts. */
async function benchNull(dataset: string, ...argv: string[]) {
  const output = join(folder, `run-${runs++}`);
  const quick = ['--mode', 'accuracy', '--quiet', '--json', '--output', output];
  const call = await callBench('--sut', 'null', '--dataset', dataset, ...quick, ...argv);
  return { ...call, record: call.code === 2 ? null : JSON.parse(call.stdout) };
}

describe('bench run --dataset FILE', () => {
  it.each(['pandas/pandas-2.3-p4.pkl', 'pandas/pandas-1.5-p4.pkl.gz', 'parquet/open-orca.parquet'])(
    'takes %s',
    async (name) => {
      const path = join(golden, name);
      const { record } = await benchNull(path);
      expect(record.dataset).toMatchObject({ path, samples: 12, totalSamples: 12 });
      expect(record.dataset).toMatchObject({ publishedSha256: null });
      expect(record.dataset.sha256).toMatch(/^[0-9a-f]{64}$/);
      // The digest is that of the rows: the same in all forms.
      expect(record.dataset.digest).toBe((await benchNull(pickle)).record.dataset.digest);
    },
  );

  it('takes the fields that a file or --set names', async () => {
    const rows = [1, 2, 3].map((i) => JSON.stringify({ key: i, q: `q${i}`, a: 'x' }));
    const path = write('own.jsonl', rows.join('\n'));
    const set = ['id=key', 'prompt=q', 'reference=a'].flatMap((pair) => [
      '--set',
      `dataset_fields.${pair}`,
    ]);
    const { record } = await benchNull(path, ...set);
    expect(record.dataset).toMatchObject({ name: 'own', samples: 3 });
    const fields = 'dataset_fields: { id: key, prompt: q, reference: a }\n';
    const config = write('run.yaml', `model: tiny-int4\n${fields}`);
    const byFile = await benchNull(path, '--config', config);
    expect(byFile.record.dataset.digest).toBe(record.dataset.digest);
    const { stderr } = await benchNull(path, '--set', 'dataset_fields.prompt=question');
    expect(stderr).toContain(`${path}:1: has no field "question"; it has key, q, a\n`);
  });

  it('is answered by the engine token for token, as given', async () => {
    const path = write('tokens.json', '[{"tok_input": [1, 5, 9], "output": "So it is."}]');
    const output = join(folder, 'native');
    const quick = ['--mode', 'accuracy', '--quiet', '--output', output];
    const { code } = await callBench('--model', 'tiny', '--dataset', path, ...quick);
    expect([0, 4]).toContain(code);
    const run = JSON.parse(readFileSync(join(output, 'run.json'), 'utf8'));
    expect(run.accuracy).toMatchObject({ samplesScored: 1, failedSamples: 0 });
    const evidence = readFileSync(join(output, 'samples-accuracy.jsonl'), 'utf8');
    expect(JSON.parse(evidence)).toMatchObject({ promptTokenCount: 3 });
  });

  it('refuses a token that the model has not, with its row', async () => {
    const path = write(
      'strange.json',
      '[{"tok_input": [1], "output": "a"}, {"tok_input": [1, 31999], "output": "b"}]',
    );
    const { code, stderr } = await callBench('--model', 'tiny', '--dataset', path, '--quiet');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /strange\.json: row 1 \(row-1\) has the token 31999; allowed: 0 to \d+, the vocabulary of /,
    );
  });

  it('refuses prompts that leave no room for an answer, with their rows, tokens and the limit', async () => {
    const prompt = (words: number) => 'word '.repeat(words).trim();
    const rows = [10, 4000, 5, 4000, 4000, 4000, 4000].map((words, at) =>
      JSON.stringify({ id: `r${at}`, prompt: prompt(words), reference: 'a' }),
    );
    const path = write('long.jsonl', rows.join('\n'));
    const asked = ['--model', 'tiny', '--dataset', path, '--mode', 'accuracy', '--quiet'];
    const output = join(folder, 'long');
    const { code, stdout, stderr } = await callBench(...asked, '--output', output);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const config = readFileSync(
      join(import.meta.dirname, '../../configs/models/tiny/config.json'),
      'utf8',
    );
    const limit = JSON.parse(config).max_position_embeddings as number;
    const told =
      /: row 1 \(r1\) has (\d+) tokens, row 3 \(r3\) has \1 tokens, row 4 \(r4\) has \1 tokens, 2 rows more are too long; allowed: up to (\d+) tokens of prompt, since the model's sequences end at (\d+) /;
    const [, tokens, most, end] = told.exec(stderr) ?? [];
    expect(Number(tokens)).toBeGreaterThan(4000);
    expect([Number(most), Number(end)]).toEqual([limit - 1, limit]);
    expect(existsSync(output)).toBe(false);
  });

  it('takes a prompt that leaves room for one token, and refuses one that leaves none', async () => {
    const write20 = (count: number) =>
      write('edge.jsonl', JSON.stringify({ tokens: Array(count).fill(9), reference: 'a' }));
    const asked = ['--model', 'tiny', '--mode', 'accuracy', '--quiet', '--json'];
    const set = ['--set', 'engine.max_sequence_tokens=20'];
    const call = (count: number, to: string) =>
      callBench(...asked, ...set, '--dataset', write20(count), '--output', join(folder, to));
    const fits = await call(19, 'fits');
    expect(JSON.parse(fits.stdout).accuracy).toMatchObject({ samplesScored: 1, failedSamples: 0 });
    const { code, stderr } = await call(20, 'full');
    expect(code).toBe(2);
    expect(stderr).toContain('row 0 (row-0) has 20 tokens; allowed: up to 19 tokens of prompt');
    const choices = ['--dataset', 'tiny-mmlu', '--samples', '2', '--output', join(folder, 'mmlu')];
    expect((await callBench(...asked, ...set, ...choices)).stderr).toMatch(
      /tiny-mmlu: row 0 \(.*\) has \d+ tokens, row 1 .* allowed: up to 20 tokens to read of prompt and choice/,
    );
  });

  it.each([
    ['a.json', '[{"prompt": "p",\n "reference" 1}]', ':2:14: is not JSON: a colon is missing'],
    ['b.pkl', '\x80\x04cos\nsystem\n', 'at byte 2: names "os.system", which is not allowed'],
    ['c.parquet', 'PAR1', 'is no Parquet file: it does not begin with "PAR1"'],
    ['d.jsonl', '{"prompt": "p"}', ':1: reference is missing; allowed: a text'],
    [
      'e.json',
      '[{"tok_input": [1, -4], "output": "a"}]',
      ':1:2: tok_input is a list with -4; allowed',
    ],
  ])('refuses the damaged %s before anything starts', async (name, content, message) => {
    const path = join(folder, name);
    writeFileSync(path, Buffer.from(content, 'latin1'));
    const { code, stderr } = await benchNull(path);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('names the row of a table', async () => {
    const { code, stderr } = await benchNull(pickle, '--set', 'dataset_fields.reference=mixed');
    expect(code).toBe(2);
    expect(stderr).toContain('pandas-2.3-p4.pkl, row 0: mixed is null; allowed: a text\n');
  });
});

describe('a published dataset', () => {
  it('by name says where it belongs, and is held to its checksum', async () => {
    const place = join(folder, 'cache', 'datasets', 'open-orca');
    const missing = await benchNull('open-orca');
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain(`allowed: ${official} (or ${official}.gz) in ${place}, or`);
    mkdirSync(place, { recursive: true });
    cpSync(pickle, join(place, official));
    const { code, stderr } = await benchNull('open-orca');
    expect(code).toBe(2);
    expect(stderr).toMatch(/has sha256 [0-9a-f]{64}; allowed: b64e66e54b[0-9a-f]+ \(MLCommons'/);
  });

  it('by path is remarked on where it is another one', async () => {
    const path = join(folder, official);
    cpSync(pickle, path);
    const { record } = await benchNull(path);
    expect(record.dataset.publishedSha256).toMatch(/^b64e66e54b/);
    expect(record.remarks[0]).toMatch(
      /is named like a published file and differs from it: its sha256 is [0-9a-f]{64}, and MLCommons'/,
    );
  });

  it('that was pulled is found by its name on the hub', async () => {
    const place = join(folder, 'cache', 'datasets', 'own', 'orca');
    mkdirSync(place, { recursive: true });
    cpSync(join(golden, 'parquet/open-orca.parquet'), join(place, 'test.parquet'));
    const { record } = await benchNull('own/orca/test.parquet');
    expect(record.dataset).toMatchObject({ path: join(place, 'test.parquet'), samples: 12 });
  });
});
