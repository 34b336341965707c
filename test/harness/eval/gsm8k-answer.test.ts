// Numbers of answers as lm_eval finds and compares them, on texts with every trap.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  answerFilters,
  cutAtStops,
  extractAnswer,
  isSameAnswer,
} from '../../../harness/eval/gsm8k-answer.js';
import { PythonRandom } from '../../../harness/eval/python-random.js';
import { gsm8kStops } from '../../../harness/eval/tasks/gsm8k.js';

const file = join(
  dirname(fileURLToPath(import.meta.url)),
  '../../golden/lm-eval/gsm8k-filters.json',
);
const golden = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly golds: readonly string[];
  readonly rows: readonly {
    readonly text: string;
    readonly cut: string;
    readonly answers: Readonly<Record<string, string>>;
    readonly matches: Readonly<Record<string, readonly number[]>>;
  }[];
};

test('finds and compares numbers as lm_eval does', () => {
  for (const { text, cut, answers, matches } of golden.rows) {
    expect(cutAtStops(text, gsm8kStops)).toBe(cut);
    for (const filter of answerFilters) {
      const answer = extractAnswer(cut, filter);
      expect(answer, `${filter} of ${JSON.stringify(text)}`).toBe(answers[filter]);
      const own = golden.golds.map((gold) => Number(isSameAnswer(answer, gold)));
      expect(own, `${filter} of ${JSON.stringify(text)}`).toEqual(matches[filter]);
    }
  }
});

test('draws as random.Random(1234).sample() of CPython', () => {
  const random = new PythonRandom(1234);
  expect([1, 2, 3].map(() => random.sample(30, 5))).toEqual([
    [24, 14, 3, 0, 2],
    [29, 25, 18, 1, 21],
    [22, 2, 3, 24, 11],
  ]);
  expect(random.sample(1000, 5)).toEqual([242, 17, 31, 807, 16]);
});
