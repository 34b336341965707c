// Folders as `bench eval` leaves them, of items whose answers are given.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param facts what results.json tells beside the model's name and format */
export function makeEvaluation(
  folder: string,
  name: string,
  items: readonly object[],
  facts: object = {},
): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(
    join(path, 'results.json'),
    JSON.stringify({ model: { name, weightFormat: 'bf16' }, ...facts }),
  );
  writeFileSync(
    join(path, 'items.jsonl'),
    items.map((item) => `${JSON.stringify(item)}\n`).join(''),
  );
  return path;
}

/** 400 questions of two subjects; 20 pages of 100 words each. */
export const items = (wrong: number, loss: (page: number) => number, prompt = 'same') => [
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

/** What `bench eval` tells of itself. */
export const told = (
  changes: Readonly<Record<string, unknown>> = {},
  shots = 5,
  version = '2',
) => ({
  version: '0.1.0',
  commit: 'abc',
  system: { cpu: 'EPYC', gpus: [] },
  settings: {
    ...{ limit: null, maxLength: 2048, device: 'cpu', tensorParallel: '1' },
    ...{ kvCache: 'fp32', activations: 'fp32', weights: 'checkpoint' },
    tasks: [
      ...['mmlu_a', 'mmlu_b'].map((name) => ({ name, version, shots, items: 200, digest: 'd' })),
      { name: 'wikitext', version: '2.0', shots: 0, items: 20, digest: 'w' },
    ],
    ...changes,
  },
  tasks: [{ task: 'wikitext', facts: { n_ctx: changes.maxLength ?? 2048, pages: 20 } }],
});
