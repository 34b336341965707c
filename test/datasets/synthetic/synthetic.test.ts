import { describe, expect, it } from 'vitest';
import { DatasetError, openDataset } from '../../../datasets/index.js';

function open(name: string) {
  const dataset = openDataset(name, 'test');
  const { synthetic } = dataset;
  if (synthetic === undefined) throw new Error(`${name} is not synthetic`);
  return { ...dataset, synthetic };
}

describe('openDataset of a synthetic name', () => {
  it('gives rows of fixed lengths, 1024 of them or as many as asked for', () => {
    const dataset = open('synthetic:128x256');
    expect(dataset).toMatchObject({ name: 'synthetic:128x256', kind: 'generation', length: 1024 });
    expect(dataset.sample(1023)).toEqual({
      kind: 'generation',
      id: 'random-1023',
      prompt: '',
      reference: '',
      newTokens: 256,
    });
    expect(dataset.synthetic.promptTokens(3, 32_000)).toHaveLength(128);
    expect(dataset.synthetic.longestSequence(1)).toBe(384);
    expect(open('synthetic:1x2:7').length).toBe(7);
    for (const index of [-1, 0.5, 1024]) {
      expect(() => dataset.sample(index)).toThrow(RangeError);
      expect(() => dataset.synthetic.promptLength(index)).toThrow(RangeError);
    }
  });

  it("gives OpenOrca's lengths, each row its own", () => {
    const dataset = open('synthetic:openorca');
    expect(dataset.length).toBe(24_576);
    const rows = Array.from({ length: 50 }, (_, row) => dataset.synthetic.promptLength(row));
    expect(new Set(rows).size).toBeGreaterThan(25);
    expect(dataset.synthetic.promptTokens(9, 100)).toHaveLength(rows[9]!);
    const longest = dataset.synthetic.longestSequence(dataset.length);
    expect(longest).toBeGreaterThan(1100);
    expect(longest).toBeLessThanOrEqual(1021 + 1024);
    expect(dataset.synthetic.longestSequence(10)).toBeLessThan(longest);
    expect(open('synthetic:openorca:100').length).toBe(100);
  });

  it('draws tokens evenly from the vocabulary without its first three, and always the same', () => {
    const { synthetic } = open('synthetic:500x2:40');
    const counts = new Map<number, number>();
    for (let row = 0; row < 40; row++) {
      for (const token of synthetic.promptTokens(row, 103)) {
        counts.set(token, (counts.get(token) ?? 0) + 1);
      }
    }
    expect(Math.min(...counts.keys())).toBe(3);
    expect(Math.max(...counts.keys())).toBe(102);
    // 20,000 draws over 100 ids: chi-squared with 99 degrees of freedom is above 160 once in 10,000 times.
    const chiSquared = [...counts.values()].reduce((sum, n) => sum + (n - 200) ** 2 / 200, 0);
    expect(counts.size).toBe(100);
    expect(chiSquared).toBeLessThan(160);
    const again = open('synthetic:500x2:40').synthetic;
    expect(again.promptTokens(17, 103)).toEqual(synthetic.promptTokens(17, 103));
    expect(synthetic.promptTokens(16, 103)).not.toEqual(synthetic.promptTokens(17, 103));
    expect(() => synthetic.promptTokens(0, 3)).toThrow('vocabSize is 3; allowed: more than 3');
  });

  it('has equal digests for equal lengths only', () => {
    expect(open('synthetic:128x256').digest()).toBe(open('synthetic:128x256:1024').digest());
    expect(open('synthetic:128x256').digest()).not.toBe(open('synthetic:256x128').digest());
    expect(open('synthetic:openorca').digest()).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['synthetic', 'no such lengths; allowed: synthetic:openorca, synthetic:<prompt>x<output>'],
    ['synthetic:alpaca', 'no such lengths'],
    ['synthetic:128', 'no such lengths'],
    ['synthetic:1x2:3:4', 'no such lengths'],
    ['synthetic:0x256', '<prompt> is "0", which can be 1 to 1048576'],
    ['synthetic:128x1', '<output> is "1", which can be 2 to 1048576'],
    ['synthetic:openorca:0', '<samples> is "0", which can be 1 to 1000000'],
    ['synthetic:openorca:', '<samples> is "", which can be'],
  ])('refuses %s', (name, message) => {
    expect(() => openDataset(name, 'test')).toThrow(DatasetError);
    expect(() => openDataset(name, 'test')).toThrow(`dataset is "${name}": ${message}`);
  });

  it('has no rows to train or to calibrate with', () => {
    expect(() => openDataset('synthetic:openorca', 'train')).toThrow('one: test');
  });
});
