// Two evaluations by `bench eval`, set side by side item by item.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EvalComparison } from '../../../harness/compare/eval-comparison.js';
import { callBench } from '../bench-call.js';

let folder = '';
let made = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-evals-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function evaluation(name: string, items: readonly object[]): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(
    join(path, 'results.json'),
    JSON.stringify({ model: { name, weightFormat: 'bf16' } }),
  );
  writeFileSync(
    join(path, 'items.jsonl'),
    items.map((item) => `${JSON.stringify(item)}\n`).join(''),
  );
  return path;
}

/** 400 questions of two subjects; 20 pages of 100 words each. */
const items = (wrong: number, loss: (page: number) => number, prompt = 'same') => [
  ...Array.from({ length: 400 }, (_, i) => ({
    id: `q/${i}`,
    task: i % 2 === 0 ? 'mmlu_a' : 'mmlu_b',
    prompt: i === 7 ? prompt : 'same',
    metrics: { acc: Number(i >= wrong) },
  })),
  ...Array.from({ length: 20 }, (_, i) => ({
    id: `wikitext/${i}`,
    task: 'wikitext',
    prompt: 'same',
    logProbs: [-100 * loss(i)],
    weights: { words: 100, bytes: 500 },
    metrics: {},
  })),
];

it.each([
  ['results.json', '{}', 'results.json has no usable model.name; allowed: what bench eval wrote'],
  ['results.json', 'null', 'results.json has no usable model.name'],
  ['items.jsonl', '{"id":"q/0"}\n', 'items.jsonl, item 1 has no usable task'],
  ['items.jsonl', '{"id":"q/0","task":"mmlu_a","prompt":"same"}', 'item 1 has no usable metrics'],
  ['items.jsonl', 'no', 'items.jsonl, line 1: Unexpected token'],
])('an edited %s that says %j is refused by its field', async (file, text, message) => {
  const [one, other] = [1, 2].map((i) =>
    evaluation(
      `edited-${made++}-${i}`,
      items(1, () => 3),
    ),
  );
  writeFileSync(join(other!, file), text);
  const { code, stderr } = await callBench('compare', one!, other!);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

it('an evaluation against itself is refused', async () => {
  const one = evaluation(
    'itself',
    items(1, () => 3),
  );
  const { code, stderr } = await callBench('compare', one, `${one}/`);
  expect(stderr).toContain('is there twice; allowed: two evaluations');
  expect(code).toBe(2);
});

it('pairs answers over the subjects, and perplexities over the pages', async () => {
  const baseline = evaluation(
    'before',
    items(100, (page) => 3 + 0.01 * page),
  );
  const candidate = evaluation(
    'after',
    items(140, (page) => 3.1 + 0.01 * page + 0.001 * (page % 5)),
  );
  const { code, stdout } = await callBench('compare', baseline, candidate, '--json');
  expect(code).toBe(0);
  const { accuracies, perplexities, leftOut } = JSON.parse(stdout) as EvalComparison;
  expect(leftOut).toBe(0);
  expect(accuracies).toHaveLength(1);
  expect(accuracies[0]).toMatchObject({
    task: 'mmlu',
    metric: 'acc',
    samples: 400,
    difference: -10,
  });
  expect(accuracies[0]!.judgement!.verdict).toBe('inferior');
  const [{ baseline: before, candidate: after, interval, judgement } = perplexities[0]!] =
    perplexities;
  expect(before).toBeCloseTo(Math.exp(3.095), 9);
  expect(after / before).toBeCloseTo(Math.exp(0.102), 9);
  expect(interval!.lower).toBeGreaterThan(Math.exp(0.1));
  expect(interval!.upper).toBeLessThan(Math.exp(0.104));
  expect(judgement!.verdict).toBe('inferior');
});

it('leaves out what was not asked alike, and refuses an evaluation beside a run', async () => {
  const baseline = evaluation(
    'one',
    items(100, () => 3),
  );
  const candidate = evaluation(
    'other',
    items(100, (page) => 3 + 0.001 * (page % 3), 'otherwise'),
  );
  const { stdout } = await callBench('compare', baseline, candidate);
  expect(stdout).toContain('2 items that were not asked alike on both sides are left out');
  expect(stdout).toMatch(/mmlu, acc +399 /);
  expect(stdout).toMatch(/wikitext, by words +20 .*non-inferior \(margin 1 %\)/);
  const mixed = await callBench('compare', baseline, folder);
  expect(mixed.code).toBe(2);
  expect(mixed.stderr).toContain('is no evaluation; allowed: evaluations alone, or runs alone');
});
