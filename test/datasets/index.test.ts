// Does the datasets door open what it lists, and refuse the rest by name?

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DatasetError, datasetNames, openDataset, splitNames } from '../../datasets/index.js';
import { loadTokenizer } from '../../datasets/tokenizer.js';

const builtInModel = join(import.meta.dirname, '../../configs/models/tiny');

describe('openDataset', () => {
  it('opens every dataset it lists, in every split', () => {
    expect([...datasetNames].sort()).toEqual(['tiny-mmlu', 'tiny-orca']);
    for (const name of datasetNames) {
      for (const split of splitNames) {
        const dataset = openDataset(name, split);
        expect(dataset).toMatchObject({ name, split });
        expect(dataset.sample(0).kind).toBe(dataset.kind);
        expect(dataset.sample(dataset.length - 1).kind).toBe(dataset.kind);
        for (const index of [-1, 0.5, dataset.length, Number.NaN]) {
          expect(() => dataset.sample(index)).toThrow(RangeError);
        }
      }
    }
  });

  it.each(['tiny', 'toString', ''])('refuses the name "%s" with the list', (name) => {
    try {
      openDataset(name, 'test');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(DatasetError);
      expect(error).toMatchObject({ code: 'unknown-dataset' });
      expect(String(error)).toContain(`"${name}"; there are: tiny-mmlu, tiny-orca`);
    }
  });

  it('has test answers of 20 to 80 tokens', async () => {
    const tokenizer = await loadTokenizer(builtInModel);
    const dataset = openDataset('tiny-orca', 'test');
    for (let i = 0; i < dataset.length; i++) {
      const row = dataset.sample(i);
      if (row.kind !== 'generation') throw new Error(`${row.id} is no text`);
      const { length } = tokenizer.encode(row.reference);
      expect(length, row.id).toBeGreaterThanOrEqual(20);
      expect(length, row.id).toBeLessThanOrEqual(80);
    }
  });

  it('gives equal digests for equal data and different ones for different splits', () => {
    const digest = openDataset('tiny-orca', 'test').digest();
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(openDataset('tiny-orca', 'test').digest()).toBe(digest);
    expect(openDataset('tiny-orca', 'calibration').digest()).not.toBe(digest);
    expect(openDataset('tiny-mmlu', 'test').digest()).not.toBe(
      openDataset('tiny-mmlu', 'calibration').digest(),
    );
  });
});
