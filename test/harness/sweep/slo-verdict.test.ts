// What is shown of a limit, on samples whose true percentile is known: independent ones, those of a queue, and runs that
// differ from one another.
import { describe, expect, it } from 'vitest';
import type { SampleEvidence } from '../../../harness/evidence.js';
import { parseSlo } from '../../../harness/sweep/slo.js';
import { judgeRuns, type SloState, sloAlpha } from '../../../harness/sweep/slo-verdict.js';
import { Simulation } from '../statistics/simulation.js';

function sample(firstMs: number | null, tokenMs = 1): SampleEvidence {
  return {
    sampleId: 0,
    queryId: 0,
    series: 0,
    sampleIndex: 0,
    id: 's',
    issuedNs: 0,
    scheduledNs: 0,
    firstTokenNs: firstMs === null ? null : firstMs * 1e6,
    completedNs: firstMs === null ? null : (firstMs + 10 * tokenMs) * 1e6,
    promptTokenCount: 5,
    outputTokenCount: 11,
    output: null,
    scores: null,
    failure: null,
  };
}

const simulation = new Simulation(271);
const exponential = () => -Math.log(1 - simulation.uniform());

/** How long queries are in a queue of one server (M/M/1) with a mean service of 1 ms: beyond t with exp(-(1 - load) t). */
function queue(count: number, load: number): number[] {
  let wait = simulation.uniform() < load ? exponential() / (1 - load) : 0;
  return Array.from({ length: count }, () => {
    const time = wait + exponential();
    wait = Math.max(0, time - exponential() / load);
    return time;
  });
}

/** Shares of the verdicts on runs drawn anew. */
function tally(trials: number, slo: string, draw: () => readonly (readonly number[])[]) {
  const counts: Record<SloState, number> = { inside: 0, outside: 0, 'cannot tell': 0 };
  for (let trial = 0; trial < trials; trial++) {
    const runs = draw().map((times) => times.map((time) => sample(time)));
    counts[judgeRuns(parseSlo(slo), runs).state] += 1 / trials;
  }
  return counts;
}

/** Three standard errors above what is promised. */
const promised = (trials: number) => sloAlpha + 3 * Math.sqrt((sloAlpha * (1 - sloAlpha)) / trials);

describe('where the true percentile lies on the limit', () => {
  it.each([
    [99, 700, 1],
    [99, 1000, 3],
    [90, 200, 1],
  ])(
    'p%i of %i independent samples in %i runs shows nothing in 99 % of cases',
    (percentile, count, runs) => {
      const trials = 500;
      const limit = -100 * Math.log(1 - percentile / 100);
      const { inside, outside } = tally(trials, `ttft_p${percentile}=${limit}`, () =>
        Array.from({ length: runs }, () =>
          Array.from({ length: count }, () => 100 * exponential()),
        ),
      );
      expect(inside).toBeLessThanOrEqual(promised(trials));
      expect(outside).toBeLessThanOrEqual(promised(trials));
    },
  );

  it.each([
    [0.5, 2000],
    [0.8, 3000],
  ])(
    'a queue at a load of %d shows nothing either, though its slow samples come in clumps',
    (load, count) => {
      const trials = 300;
      const limit = Math.log(100) / (1 - load);
      const slo = `ttft_p99=${limit}`;
      const once = tally(trials, slo, () => [queue(count, load)]);
      expect(once.inside).toBeLessThanOrEqual(promised(trials));
      expect(once.outside).toBeLessThanOrEqual(promised(trials));
      // The same arrivals again are no further evidence.
      const again = tally(trials, slo, () => {
        const times = queue(count, load);
        return [times, times, times];
      });
      expect(again.inside).toBeLessThanOrEqual(promised(trials));
    },
  );

  it('repeats that differ by 10 % show nothing, which one of them alone would', () => {
    const trials = 300;
    const runsOf = (runs: number) => () =>
      Array.from({ length: runs }, () => {
        const slowness = Math.exp(0.1 * simulation.normal());
        return Array.from({ length: 1500 }, () => 100 * slowness * exponential());
      });
    // The 99th percentile of the mixture, by scipy's quadrature: the mean of exp(-limit / slowness) is 1 %.
    const slo = 'ttft_p99=468.82';
    const three = tally(trials, slo, runsOf(3));
    expect(three.inside).toBeLessThanOrEqual(promised(trials));
    expect(three.outside).toBeLessThanOrEqual(promised(trials));
    expect(tally(trials, slo, runsOf(1)).inside).toBeGreaterThan(promised(trials));
  });
});

describe('a limit', () => {
  it('is shown to be kept or broken where there is enough to tell by', () => {
    const kept = tally(200, 'ttft_p99=690', () => [
      Array.from({ length: 3000 }, () => 100 * exponential()),
    ]);
    expect(kept.inside).toBeGreaterThan(0.99);
    const broken = tally(200, 'ttft_p99=350', () => [
      Array.from({ length: 3000 }, () => 100 * exponential()),
    ]);
    expect(broken.outside).toBeGreaterThan(0.99);
    const few = tally(200, 'ttft_p99=690', () => [
      Array.from({ length: 300 }, () => 100 * exponential()),
    ]);
    expect(few['cannot tell']).toBeGreaterThan(0.99);
  });

  it("takes as many equal samples as LoadGen's early stopping does", () => {
    const runOf = (count: number) => [Array.from({ length: count }, () => sample(10))];
    const slo = parseSlo('ttft_p99=20');
    expect(judgeRuns(slo, runOf(459))).toEqual({
      state: 'inside',
      ...{ samples: 459, samplesToTell: null, runsDiffer: false },
      limits: { ttft: expect.objectContaining({ state: 'inside', estimate: 0, lower: 0 }) },
    });
    expect(judgeRuns(slo, runOf(458))).toMatchObject({ state: 'cannot tell', samplesToTell: 459 });
    expect(judgeRuns(slo, runOf(3))).toMatchObject({ state: 'cannot tell', samplesToTell: 459 });
  });

  it('says how many samples would tell, which then do at the same share', () => {
    // One in 200 over, evenly: no clumps.
    const runOf = (count: number) =>
      Array.from({ length: count }, (_, i) => sample(i % 200 === 100 ? 30 : 10 + (i % 7)));
    const slo = parseSlo('ttft_p99=20');
    const { state, samples, samplesToTell } = judgeRuns(slo, [runOf(800)]);
    expect([state, samples]).toEqual(['cannot tell', 800]);
    expect(judgeRuns(slo, [runOf(1.1 * samplesToTell!)]).state).toBe('inside');
    expect(judgeRuns(slo, [runOf(0.8 * samplesToTell!)]).state).toBe('cannot tell');
  });

  it('is broken by what was never answered, and told by no sample at all', () => {
    const slo = parseSlo('ttft_p99=20');
    const half = Array.from({ length: 40 }, (_, i) => sample(i % 2 === 0 ? 5 : null));
    expect(judgeRuns(slo, [half])).toMatchObject({
      state: 'outside',
      limits: { ttft: { estimate: 0.5 } },
    });
    for (const runs of [[], [[]], [half, []]]) {
      expect(judgeRuns(slo, runs)).toMatchObject({ state: 'cannot tell', samples: 0, limits: {} });
    }
  });

  it('beside others decides alone where it is broken, and together where all are kept', () => {
    const run = Array.from({ length: 2000 }, (_, i) => sample(10 + (i % 5), 2 + (i % 3) / 10));
    const judge = (slo: string) => judgeRuns(parseSlo(slo), [run]);
    expect(judge('ttft_p99=20,tpot_p99=3').state).toBe('inside');
    expect(judge('ttft_p99=20,tpot_p99=2.1')).toMatchObject({
      state: 'outside',
      limits: { ttft: { state: 'inside' }, tpot: { state: 'outside' } },
    });
  });

  it('is not shown to be kept while a repeat measured that it is not, and calls for repeats that differ', () => {
    const runOf = (slowness: number, isSlow: (i: number) => boolean = () => false) =>
      Array.from({ length: 3000 }, (_, i) =>
        sample(isSlow(i) ? 30 : slowness * (10 + ((i * 7) % 11))),
      );
    const slo = parseSlo('ttft_p99=25');
    const busy = runOf(1, (i) => i % 60 === 0);
    const verdict = judgeRuns(slo, [runOf(1), runOf(1), runOf(1), busy]);
    expect(verdict).toMatchObject({ state: 'cannot tell', runsDiffer: true });
    expect(verdict.limits.ttft!.estimate).toBeLessThan(0.005);
    // 20 ms at the percentile: 10 % of scatter reach beyond 25 ms by three repeats, 1 % does not.
    const repeats = (scatter: number) =>
      [1 - scatter, 1, 1 + scatter].map((slowness) => runOf(slowness));
    expect(judgeRuns(slo, repeats(0.1))).toMatchObject({ state: 'cannot tell', runsDiffer: true });
    const calm = judgeRuns(slo, repeats(0.01));
    expect(calm).toMatchObject({ state: 'inside', runsDiffer: false });
    // Student's t of 2 degrees of freedom at 99 %, from tables.
    const logs = [0.99, 1, 1.01].map((slowness) => Math.log(20 * slowness));
    const mean = (logs[0]! + logs[1]! + logs[2]!) / 3;
    const error = Math.sqrt(logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / 2 / 3);
    expect(Math.log(calm.limits.ttft!.percentileMs!.upper)).toBeCloseTo(mean + 6.964557 * error, 6);
  });
});
