// The MLPerf recipe to the printed digit, its accuracy.txt, and the refusals.
import { describe, expect, test } from 'vitest';
import {
  formatAccuracyText,
  type GenerationItem,
  scoreGeneration,
} from '../../../harness/accuracy/index.js';
import {
  type GoldenRecipe,
  listGoldenFiles,
  readGoldenPairs,
  readGoldenRecipes,
} from './golden-rouge.js';

for (const name of listGoldenFiles('recipe')) {
  test(`${name}: what the accuracy script prints, to the character`, () => {
    const pairs = readGoldenPairs(name.replace('recipe', 'pairs-random'));
    const makeItems = ({ last_pairs, token_counts }: GoldenRecipe): GenerationItem[] =>
      pairs.slice(-last_pairs).map(({ ref, pred }, at) => ({
        id: String(at),
        prediction: pred,
        reference: ref,
        tokenCount: token_counts[at]!,
      }));
    const recipes = readGoldenRecipes(name);
    expect(recipes.length).toBeGreaterThan(0);
    for (const recipe of recipes) {
      const items = makeItems(recipe);
      expect(items).toHaveLength(recipe.last_pairs);
      expect(formatAccuracyText(scoreGeneration(items))).toBe(recipe.printed);
    }
    console.log(`${name}: ${recipes.length} texts equal`);
  });
}

const item = (prediction: string, reference: string, tokenCount = 3): GenerationItem => ({
  id: 'q1',
  prediction,
  reference,
  tokenCount,
});

describe('one sample', () => {
  test('keeps unrounded fractions; the metrics are rounded percent', () => {
    const { metrics, samples } = scoreGeneration([item('the cat sat', 'the cat sat on the mat')]);
    expect(samples[0]!.rouge1).toBeCloseTo(2 / 3, 15);
    expect(metrics.rouge1).toBe(66.6667);
    expect(metrics.tokensPerSample).toBe(3);
  });
  test('strips what Python strips, and counts code points', () => {
    const { samples } = scoreGeneration([item('\x1c\x85 🙂é \u3000\n', 'x')]);
    expect(samples[0]!.genLen).toBe(2);
    expect(scoreGeneration([item('\ufeffx', 'x')]).samples[0]!.genLen).toBe(2);
  });
  test('standard errors are those of the mean; a single answer has none', () => {
    const { standardErrors } = scoreGeneration([item('a b', 'a b', 1), item('x', 'a b', 4)]);
    // 100 and 0: a deviation of 100 / sqrt(2) over sqrt(2).
    expect(standardErrors.rouge1).toBeCloseTo(50, 12);
    expect(standardErrors.tokensPerSample).toBeCloseTo(1.5, 12);
    expect(Object.keys(standardErrors)).toHaveLength(5);
    expect(scoreGeneration([item('a', 'a')]).standardErrors).toEqual({});
  });
  test('an empty answer scores 0', () => {
    const { metrics } = scoreGeneration([item('', 'x', 0)]);
    expect(metrics).toMatchObject({ rouge1: 0, rougeLsum: 0, genLen: 0, genNum: 1, genTokLen: 0 });
  });
  test('newlines separate sentences for ROUGE-Lsum only', () => {
    const { metrics } = scoreGeneration([item('c d\na b', 'a b\nc d')]);
    expect(metrics).toMatchObject({ rougeL: 50, rougeLsum: 100 });
  });
});

test('refuses nothing to score and impossible token counts', () => {
  expect(() => scoreGeneration([])).toThrow('0 answers');
  expect(() => scoreGeneration([item('a', 'a', -1)])).toThrow('token count -1');
  expect(() => scoreGeneration([item('a', 'a', 1.5)])).toThrow('token count 1.5');
});
