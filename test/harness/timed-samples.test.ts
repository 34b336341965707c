// Times out of the evidence: rates, queues and distributions that can be reckoned by hand.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  binAnswers,
  collectTimes,
  countOutstanding,
  distributeTimes,
} from '../../harness/timed-samples.js';

const second = 1e9;

function row(query: number, scheduled: number, completed: number | null, tokens = 5, series = 0) {
  return {
    series,
    queryId: query,
    scheduledNs: scheduled * second,
    issuedNs: (scheduled + 0.001) * second,
    firstTokenNs: completed === null ? null : (scheduled + 0.5) * second,
    completedNs: completed === null ? null : completed * second,
    promptTokenCount: 10,
    outputTokenCount: completed === null ? null : tokens,
    failure: completed === null ? 'gone' : null,
  };
}

describe('timed samples', () => {
  it('has the times of samples, without what never happened', () => {
    const samples = collectTimes([row(0, 0, 2.5), row(1, 1, null), row(2, 2, 3.5)], null);
    expect(samples).toMatchObject({ count: 3, failed: 1 });
    const { latencyMs, ttftMs, tpotMs, issueLagUs } = distributeTimes(samples, false);
    expect([...latencyMs]).toEqual([1500, 2500]);
    expect([...ttftMs]).toEqual([500, 500]);
    expect([...tpotMs]).toEqual([250, 500]);
    expect(issueLagUs).toHaveLength(3);
    for (const lag of issueLagUs) expect(lag).toBeCloseTo(1000, 3);
  });

  it('takes a query for as slow as its last sample, and for lost with one of them', () => {
    const samples = collectTimes([row(0, 0, 2), row(0, 0, 3), row(1, 1, 2), row(1, 1, null)], null);
    expect([...distributeTimes(samples, true).latencyMs]).toEqual([3000]);
    expect([...distributeTimes(samples, false).latencyMs]).toEqual([1000, 2000, 3000]);
  });

  it('takes one series of a search, from its own start', () => {
    const samples = collectTimes([row(0, 0, 1), row(1, 10, 11, 5, 1), row(2, 12, 14, 5, 1)], 1);
    expect([...samples.scheduledNs]).toEqual([0, 2 * second]);
    expect([...samples.completedNs]).toEqual([1 * second, 4 * second]);
  });

  it('gives rates whose sum over time is what was answered', () => {
    const samples = collectTimes([row(0, 0, 1), row(1, 0, 2), row(2, 0, 4, 7)], null);
    const bins = binAnswers(samples, 4);
    expect(bins.map(({ endSeconds }) => endSeconds)).toEqual([1, 2, 3, 4]);
    expect(bins.map(({ samplesPerSecond }) => samplesPerSecond)).toEqual([0, 1, 1, 1]);
    expect(bins.map(({ tokensPerSecond }) => tokensPerSecond)).toEqual([0, 5, 5, 7]);
    expect(binAnswers(collectTimes([row(0, 0, null)], null), 4)).toEqual([]);
  });

  it('never has more outstanding than the worst of any instant in a bin, nor less', () => {
    const cases = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 1, max: 60 })),
      {
        minLength: 1,
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 50 }), (drawn, bins) => {
        const rows = drawn.map(([at, takes], i) => row(i, at, at + takes));
        const samples = collectTimes(rows, null);
        const counted = countOutstanding(samples, bins);
        const lastNs = Math.max(...samples.completedNs);
        const outAt = (ns: number) =>
          rows.filter(({ issuedNs, completedNs }) => issuedNs <= ns && completedNs! > ns).length;
        const most = Math.max(...[...samples.issuedNs].map(outAt));
        expect(Math.max(...counted.map(({ outstanding }) => outstanding))).toBe(most);
        for (const ns of samples.issuedNs) {
          const bin = Math.min(bins - 1, Math.floor((ns / lastNs) * bins));
          expect(counted[bin]!.outstanding).toBeGreaterThanOrEqual(outAt(ns));
        }
      }),
    );
  });
});
