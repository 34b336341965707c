// Is tiny-orca what it promises: rows by index alone, splits without a common row, answers that need the context?

import { describe, expect, it } from 'vitest';
import type { GenerationSample, Split } from '../../../datasets/dataset.js';
import { taskFamilies } from '../../../datasets/tiny/tasks.js';
import { makeOrcaSample, openTinyOrca, removeContext } from '../../../datasets/tiny/tiny-orca.js';

const words = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

const contextOf = (sample: GenerationSample): string =>
  sample.prompt.split('### Context:\n')[1]!.split('\n\n### Response:\n')[0]!;

function rows(split: Split, count: number): GenerationSample[] {
  return Array.from({ length: count }, (_, i) => makeOrcaSample(split, i));
}

describe('tiny-orca', () => {
  it('has 1,000 test rows, made fast and independent of the order of asking', () => {
    const start = performance.now();
    const dataset = openTinyOrca('test');
    const forward = Array.from({ length: 1000 }, (_, i) => dataset.sample(i));
    expect(performance.now() - start).toBeLessThan(1000);
    expect(dataset.length).toBe(1000);
    const again = openTinyOrca('test');
    for (let i = 999; i >= 0; i--) expect(again.sample(i)).toEqual(forward[i]);
    expect(new Set(forward.map((row) => row.id)).size).toBe(1000);
    expect(new Set(forward.map((row) => row.id.split('-')[2])).size).toBe(taskFamilies.length);
  });

  it('keeps training, calibration and test apart', () => {
    const seen = new Map<string, Split>();
    for (const [split, count] of [
      ['test', 1000],
      ['calibration', 512],
      ['train', 20_000],
    ] as const) {
      for (const row of rows(split, count)) {
        const context = contextOf(row);
        expect(seen.get(context) ?? split).toBe(split);
        seen.set(context, split);
      }
    }
    expect(seen.size).toBeGreaterThan(21_000);
  });

  it('answers in words of the context, mostly', () => {
    let template = 0;
    let total = 0;
    for (const row of rows('test', 1000)) {
      const known = new Set(words(contextOf(row)));
      const answer = words(row.reference);
      expect(answer.length).toBeGreaterThanOrEqual(5);
      total += answer.length;
      template += answer.filter((word) => !known.has(word)).length;
      // What stands in the instruction too can be repeated without reading the context.
      const instruction = new Set(words(row.prompt.split('### Context:')[0]!));
      template += answer.filter((word) => known.has(word) && instruction.has(word)).length;
    }
    expect(template / total).toBeLessThan(0.3);
  });

  it('takes the context out of a prompt, and nothing else', () => {
    const row = makeOrcaSample('test', 3);
    const unread = removeContext(row.prompt);
    expect(unread).toBe(row.prompt.replace(contextOf(row), ''));
    expect(unread).toMatch(/### Context:\n\n\n### Response:\n$/);
    expect(() => removeContext('no context here')).toThrow(RangeError);
  });
});

describe('the task families', () => {
  const find = (name: string, count = 200): GenerationSample[] =>
    rows('test', count * taskFamilies.length).filter((row) => row.id.endsWith(`-${name}`));

  it('sort: the answer is the context in order', () => {
    for (const row of find('sort')) {
      const numbers = row.reference.match(/\d+/g)!.map(Number);
      const up = row.prompt.includes('from the smallest');
      expect(numbers).toEqual(numbers.toSorted((a, b) => (up ? a - b : b - a)));
      const entries = (text: string): string[] => text.replace('.', '').split(', ').toSorted();
      expect(entries(row.reference)).toEqual(entries(contextOf(row)));
    }
  });

  it('reverse: twice reversed is the queue', () => {
    for (const row of find('reverse')) {
      const queue = contextOf(row).split(': ')[1]!.replace('.', '').split(', ');
      expect(row.reference.replace('.', '').split(', ').toReversed()).toEqual(queue);
    }
  });

  it('extract: one sentence of the context, the only one with the thing', () => {
    for (const row of find('extract')) {
      const thing = /mentions the (\w+)\./.exec(row.prompt)![1]!;
      const sentences = contextOf(row).split(/(?<=\.) /);
      expect(sentences.filter((text) => words(text).includes(thing))).toEqual([row.reference]);
    }
  });

  it('count: as many as named, each said to go there', () => {
    for (const row of find('count')) {
      const town = /(?:went|travelled) to (\w+)/.exec(row.prompt)![1]!;
      const going = [...contextOf(row).matchAll(/(\w+) to (\w+)\./g)].filter((m) => m[2] === town);
      expect(row.reference).toBe(`${going.length}: ${going.map((m) => m[1]).join(', ')}.`);
    }
  });

  it('filter: every entry of the colour, in order', () => {
    for (const row of find('filter')) {
      const colour = /(?:is|the) (\w+)(?:\.| entries)/.exec(
        row.prompt.split('### Context')[0]!,
      )![1]!;
      const kept = contextOf(row)
        .split('\n')
        .filter((line) => line.split(' ')[1] === colour)
        .map((line) => line.replace(`: ${colour} `, ', '));
      expect(row.reference).toBe(`${kept.join('; ')}.`);
    }
  });
});
