// The same items from the files of the original distributions and from the hub's Parquet, and how perplexity protocols cut
// a text: which tokens count, after which.

import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DatasetError, loadTokenizer } from '../../../datasets/index.js';
import { type Fault, InputError } from '../../../harness/errors.js';
import { evalTasks } from '../../../harness/eval/tasks/catalog.js';
import type { TaskTerms } from '../../../harness/eval/tasks/task.js';
import { makeTextEncoder } from '../../../harness/eval/text-encoder.js';
import { listTokenRequests } from '../../../harness/eval/token-requests.js';

const root = join(import.meta.dirname, '../../..');
const golden = join(root, 'test/golden/lm-eval');
const model = join(root, 'configs/models/tiny');
const encoder = makeTextEncoder(await loadTokenizer(model));

function build(name: string, folder: string, changes: Partial<TaskTerms> = {}) {
  const task = evalTasks.find((candidate) => candidate.name === name)!;
  const terms = { shots: 0, limit: null, encoder, maxLength: 4096, ...changes };
  return task.build({ folder: resolve(golden, folder), ...terms });
}

describe('Parquet', () => {
  test.each(['mmlu', 'hellaswag', 'winogrande', 'gsm8k', 'wikitext'])('%s', async (name) => {
    const shots = name === 'mmlu' ? 5 : 0;
    const fromHub = await build(name, `data-parquet/${name}`, { shots });
    const original = await build(name, `data/${name}`, {
      shots,
      limit: name === 'mmlu' ? null : 20,
    });
    for (const leaf of fromHub.leaves) {
      expect(leaf.items.length).toBeGreaterThan(0);
      expect(leaf.items).toEqual(original.leaves.find((own) => own.name === leaf.name)!.items);
    }
  });
});

describe('MMLU without all of its examples', () => {
  const work = mkdtempSync(join(tmpdir(), 'loadmark-examples-'));
  afterAll(() => rmSync(work, { recursive: true }));

  async function refuse(folder: string, shots: number): Promise<readonly Fault[]> {
    try {
      await build('mmlu', folder, { shots });
    } catch (error) {
      if (error instanceof InputError) return error.faults;
      throw error;
    }
    throw new Error('the examples were enough');
  }

  test('names the file that is missing or short', async () => {
    const folder = join(work, 'csv');
    cpSync(join(golden, 'data/mmlu'), folder, { recursive: true });
    const [first, second] = readdirSync(join(folder, 'dev')).sort() as [string, string];
    const subjectOf = (name: string) => name.replace('_dev.csv', '');
    const [gone, cut] = [first, second].map((name) => join(folder, 'dev', name)) as [
      string,
      string,
    ];
    rmSync(gone);
    const lines = readFileSync(cut, 'utf8').split('\n');
    writeFileSync(cut, lines.slice(0, 2).join('\n'));
    const faults = await refuse(folder, 5);
    expect(faults).toHaveLength(2);
    expect(faults).toContainEqual({
      where: gone,
      message: `does not exist, which holds the solved examples of subject ${subjectOf(first)}; wanted: 5, or --shots 0`,
    });
    expect(faults).toContainEqual({
      where: cut,
      message: `has 2 solved examples of subject ${subjectOf(second)}; wanted: 5, or --shots 2`,
    });
    expect((await build('mmlu', folder, { shots: 0 })).leaves.length).toBeGreaterThan(1);
  });

  test('names the Parquet file that would hold them', async () => {
    const folder = join(work, 'parquet');
    cpSync(join(golden, 'data-parquet/mmlu'), folder, { recursive: true });
    const files = readdirSync(folder, { recursive: true }).map(String);
    const examples = files.filter((name) => /\/dev-[^/]*\.parquet$/.test(name));
    expect(examples.length).toBeGreaterThan(0);
    for (const name of examples) rmSync(join(folder, name));
    const places = (await refuse(folder, 1)).map(({ where }) => where);
    expect(examples.map((name) => join(folder, name))).toContain(places[0]);
  });

  test('names a subject that is none once, by its file', async () => {
    const folder = join(work, 'strange');
    mkdirSync(join(folder, 'test'), { recursive: true });
    writeFileSync(join(folder, 'test', 'foo_test.csv'), 'q,a,b,c,d,A\n');
    const error = await build('mmlu', folder).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DatasetError);
    expect((error as DatasetError).rowFaults).toEqual([
      {
        file: join(folder, 'test', 'foo_test.csv'),
        message: 'subject "foo" is none of the 57 of MMLU',
      },
    ]);
  });

  test('tells a Git LFS pointer in the place of its files', async () => {
    for (const name of ['test/anatomy_test.csv', 'all/test-0.parquet']) {
      const folder = join(work, name.replaceAll('/', '-'));
      mkdirSync(join(folder, dirname(name)), { recursive: true });
      const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n';
      writeFileSync(join(folder, name), pointer);
      await expect(build('mmlu', folder)).rejects.toThrow(
        `"${join(folder, name)}" is a Git LFS pointer and not the file of 12 bytes`,
      );
    }
  });
});

describe('perplexity protocols cut', () => {
  const cut = async (protocol: string) => {
    const { leaves } = await build(`perplexity:${protocol}`, 'data/wikitext');
    return leaves[0]!.items.flatMap((item) => listTokenRequests(item as never, encoder, 4096));
  };

  test('notebook and marlin: whole windows, all but their first token', async () => {
    for (const [name, size] of [
      ['notebook', 2048],
      ['marlin', 4096],
    ] as const) {
      const windows = await cut(name);
      expect(windows.length).toBeGreaterThan(0);
      for (const { prompt, continuation } of windows) {
        expect([prompt.length, continuation.length]).toEqual([1, size - 1]);
      }
      // BOS stands once, at the head of the text.
      expect(windows.map(({ prompt }) => prompt[0] === encoder.prefixId)).toEqual(
        windows.map((_, at) => at === 0),
      );
    }
  });

  test('llamacpp: the last 255 tokens of 512, BOS in the place of the first', async () => {
    for (const { prompt, continuation } of await cut('llamacpp')) {
      expect([prompt.length, continuation.length, prompt[0]]).toEqual([257, 255, encoder.prefixId]);
    }
  });

  test('loadmark: every token once, after BOS and at least half a window', async () => {
    const windows = await cut('loadmark');
    const counted = windows.flatMap(({ continuation }) => [...continuation]);
    const { leaves } = await build('perplexity:loadmark', 'data/wikitext');
    expect(leaves[0]!.facts!.tokensCounted).toBe(counted.length);
    expect(leaves[0]!.facts!.tokensInText).toBe(counted.length + 1);
    for (const [at, { prompt, continuation }] of windows.entries()) {
      expect(prompt[0]).toBe(encoder.prefixId);
      expect(prompt.length + continuation.length).toBeLessThanOrEqual(2048);
      if (at > 0) expect(prompt.length).toBeGreaterThanOrEqual(1024);
    }
  });
});
