import { describe, expect, it } from 'vitest';
import { benchmarkNames, findBenchmark } from '../../../harness/submission/benchmarks.js';

describe('benchmarks of a round', () => {
  it('knows what each round has', () => {
    expect(benchmarkNames('v6.0')).toEqual([
      'llama2-70b-99',
      'llama2-70b-99.9',
      'llama3.1-8b',
      'llama3.1-8b-edge',
      'mixtral-8x7b',
      'llama3.1-405b',
      'deepseek-r1',
      'gpt-oss-120b',
    ]);
    expect(benchmarkNames('v6.1')).toEqual([
      'llama2-70b-99.9',
      'llama3.1-8b',
      'llama3.1-8b-edge',
      'deepseek-r1',
      'gpt-oss-120b',
    ]);
    expect(findBenchmark('mixtral-8x7b', 'v6.1')).toBeNull();
    expect(findBenchmark('llama3_1-8b', 'v6.1')?.name).toBe('llama3.1-8b');
    expect(findBenchmark('llama2_1-8b', 'v6.1')).toBeNull();
  });

  // The least and the greatest values that MLCommons' checker computes from its own constants.
  it.each([
    ['llama2-70b-99', [43.986888, 21.814848, 28.330038, 265.005], 323.895],
    ['llama2-70b-99.9', [44.3867688, 22.0131648, 28.5875838, 265.005], 323.895],
    ['llama3.1-8b', [38.391408, 15.748425, 24.250743, 35.43507, 7350879.6], 8984408.4],
    ['llama3.1-8b-edge', [38.6694, 15.953553, 24.391125, 35.76276, 2746001.7], 3356224.3],
    ['mixtral-8x7b', [45.142911, 23.119074, 30.156192, 130.356, 72.9234, 59.5584], 160.49],
    ['llama3.1-405b', [21.449934, 89.232165, 616.212], 753.148],
    ['deepseek-r1', [80.544618, 3497.60466], 4274.85014],
    ['gpt-oss-120b', [82.2987], null],
  ] as const)('%s has the bounds of the checker', (name, least, most) => {
    const accuracy = findBenchmark(name, 'v6.0')?.accuracy ?? [];
    expect(accuracy.map(({ reference, factor }) => reference * factor)).toEqual(
      least.map((value) => expect.closeTo(value, 5)),
    );
    const upper = accuracy.flatMap((bound) => bound.most ?? []);
    expect(upper).toEqual(most === null ? [] : [expect.closeTo(most, 5)]);
  });
});
