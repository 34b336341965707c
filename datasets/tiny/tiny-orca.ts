// tiny-orca: an instruction about a context, answered mostly in the context's own words. Rows are functions of
// (split, index); which split a row may stand in is decided by a hash of its context, so the splits cannot overlap.

import { createHash } from 'node:crypto';
import type { Dataset, GenerationSample, Split } from '../dataset.js';
import { hashText, Random } from './random.js';
import { type Task, taskFamilies } from './tasks.js';

/** Rows that the dataset shows; makeOrcaSample() goes on beyond them. */
const orcaLengths: { readonly [split in Split]: number } = {
  train: 100_000,
  calibration: 512,
  test: 1_000,
};

const contextOpening = '### Context:\n';
const responseOpening = '### Response:\n';

export function openTinyOrca(split: Split): Dataset {
  const length = orcaLengths[split];
  const cache = new Map<number, GenerationSample>();
  const sample = (index: number): GenerationSample => {
    if (!Number.isInteger(index) || index < 0 || index >= length) {
      throw new RangeError(`tiny-orca ${split} has no row ${index}; allowed: 0 to ${length - 1}`);
    }
    let row = split === 'train' ? undefined : cache.get(index);
    if (row === undefined) {
      row = makeOrcaSample(split, index);
      if (split !== 'train') cache.set(index, row);
    }
    return row;
  };
  const digest = (): string => {
    const hash = createHash('sha256');
    for (let i = 0; i < length; i++) {
      const row = sample(i);
      hash.update(JSON.stringify([row.id, row.prompt, row.reference]));
    }
    return hash.digest('hex');
  };
  return { name: 'tiny-orca', split, kind: 'generation', length, sample, digest };
}

/** Row `index` of a split, which has no end: the training text uses far more rows than the dataset shows. */
export function makeOrcaSample(split: Split, index: number): GenerationSample {
  for (let attempt = 0; ; attempt++) {
    const random = new Random('tiny-orca', split, index, attempt);
    const family = taskFamilies[index % taskFamilies.length]!;
    const task = family.make(random);
    if (splitOf(task) !== split) continue;
    // What is measured answers in 20 tokens or more; a model learns from shorter answers too.
    if (split === 'test' && task.answer.length < (family.shortestTestAnswer ?? 0)) continue;
    return {
      kind: 'generation',
      id: `${split}-${index}-${family.name}`,
      prompt: formatPrompt(task),
      reference: task.answer,
    };
  }
}

/** A quarter of all possible contexts is for testing, a quarter for calibration, half for training. */
function splitOf(task: Task): Split {
  const quarter = hashText(task.context) % 4;
  return quarter === 0 ? 'test' : quarter === 1 ? 'calibration' : 'train';
}

function formatPrompt(task: Task): string {
  return `### Instruction:\n${task.instruction}\n\n${contextOpening}${task.context}\n\n${responseOpening}`;
}

/** The same prompt with an empty context: what a model scores on it, it did not read. */
export function removeContext(prompt: string): string {
  const start = prompt.indexOf(contextOpening);
  const end = prompt.lastIndexOf(`\n\n${responseOpening}`);
  if (start < 0 || end < 0) throw new RangeError('the prompt has no context to remove');
  return prompt.slice(0, start + contextOpening.length) + prompt.slice(end);
}
