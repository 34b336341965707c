// Targets against the floors and bands that MLCommons' checker enforces for llama2-70b (its table, v6.0).
import { describe, expect, test } from 'vitest';
import { type AccuracyTarget, judgeTargets } from '../../../harness/accuracy/index.js';

const rouge1: AccuracyTarget = {
  metric: 'rouge1',
  kind: 'at-least',
  reference: 44.4312,
  factor: 0.999,
};
const tokens: AccuracyTarget = {
  metric: 'tokensPerSample',
  kind: 'within',
  reference: 294.45,
  factor: 0.9,
};

test('thresholds are the checker’s', () => {
  const [floor, band] = judgeTargets({}, [rouge1, tokens]);
  expect(floor!.threshold).toBeCloseTo(44.3868, 4);
  expect(floor!.upperThreshold).toBeNull();
  expect(band!.threshold).toBe(294.45 * 0.9);
  expect(band!.upperThreshold).toBe(294.45 * 1.1);
});

describe('at-least', () => {
  const passes = (value: number): boolean => judgeTargets({ rouge1: value }, [rouge1])[0]!.pass;
  test('the threshold itself passes, the next double below fails', () => {
    const threshold = 44.4312 * 0.999;
    expect(passes(threshold)).toBe(true);
    expect(passes(threshold * (1 - 2 ** -52))).toBe(false);
    expect(passes(100)).toBe(true);
  });
  test('NaN fails', () => expect(passes(Number.NaN)).toBe(false));
});

test.each([
  [265.0, false],
  [265.1, true],
  [323.8, true],
  [323.9, false],
])('within: %d tokens a sample -> %s', (tokensPerSample, pass) => {
  expect(judgeTargets({ tokensPerSample }, [tokens])[0]).toMatchObject({
    value: tokensPerSample,
    pass,
  });
});

test('a metric that was not measured fails with value null', () => {
  expect(judgeTargets({ rouge2: 99 }, [rouge1])[0]).toMatchObject({ value: null, pass: false });
});

test.each([0, -1, 1.01, Number.NaN])('factor %d is refused', (factor) => {
  expect(() => judgeTargets({}, [{ ...rouge1, factor }])).toThrow(`factor of target rouge1 is`);
});
test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('reference %d is refused', (reference) => {
  expect(() => judgeTargets({}, [{ ...rouge1, reference }])).toThrow('reference of target rouge1');
});
