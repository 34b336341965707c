// The same items from the files of the original distributions and from the hub's Parquet, and how perplexity protocols cut
// a text: which tokens count, after which.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../../datasets/index.js';
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
  return task.build({ folder: join(golden, folder), ...terms });
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
