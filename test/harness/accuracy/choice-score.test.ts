// Multiple choice: the greatest log-probability wins, the first on a tie; averages, errors and refusals.
import { describe, expect, test } from 'vitest';
import { type ChoiceItem, scoreChoices } from '../../../harness/accuracy/index.js';

const item = (subject: string, answer: number, ...logProbs: number[]): ChoiceItem => ({
  id: `${subject}-${answer}`,
  subject,
  answer,
  logProbs: Float64Array.from(logProbs),
});

describe('choosing', () => {
  const chosen = (...logProbs: number[]): number =>
    scoreChoices([item('s', 0, ...logProbs)]).samples[0]!.chosen;
  test.each([
    [[-3, -1, -2, -4], 1],
    [[-3, -1, -1, -1], 1],
    [[-1, -1], 0],
    [[-Infinity, -Infinity, -700], 2],
    [[-Infinity, -Infinity], 0],
    [[-0, 0], 0],
  ])('%j -> %i', (logProbs, expected) => expect(chosen(...logProbs)).toBe(expected));
});

test('overall is over questions, subjects keep their order, errors use n - 1', () => {
  const score = scoreChoices([
    item('rivers', 0, -1, -2),
    item('rivers', 0, -1, -2),
    item('rivers', 1, -1, -2),
    item('laws', 1, -1, -2),
  ]);
  expect(score.metrics.mmlu).toBe(50);
  // lm-evaluation-harness: sample standard deviation of [1, 1, 0, 0] over sqrt(4).
  expect(score.metrics.mmluStderr).toBeCloseTo(28.867513459481287, 12);
  expect(score.standardErrors).toEqual({ mmlu: score.metrics.mmluStderr });
  expect(score).toMatchObject({ kind: 'choice', correct: 2, total: 4 });
  expect(score.subjects.map(({ subject, correct, total }) => [subject, correct, total])).toEqual([
    ['rivers', 2, 3],
    ['laws', 0, 1],
  ]);
  expect(score.subjects[0]!.accuracy).toBeCloseTo(66.66666666666667, 12);
  expect(score.subjects[1]!.stderr).toBeNull();
});

test('a single question has no standard error', () => {
  expect(scoreChoices([item('s', 0, -1, -2)]).metrics).toEqual({ mmlu: 100 });
});

test.each([
  [[], '0 answers'],
  [[item('s', 2, -1, -2)], 'answer 2 is not one of its 2 choices'],
  [[item('s', -1, -1, -2)], 'answer -1'],
  [[item('s', 0.5, -1, -2)], 'answer 0.5'],
  [[item('s', 0)], 'one of its 0 choices'],
  [[item('s', 0, -1, Number.NaN)], 'log-probability of choice 1 is NaN'],
] as [ChoiceItem[], string][])('refuses %j', (items, message) =>
  expect(() => scoreChoices(items)).toThrow(message),
);
