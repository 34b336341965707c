// What a search for the highest VALID rate comes to, and how the answers of ranks are compared with one device's.
import { describe, expect, it } from 'vitest';
import { climbRates } from '../../../harness/multi-gpu-bench/rate-climb.js';
import {
  describeServers,
  describeTensorParallel,
  highestValidQps,
  type LatencyMeasurement,
  type ServerRun,
} from '../../../harness/multi-gpu-bench/record.js';

const facts = { model: 'llama-3-8b', seconds: 30 };

function run(targetQps: number, valid: boolean): ServerRun {
  const figures = { tokensPerSecond: 1, samplesPerSecond: 1, seconds: 30 };
  const invalidReasons = valid ? [] : ['too slow'];
  return {
    ...{ devices: 'cuda:0', busyShares: [1], samples: [30] },
    ...{ ...figures, targetQps, valid, invalidReasons },
  };
}

describe('Server on one worker and on all', () => {
  /** Systems that keep their limits up to so many queries a second. */
  const search = async (rates: readonly number[], oneServes: number, allServe: number) => {
    const upTo = (most: number) => async (qps: number) => run(qps, qps <= most);
    const { one, all } = await climbRates(rates, 2, upTo(oneServes), upTo(allServe));
    return describeServers(facts, one, all);
  };

  it('climbs up to the first INVALID rate, and asks all for 0.95 and 1 of as much each', async () => {
    const { one, all, factor } = await search([50, 56, 60, 64], 58, 110);
    expect(one.map(({ targetQps }) => targetQps)).toEqual([50, 56, 60]);
    expect(all.map(({ targetQps, valid }) => [targetQps, valid])).toEqual([
      [106.4, true],
      [112, false],
    ]);
    expect(factor).toBeCloseTo(1.9, 12);
    expect((await search([50, 60], 58, 100)).factor).toBe(2);
  });

  it('has no factor where a side has no VALID rate, or one worker no INVALID rate', async () => {
    expect((await search([50, 60], 58, 90)).factor).toBeNull();
    expect((await search([50, 56], 58, 120)).factor).toBeNull();
    const none = await search([50], 40, 80);
    expect([none.factor, none.all, highestValidQps(none.one)]).toEqual([null, [], null]);
  });
});

describe('what ranks say', () => {
  const say = (logits: readonly number[], tokens: readonly number[]): LatencyMeasurement => {
    const figures = { seconds: 2, firstTokenSeconds: 1, preemptions: 0 };
    const decode = { seconds: 1, tokens: 9, readPositions: 0 };
    const runs = [{ batch: 1, promptTokens: 8, newTokens: 10, ...figures, decode }];
    const measurement = { engine: {} as never, runs };
    const bytes = Buffer.from(Float32Array.from(logits).buffer).toString('base64');
    return {
      decode: measurement,
      prefill: measurement,
      answers: { positions: 1, logits: bytes, tokens },
    };
  };
  const compare = (logits: readonly number[], tokens: readonly number[]) =>
    describeTensorParallel('m', 2, say([0, 2, 4], [7, 8, 9]), say(logits, tokens)).agreement;

  it('is told by the largest difference of a logit and the tokens until the first other one', () => {
    expect(compare([0.5, 2, 3.75], [7, 1, 9])).toEqual({
      positions: 1,
      largestLogitDifference: 0.5,
      logitDeviation: Math.sqrt(8 / 3),
      tokens: 3,
      sameTokens: 1,
    });
    expect(compare([0, 2, 4], [7, 8, 9])).toMatchObject({
      largestLogitDifference: 0,
      sameTokens: 3,
    });
    expect(compare([0, Number.NaN, 4], [7, 8, 9]).largestLogitDifference).toBeNaN();
  });
});
