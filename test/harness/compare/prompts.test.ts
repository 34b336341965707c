// The samples that lost most, with what they were asked: from the dataset as it was, or with the reason why not.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Comparison } from '../../../harness/compare/comparison.js';
import { callBench } from '../bench-call.js';
import { makeRun } from '../report/html/made-runs.js';
import { makeRun as makeRecord, makeSamples } from './made-runs.js';

let folder = '';
let dataset = '';
let runs: string[] = [];
const rows = Array.from({ length: 12 }, (_, i) => ({
  id: `row-${i}`,
  prompt: `Repeat <b>line ${i}</b> as it is.`,
  reference: `line ${i} is made of these words and of no others`,
}));
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-prompts-'));
  dataset = join(folder, 'rows.jsonl');
  writeFileSync(dataset, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const run = async (name: string, degrade: number) => {
    const script = join(folder, `${name}.yaml`);
    writeFileSync(script, `slots: 4\nanswers: { degrade: ${degrade} }\n`);
    const system = ['--sut', 'scripted', '--script', script, '--clock', 'virtual'];
    return makeRun(folder, name, ...system, '--dataset', dataset, '--accuracy');
  };
  runs = [await run('right', 0), await run('spoilt', 0.5)];
});
afterAll(() => rmSync(folder, { recursive: true }));

async function compare(...sides: string[]) {
  const output = join(folder, 'compared');
  const { stderr } = await callBench('compare', ...sides, '--output', output);
  expect(stderr).toBe('');
  const comparison: Comparison = JSON.parse(readFileSync(join(output, 'comparison.json'), 'utf8'));
  const page = readFileSync(join(output, 'report.html'), 'utf8');
  return { quality: comparison.candidates[0]!.quality, page };
}

it('come with the prompt and the expected answer, which are text on the page', async () => {
  const { quality, page } = await compare(...runs);
  expect(quality.worst).toHaveLength(10);
  expect(quality.textsAbsentBecause).toBeNull();
  for (const { id, sampleIndex, prompt, expected } of quality.worst) {
    expect({ id, prompt, reference: expected }).toEqual(rows[sampleIndex]);
    expect(page).toContain(`Repeat &lt;b&gt;line ${sampleIndex}&lt;/b&gt; as it is.`);
  }
});

it('come without them where the dataset has changed, or nobody knows where it was', async () => {
  writeFileSync(dataset, `${JSON.stringify({ ...rows[0], prompt: 'another' })}\n`);
  const { quality, page } = await compare(...runs);
  expect(quality.textsAbsentBecause).toMatch(/^prompts and expected answers: .*digest differs/);
  expect(quality.worst.map(({ prompt }) => prompt)).toEqual(Array(10).fill(null));
  expect(page).toContain('Without prompts and expected answers: dataset');
  expect(page).not.toContain('<h5>prompt');

  const scored = (rouge1: number) =>
    makeRecord(
      join(folder, `made-${rouge1}`),
      makeSamples(20, 10, () => ({ rouge1 })),
    );
  const unknown = await compare(scored(1), scored(0.5));
  expect(unknown.quality.textsAbsentBecause).toBe(
    'prompts and expected answers: run.json does not say where its dataset is',
  );
});
