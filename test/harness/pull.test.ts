// Does `bench pull` bring files here whole: in pages, through redirections, over broken connections, checked and never
// outside their folder?

import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PullFlags, type PullRecord, pull } from '../../harness/commands/pull.js';
import { BenchError } from '../../harness/errors.js';
import { readRetryAfter } from '../../harness/hub/retry.js';
import { callBench } from './bench-call.js';
import { commit, HubServer } from './hub/hub-server.js';

const weights = Buffer.alloc(300_000, 'weights ');
let server: HubServer;
let cache = '';
const before = { ...process.env };

beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), 'loadmark-pull-'));
  server = new HubServer();
  await server.start();
  server.add('config.json', '{"model_type": "llama"}');
  server.add('sub/tokenizer.json', '{}');
  server.add('model.safetensors', weights, true);
  server.add('pytorch_model.bin', 'the same again', true);
  server.add('.gitattributes', '');
  process.env.HF_ENDPOINT = server.endpoint;
  process.env.LOADMARK_CACHE = cache;
  delete process.env.HF_TOKEN;
});
afterEach(async () => {
  process.env = { ...before };
  await server.stop().catch(() => {});
  rmSync(cache, { recursive: true });
});

interface Pulled {
  readonly code: number | null;
  readonly error: BenchError | null;
  readonly record: PullRecord | null;
  readonly notes: string;
}

/** A call of the command with times that a test can wait for. */
async function run(name: string, flags: PullFlags = {}, signal?: AbortSignal): Promise<Pulled> {
  const written = { stdout: '', stderr: '' };
  const stream = (to: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[to] += text;
    },
  });
  const streams = { stdout: stream('stdout'), stderr: stream('stderr') };
  const pace = { retryMs: 1, stallMs: 200 };
  try {
    const asked = signal ?? new AbortController().signal;
    const code = await pull(name, { ...flags, json: true }, streams, asked, pace);
    return { code, error: null, record: JSON.parse(written.stdout), notes: written.stderr };
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    return { code: error.exitCode, error, record: null, notes: written.stderr };
  }
}

const model = () => join(cache, 'models', 'own', 'small');
const parts = () => readdirSync(model()).filter((name) => name.endsWith('.part'));
const ofStore = () => server.asked.filter(({ host }) => host === 'store');

describe('bench pull', () => {
  it('fetches what this engine reads of a model, checked, and keeps what is here', async () => {
    const { code, record, notes } = await run('own/small');
    expect(code).toBe(0);
    expect(record).toMatchObject({ schema: 'loadmark/pull/1', kind: 'model', commit });
    expect(record!.files.map(({ path, state }) => [path, state])).toEqual([
      ['config.json', 'fetched'],
      ['sub/tokenizer.json', 'fetched'],
      ['model.safetensors', 'fetched'],
    ]);
    expect(readFileSync(join(model(), 'model.safetensors')).equals(weights)).toBe(true);
    expect(readFileSync(join(model(), 'sub/tokenizer.json'), 'utf8')).toBe('{}');
    expect(JSON.parse(readFileSync(join(model(), '.pull.json'), 'utf8'))).toEqual(record);
    expect(notes).toContain('3 of 5 files, 300 kB, to ');
    expect(notes).toContain('model.safetensors  300 kB, fetched and checked\n');
    const again = await run('own/small');
    expect(again.record!.files.map(({ state }) => state)).toEqual(['kept', 'kept', 'kept']);
    expect(ofStore()).toHaveLength(1);
  });

  it('fetches a file anew that was changed here, and other revisions beside', async () => {
    await run('own/small');
    writeFileSync(join(model(), 'model.safetensors'), Buffer.alloc(weights.length, 'x'));
    expect((await run('own/small')).record!.files[2]).toMatchObject({ state: 'fetched' });
    const { record } = await run('own/small', { revision: 'v1', include: ['*.json'] });
    expect(record!.folder).toBe(`${model()}@v1`);
    expect(record!.files.map(({ path }) => path)).toEqual(['config.json', 'sub/tokenizer.json']);
  });

  it('takes a dataset whole, and patterns', async () => {
    const all = await run('datasets/own/small');
    expect(all.record).toMatchObject({ folder: join(cache, 'datasets', 'own', 'small') });
    expect(all.record!.files).toHaveLength(4);
    const some = await run('datasets/own/small', { include: ['sub/*', '*.bin'], exclude: ['p*'] });
    expect(some.record!.files.map(({ path }) => path)).toEqual(['sub/tokenizer.json']);
  });

  it('goes on where a connection broke, again and again', async () => {
    server.troubles = { breakAfter: 60_000, times: 3 };
    const { record, notes } = await run('own/small');
    expect(record!.files[2]).toMatchObject({ path: 'model.safetensors', state: 'fetched' });
    expect(readFileSync(join(model(), 'model.safetensors')).equals(weights)).toBe(true);
    expect(ofStore().map(({ range }) => range)).toEqual([
      undefined,
      'bytes=60000-',
      'bytes=120000-',
      'bytes=180000-',
    ]);
    expect(notes).toMatch(/the connection broke in model\.safetensors \(.*\); trying again/);
    expect(parts()).toEqual([]);
  });

  it('gives up after five tries that bring nothing, and the next call goes on from the part', async () => {
    server.troubles = { breakAfter: 0, times: 100 };
    writePart(weights.subarray(0, 100_000));
    const { code, error } = await run('own/small');
    expect(code).toBe(8);
    expect(error!.message).toMatch(/what came of it is kept, and the next call goes on$/);
    expect(ofStore()).toHaveLength(5);
    server.troubles = {};
    const next = await run('own/small');
    expect(next.record!.files[2]).toMatchObject({ state: 'resumed' });
    expect(ofStore().at(-1)).toMatchObject({ range: 'bytes=100000-' });
    expect(readFileSync(join(model(), 'model.safetensors')).equals(weights)).toBe(true);
  });

  it('begins anew where a server sends the whole instead of the rest', async () => {
    server.troubles = { ignoresRange: true };
    writePart('something else altogether');
    expect((await run('own/small')).code).toBe(0);
    expect(readFileSync(join(model(), 'model.safetensors')).equals(weights)).toBe(true);
  });

  it('gives up a server that says nothing', async () => {
    server.troubles = { stalls: true };
    const { code, error, notes } = await run('own/small', { include: ['model.safetensors'] });
    expect(code).toBe(8);
    expect(error!.message).toContain('nothing came of model.safetensors for 0.2 s');
    expect(notes).toContain('trying again');
  });

  it('throws away what has another checksum than the hub lists', async () => {
    server.troubles = { isWrong: true };
    const { code, error } = await run('own/small');
    expect(code).toBe(8);
    expect(error!.message).toMatch(
      /^model\.safetensors has sha256 [0-9a-f]{64}; the hub's list says [0-9a-f]{64}: it was thrown away$/,
    );
    expect(existsSync(join(model(), 'model.safetensors'))).toBe(false);
    expect(parts()).toEqual([]);
    server.troubles = {};
    expect((await run('own/small')).code).toBe(0);
  });

  it('throws away a small file with another checksum, by the sum that git has', async () => {
    server.troubles = { isWrongSmall: true };
    const { code, error } = await run('own/small', { include: ['config.json'] });
    expect(code).toBe(8);
    expect(error!.message).toMatch(/^config\.json has git-sha1 [0-9a-f]{40}; .* thrown away$/);
    expect(existsSync(join(model(), 'config.json'))).toBe(false);
  });

  it.each([429, 503])('asks again after %i, of the list and of a file', async (status) => {
    server.troubles = { refusal: { status }, times: 4 };
    const listed = await run('own/small');
    expect(listed.code).toBe(0);
    expect(listed.notes.match(new RegExp(`answers ${status} .*; trying again`, 'g'))).toHaveLength(
      4,
    );
    rmSync(model(), { recursive: true });
    server.troubles = { refusal: { status, ofStore: true }, times: 4 };
    const { code, notes } = await run('own/small');
    expect(code).toBe(0);
    expect(notes.match(/; trying again/g)).toHaveLength(4);
    expect(readFileSync(join(model(), 'model.safetensors')).equals(weights)).toBe(true);
  });

  it('waits as long as the hub asks it to', async () => {
    server.troubles = { refusal: { status: 429, retryAfter: '1' }, times: 1 };
    const startMs = performance.now();
    expect((await run('own/small', { include: ['config.json'] })).code).toBe(0);
    expect(performance.now() - startMs).toBeGreaterThan(990);
  });

  it('gives up a hub that has too many requests for good', async () => {
    server.troubles = { refusal: { status: 429 }, times: 1000 };
    const { code, error } = await run('own/small');
    expect(code).toBe(8);
    expect(error!.message).toMatch(/\/api\/models\/own\/small\/revision\/main answers 429 /);
    expect(server.asked).toHaveLength(5);
  });

  it.each([
    [null, 0],
    ['7', 7000],
    ['900000', 120_000],
    ['Thu, 01 Jan 1970 00:00:30 GMT', 20_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', 0],
  ])('reads Retry-After: %s', (header, ms) => {
    expect(readRetryAfter(header, 10_000)).toBe(ms);
  });

  it('shows its token to the hub, and to nobody else', async () => {
    server.token = 'hf_secret';
    const without = await run('own/small');
    expect(without.code).toBe(2);
    expect(without.error!.message).toBe(
      'bench pull: model own/small is not open to read (401 GatedRepo here); allowed: a name that is public, or HF_TOKEN set to a token that may read it',
    );
    process.env.HF_TOKEN = 'hf_secret';
    expect((await run('own/small')).code).toBe(0);
    expect(ofStore().map(({ authorization }) => authorization)).toEqual([undefined]);
    process.env.HF_TOKEN = 'hf_other';
    expect((await run('own/small')).error!.message).toContain(
      'a name that the token in HF_TOKEN may',
    );
  });

  it('says what there is not: a name, a revision, a file', async () => {
    expect((await run('own/other')).error!.message).toMatch(/has no model own\/other \(404 /);
    expect((await run('own/small', { revision: 'v9' })).error!.message).toBe(
      'bench pull: model own/small has no revision "v9"',
    );
    expect((await run('own/small', { include: ['*.gguf'] })).error!.message).toBe(
      'bench pull: model own/small has no such file; it has config.json, sub/tokenizer.json, model.safetensors, pytorch_model.bin, .gitattributes',
    );
  });

  it('asks which of several GGUF files is meant', async () => {
    server.files.delete('model.safetensors');
    server.add('a-Q4_0.gguf', 'a', true);
    server.add('a-Q8_0.gguf', 'b', true);
    expect((await run('own/small')).error!.message).toContain(
      'has 2 GGUF files; allowed: --include with one of a-Q4_0.gguf, a-Q8_0.gguf',
    );
    const { record } = await run('own/small', { include: ['*Q4_0.gguf'] });
    expect(record!.files).toMatchObject([{ path: 'a-Q4_0.gguf', state: 'fetched' }]);
  });

  it.each(['../outside', '/etc/passwd', 'a/../../b', 'a\\b', 'C:evil', 'a//b'])(
    'writes nothing at a path that leads out: %s',
    async (path) => {
      server.troubles = { strangePath: path };
      const { code, error } = await run('datasets/own/small');
      expect(code).toBe(8);
      expect(error!.message).toContain('which leads out');
      expect(existsSync(join(cache, 'datasets'))).toBe(false);
    },
  );

  it('says what to put where when there is no network', async () => {
    await server.stop();
    const { code, error } = await run('own/small');
    expect(code).toBe(8);
    expect(error!.message).toMatch(/^127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)\.\n/);
    expect(error!.message).toContain(`put them in ${model()}, then: bench --model own/small`);
    process.env.HF_ENDPOINT = 'ftp://hub';
    expect((await run('own/small')).error!.message).toContain(
      'HF_ENDPOINT: is "ftp://hub"; allowed:',
    );
  });

  it('takes the name of a task of bench eval: its files, and the call that reads them', async () => {
    addMmlu();
    const { record } = await run('mmlu');
    expect(record).toMatchObject({ kind: 'dataset', name: 'cais/mmlu', folder: mmlu() });
    expect(record!.files.map(({ path }) => path)).toEqual([
      'all/test-0.parquet',
      'all/dev-0.parquet',
    ]);
    const some = await run('datasets/mmlu', { include: ['*validation*'] });
    expect(some.record!.files.map(({ path }) => path)).toEqual(['all/validation-0.parquet']);
    expect((await callBench('pull', 'mmlu')).stdout).toContain(
      'next: bench eval MODEL --tasks mmlu\n',
    );
    const { stdout } = await callBench('pull', 'datasets/cais/mmlu', '--revision', 'v1');
    expect(stdout).toContain(`next: bench eval MODEL --tasks mmlu --data ${mmlu()}@v1\n`);
    // And that call finds them there: only what is in them is wrong.
    const asked = ['eval', 'tiny', '--tasks', 'mmlu'];
    for (const data of [[], ['--data', `${mmlu()}@v1`]]) {
      const { stderr } = await callBench(...asked, ...data);
      expect(stderr).toMatch(/all\/(dev|test)-0\.parquet/);
      expect(stderr).not.toContain('there is no data');
    }
  });

  it('fills the cache that doctor lists, beside folders filled by hand', async () => {
    addMmlu();
    await run('mmlu');
    mkdirSync(join(cache, 'datasets', 'gsm8k', 'main'), { recursive: true });
    const { stdout } = await callBench('doctor', '--json');
    expect(JSON.parse(stdout).cache.datasets).toEqual(['cais/mmlu', 'gsm8k']);
  });

  it('says what to put where for a task when there is no network', async () => {
    await server.stop();
    const { code, error } = await run('mmlu');
    expect(code).toBe(8);
    expect(error!.message).toContain(
      `fetch all/test-* and all/dev-* (with their folders) of cais/mmlu elsewhere, put them in ${mmlu()}, then: bench eval MODEL --tasks mmlu\n`,
    );
    expect(error!.message).toContain(
      'DIR/mmlu (MMLU: dev/*_dev.csv and test/*_test.csv, or Parquet of cais/mmlu), then: bench eval MODEL --tasks mmlu --data DIR',
    );
  });

  it('names the first file that a run reads, and a GGUF file by its path', async () => {
    server.add('README.md', '');
    server.add('rows.jsonl', '{}');
    const folder = join(cache, 'datasets', 'own', 'small');
    expect((await callBench('pull', 'datasets/own/small')).stdout).toContain(
      `next: bench --dataset ${folder}/config.json\n`,
    );
    const { stdout } = await callBench('pull', 'datasets/own/small', '--include', '*.md', 'rows*');
    expect(stdout).toContain(`next: bench --dataset ${folder}/rows.jsonl\n`);
    server.add('a.gguf', 'a', true);
    expect((await callBench('pull', 'own/small', '--include', '*.gguf')).stdout).toContain(
      `next: bench --model ${model()}/a.gguf\n`,
    );
  });

  it('is what a message about a model that is not here speaks of', async () => {
    for (const call of [
      ['inspect', 'own/small'],
      ['run', '--model', 'own/small', '--dataset', 'tiny-orca'],
      ['eval', 'own/small', '--tasks', 'mmlu'],
    ]) {
      const { code, stderr } = await callBench(...call);
      expect(code).toBe(2);
      expect(stderr).toContain('what a hub calls own/small, "bench pull own/small" brings here');
    }
    expect((await callBench('inspect', './own/small')).stderr).not.toContain('bench pull');
  });

  it('ends when it is asked to, and keeps the part', async () => {
    server.troubles = { stalls: true };
    const controller = new AbortController();
    const running = run('own/small', { include: ['model.safetensors'] }, controller.signal);
    setTimeout(() => controller.abort(), 150);
    expect((await running).code).toBe(130);
    expect(parts()).toHaveLength(1);
  });
});

describe('bench pull refuses', () => {
  it.each([
    ['open-orca', /open-orca \(llama2-70b, 24576 rows\) is on no hub; MLCommons' own downloader/],
    ['cnn-dailymail-gptj', /made by the download script of MLCommons' gptj reference/],
    ['tiny-orca', /tiny-orca is built in: nothing has to be fetched/],
    ['datasets/tiny-orca', /tiny-orca is built in: nothing has to be fetched/],
    ['datasets/open-orca', /open-orca \(llama2-70b, 24576 rows\) is on no hub; MLCommons' own/],
    ['tiny', /tiny is built in: nothing has to be fetched; next: bench --model tiny/],
    ['smollm2', /smollm2 is on no hub under this name; to get it: npm run pull:smollm2; then: /],
    ['models/smollm2', /to get it: npm run pull:smollm2; then: bench --model smollm2/],
    ['mmlo', /the name is "mmlo"; allowed: .*mmlu, .*did you mean "mmlu"\?/],
    ['open-orka', /the name is "open-orka"; allowed: OWNER\/NAME .*did you mean "open-orca"\?/],
    ['../x', /the name is "..\/x"; allowed: /],
    ['own/..', /the name is "own\/.."; allowed: /],
  ])('the name %s', async (name, message) => {
    const { code, stderr } = await callBench('pull', name);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(server.asked).toEqual([]);
  });

  it('revisions that are none', async () => {
    const { code, stderr } = await callBench('pull', 'own/small', '--revision', '../x');
    expect(code).toBe(2);
    expect(stderr).toContain('--revision: is "../x"; allowed: a branch, a tag or a commit');
  });

  it('a call without a name, and shows its progress on a call with one', async () => {
    expect((await callBench('pull')).code).toBe(2);
    const { code, stdout, stderr } = await callBench('pull', 'own/small');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^own\/small: 3 files, 300 kB, in .*\nnext: bench --model own\/small\n$/,
    );
    expect(stderr).toContain('config.json  23 B, fetched and checked');
  });
});

const mmlu = () => join(cache, 'datasets', 'cais', 'mmlu');

function addMmlu(): void {
  for (const split of ['test', 'dev', 'validation']) server.add(`all/${split}-0.parquet`, split);
}

/** A part of model.safetensors that an earlier call left: its name holds the checksum. */
function writePart(content: string | Buffer): void {
  const sha256 = createHash('sha256').update(weights).digest('hex');
  mkdirSync(model(), { recursive: true });
  writeFileSync(join(model(), `model.safetensors.${sha256.slice(0, 12)}.part`), content);
}
