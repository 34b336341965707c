// What a search for the highest VALID rate comes to.
import { describe, expect, it } from 'vitest';
import {
  describeServers,
  highestValidQps,
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
  it('is compared at the highest rate that one worker serves', () => {
    const one = [run(50, true), run(56, true), run(60, false)];
    expect(highestValidQps(one)).toBe(56);
    expect(describeServers(facts, one, run(106.4, true)).factor).toBeCloseTo(1.9, 12);
  });

  it('has no factor where either serves no rate', () => {
    expect(describeServers(facts, [run(50, true)], run(95, false)).factor).toBeNull();
    expect(describeServers(facts, [run(50, false)], null).factor).toBeNull();
    expect(highestValidQps([run(50, false)])).toBeNull();
  });
});
