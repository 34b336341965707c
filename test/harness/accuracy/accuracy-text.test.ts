// accuracy.txt read back the way MLCommons' checker does: line by line, a pattern a metric, anchored at the start.
import { expect, test } from 'vitest';
import {
  formatAccuracyText,
  type GenerationItem,
  scoreChoices,
  scoreGeneration,
} from '../../../harness/accuracy/index.js';

const rougePattern = (key: string): RegExp => new RegExp(`^.*'${key}':\\s+'?([\\d.]+)'?.*`);
const lengthPattern = (key: string): RegExp => new RegExp(`^.*'${key}':\\s([\\d.]+).*`);

function readAsChecker(text: string, pattern: RegExp): number[] {
  return text.split('\n').flatMap((line) => {
    const found = pattern.exec(line);
    return found ? [Number(found[1])] : [];
  });
}

test('every metric of a generation run is found once, with its value', () => {
  const items: GenerationItem[] = Array.from({ length: 3 }, (_, at) => ({
    id: String(at),
    prediction: `the ${at} cats sat\non a mat`,
    reference: 'the 1 cat sat\nby the mat',
    tokenCount: 10 + at,
  }));
  const score = scoreGeneration(items);
  const text = formatAccuracyText(score);
  for (const key of ['rouge1', 'rouge2', 'rougeL', 'rougeLsum'] as const) {
    expect(readAsChecker(text, rougePattern(key))).toEqual([score.metrics[key]]);
  }
  expect(readAsChecker(text, lengthPattern('gen_len'))).toEqual([score.metrics.genLen]);
  expect(readAsChecker(text, lengthPattern('tokens_per_sample'))).toEqual([11]);
});

test('whole floats keep their point and counts have none', () => {
  const item: GenerationItem = { id: 'a', prediction: 'a b', reference: 'a b', tokenCount: 2 };
  expect(formatAccuracyText(scoreGeneration([item]))).toBe(
    "\nResults\n\n{'rouge1': 100.0, 'rouge2': 100.0, 'rougeL': 100.0, 'rougeLsum': 100.0, " +
      "'gen_len': 3, 'gen_num': 1, 'gen_tok_len': 2, 'tokens_per_sample': 2.0}\n",
  );
});

test('a multiple-choice run has the accuracy line', () => {
  const logProbs = Float64Array.of(-1, -2);
  const score = scoreChoices(
    [0, 0, 1].map((answer) => ({ id: 'q', subject: 's', answer, logProbs })),
  );
  const text = formatAccuracyText(score);
  expect(text).toBe('accuracy=66.667%, good=2, total=3\n');
  expect(readAsChecker(text, /^(?:\{"accuracy|accuracy)[": ]*=?\s*([\d.]+).*/)).toEqual([66.667]);
});
