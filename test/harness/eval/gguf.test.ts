// `bench eval FILE.gguf` by what the file says itself, against the folder that transformers reads from the same file: the
// length that the model reads, its tokens, what ends its answers.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadTokenizer } from '../../../datasets/index.js';
import type { EvalRecord } from '../../../harness/commands/eval.js';
import { readAnswerEnd } from '../../../harness/eval/answer-end.js';
import type { ItemEvidence } from '../../../harness/eval/evidence.js';
import { convertGguf } from '../../../harness/gguf-conversion.js';
import { callBench } from '../bench-call.js';

const golden = join(import.meta.dirname, '../../golden');
const source = join(golden, 'gguf-conversion/model.gguf');
const work = mkdtempSync(join(tmpdir(), 'loadmark-eval-gguf-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

async function evaluate(model: string, name: string) {
  const output = join(work, `out-${name}`);
  const asked = ['--tasks', 'winogrande,wikitext', '--limit', '6', '--output', output];
  const data = ['--data', join(golden, 'lm-eval/data')];
  const settings = ['--device', 'cpu', '--activations', 'fp32', '--quiet', '--json'];
  const call = await callBench('eval', model, ...asked, ...data, ...settings);
  expect(call).toMatchObject({ code: 0, stderr: '' });
  const lines = readFileSync(join(output, 'items.jsonl'), 'utf8').trimEnd().split('\n').sort();
  const rows = lines.map((line) => JSON.parse(line) as ItemEvidence);
  return { record: JSON.parse(call.stdout) as EvalRecord, rows };
}

test('a GGUF file is asked what its folder is asked, and answers the same', async () => {
  const folder = join(work, 'folder');
  mkdirSync(folder);
  convertGguf(source, folder, 'a test');
  const own = await evaluate(source, 'file');
  const other = await evaluate(folder, 'folder');
  const asked = ({ id, prompt, weights }: ItemEvidence) => ({ id, prompt, weights });
  expect(own.rows.length).toBe(12);
  expect(own.rows.map(asked)).toEqual(other.rows.map(asked));
  // The folder's weights are the file's in bf16.
  const listLogProbs = ({ rows }: typeof own) => rows.flatMap(({ logProbs }) => logProbs!);
  const wanted = listLogProbs(other);
  for (const [at, logProb] of listLogProbs(own).entries()) {
    expect(Math.abs(logProb / wanted[at]! - 1)).toBeLessThan(2e-4);
  }
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as object;
  expect(config).toMatchObject({ max_position_embeddings: own.record.settings.maxLength });
  const tokenizer = await loadTokenizer(source);
  const end = readAnswerEnd(source, tokenizer);
  expect(end).toEqual(readAnswerEnd(folder, await loadTokenizer(folder)));
  expect(end).toEqual({ stopTokens: Int32Array.of(2), endText: '<|im_end|>' });
});

test('what is no GGUF is refused by its name', async () => {
  const file = join(work, 'broken.gguf');
  writeFileSync(file, 'GGUF');
  const { code, stderr } = await callBench('eval', file, '--tasks', 'wikitext');
  expect(code).toBe(2);
  expect(stderr).toMatch(/broken\.gguf: .*\(ERR_BAD_CHECKPOINT\)/);
});
