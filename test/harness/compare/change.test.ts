// When is a figure called better or worse, what does the verdict say of what grew, and which facts of the machine and of
// repeats are told?
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatRange, judgeChange, widenForRuns } from '../../../harness/compare/change.js';
import type { Comparison } from '../../../harness/compare/comparison.js';
import type { SpeedRatio } from '../../../harness/compare/speed.js';
import { callBench } from '../bench-call.js';
import { Simulation } from '../statistics/simulation.js';
import { type MadeSample, makeRun, makeSamples } from './made-runs.js';
import type { Changes } from './scripted-runs.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-change-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
const place = () => join(folder, `side-${made++}`);

async function compare(...sides: string[]) {
  const { stdout } = await callBench('compare', ...sides, '--json');
  return JSON.parse(stdout) as Comparison;
}

const sure: SpeedRatio = {
  metric: 'tokens/s',
  unit: 'tokens/s',
  better: 'higher',
  baseline: 100,
  candidate: 110,
  ratio: 1.1,
  interval: {
    ...{ estimate: 1.1, lower: 1.099, upper: 1.101, confidence: 0.95 },
    ...{ standardError: 0.0005, method: 'batch means' },
  },
  covers: 'between runs',
  absentBecause: null,
};

function scaled(ratio: number, changes: Partial<SpeedRatio> = {}): SpeedRatio {
  const { lower, upper, ...rest } = sure.interval!;
  const by = ratio / sure.ratio!;
  const interval = { ...rest, estimate: ratio, lower: lower * by, upper: upper * by };
  return { ...sure, ratio, interval, ...changes };
}

describe('a change', () => {
  it('of one run a side is one only beyond what runs that are alike differ by', () => {
    const one = { covers: 'within one run' } as const;
    expect(judgeChange(scaled(1.1))).toBe('better');
    expect(judgeChange(scaled(1.1, one))).toBe('cannot tell');
    expect(judgeChange(scaled(0.9, one))).toBe('cannot tell');
    expect(judgeChange(scaled(1.16, one))).toBe('better');
    expect(judgeChange(scaled(0.86, one))).toBe('worse');
    expect(judgeChange(scaled(1.0, one))).toBe('no difference shown');
  });

  it('of what waits is none by one run a side, however large', () => {
    const one = { covers: 'within one run', better: 'lower', unit: 'ms' } as const;
    expect(judgeChange(scaled(20, { ...one, metric: 'ttft p99' }))).toBe('cannot tell');
    expect(judgeChange(scaled(20, { ...one, metric: 'tpot p99' }))).toBe('worse');
  });

  it('is of the way that is better', () => {
    expect(judgeChange(scaled(2, { better: 'lower' }))).toBe('worse');
    expect(judgeChange(scaled(0.5, { better: 'lower' }))).toBe('better');
  });

  it('of counted bytes needs no interval', () => {
    const bytes = {
      interval: null,
      covers: null,
      absentBecause: 'exact',
      better: 'lower',
    } as const;
    expect(judgeChange({ ...sure, ...bytes, ratio: 0.3 })).toBe('better');
    expect(judgeChange({ ...sure, ...bytes, ratio: 1 })).toBe('the same');
    expect(judgeChange({ ...sure, ...bytes, absentBecause: 'none' })).toBe('cannot tell');
  });

  // Widened bounds hold the true ratio as often as they say, where runs scatter as assumed.
  it('allows for runs as far as 95 % of pairs of them need', () => {
    const simulation = new Simulation(93);
    const within = 0.02;
    let held = 0;
    const trials = 4000;
    for (let trial = 0; trial < trials; trial++) {
      const [a, b] = simulation.runs(2, 1, 0.05);
      const measured = (b! / a!) * simulation.runs(1, 1, within)[0]!;
      const reach = Math.exp(1.959964 * within);
      const own = { lower: measured / reach, upper: measured * reach, confidence: 0.95 };
      const { lower, upper } = widenForRuns(measured, own);
      if (lower <= 1 && upper >= 1) held++;
    }
    expect(held / trials).toBeGreaterThan(0.94);
    expect(held / trials).toBeLessThan(0.96);
  });
});

describe('a range', () => {
  it('has the digits that tell its bounds apart', () => {
    expect(formatRange({ lower: 1.0412, upper: 1.0428 })).toBe('1.041x to 1.043x');
    expect(formatRange({ lower: 2.7734, upper: 3.3801 })).toBe('2.77x to 3.38x');
    expect(formatRange({ lower: 0.9961, upper: 0.9996 })).toBe('0.9961x to 0.9996x');
    expect(formatRange({ lower: 1, upper: 1 })).toBe('1.00x to 1.00x');
    expect(formatRange({ lower: 0.1, upper: 20 })).toBe('too few repeats: spans over 100x');
  });
});

describe('the verdict', () => {
  it('names what grew: a faster candidate whose tokens take longer', async () => {
    const samples = (eachMs: number, stepMs: number): MadeSample[] =>
      makeSamples(400, eachMs).map((sample, i) => {
        const jitter = 1 + (i % 7) / 50;
        return { ...sample, firstTokenMs: Math.max(1, sample.latencyMs - 9 * stepMs * jitter) };
      });
    const { candidates } = await compare(
      makeRun(place(), samples(10, 0.1)),
      makeRun(place(), samples(5, 2)),
    );
    const { verdict, speed } = candidates[0]!;
    expect(verdict.speed).toBe('faster');
    expect(verdict.text).toMatch(/; worse in tpot p\d+ \(\d+(\.\d+)?x\)$/);
    expect(speed.find(({ metric }) => metric === 'tpot p50')).toMatchObject({ change: 'worse' });
    expect(speed.find(({ metric }) => metric === 'tokens/s')).toMatchObject({ change: 'better' });
  });
});

function onGpu(clockMhz: number, powerLimitWatts: number, driver: string): Changes {
  const smClockMhz = { mean: clockMhz, min: clockMhz, max: clockMhz };
  const device = { name: 'gpu0', kind: 'gpu', isUsed: true, powerLimitWatts, smClockMhz };
  return {
    sut: { devices: ['cuda:0'] },
    system: { gpus: [{ name: 'H', driver, memoryBytes: 8e10 }] },
    telemetry: { devices: [device], driver },
  };
}

describe('the machine', () => {
  const run = (changes: Changes) => makeRun(place(), makeSamples(300, 10), changes);
  const base = () => run(onGpu(1980, 700, '580.1'));
  const differing = ({ factors }: Comparison) =>
    factors.filter(({ isSame }) => !isSame).map(({ name, kind }) => [name, kind]);

  it('of another driver or power limit is another one', async () => {
    const other = await compare(base(), run(onGpu(1980, 500, '570.2')));
    expect(differing(other)).toEqual([
      ['GPU driver', 'machine'],
      ['power limit, W', 'machine'],
    ]);
    const changes = onGpu(1980, 500, '580.1') as { sut: object };
    const both = await compare(
      base(),
      run({ ...changes, sut: { ...changes.sut, maxBatch: 8 } } as Changes),
    );
    expect(both.candidates[0]!.comparability.reasons.join()).toMatch(
      /machine and configuration changed at once \(power limit, W: 700 against 500; max batch: /,
    );
  });

  it('at another clock is told, not refused: it may follow from the configuration', async () => {
    const slower = await compare(base(), run(onGpu(1410, 700, '580.1')));
    expect(differing(slower)).toEqual([['clock, MHz', 'course']]);
    const { speed, remarks } = slower.candidates[0]!.comparability;
    expect(speed).toBe(true);
    expect(remarks).toContain('clock, MHz: 1980 against 1410: as much of a ratio may be of that');
    expect(differing(await compare(base(), run(onGpu(1960, 700, '580.1'))))).toEqual([]);
  });

  it('that a record does not tell forbids nothing', async () => {
    const untold = { ...onGpu(1980, 700, '580.1'), telemetry: null };
    const { candidates } = await compare(base(), run(untold as Changes));
    expect(candidates[0]!.comparability).toMatchObject({ speed: true, reasons: [] });
  });
});

describe('repeats', () => {
  const scored = (scores: readonly number[]) =>
    makeSamples(scores.length, 10).map((sample, i) => ({
      ...sample,
      scores: { rouge1: scores[i]! },
    }));
  const plain = makeSamples(40, 10);
  const high = scored(plain.map((_, i) => 0.9 + (i % 5) / 100));
  const side = (...runs: readonly (readonly MadeSample[])[]) => {
    const path = place();
    for (const [i, samples] of runs.entries()) makeRun(join(path, `run-${i}`), samples);
    return path;
  };

  it('of which not the first was scored have the scores of the one that was', async () => {
    const { candidates } = await compare(side(plain, high), side(high, plain));
    expect(candidates[0]!.quality).toMatchObject({ absentBecause: null });
    expect(candidates[0]!.quality.metrics[0]).toMatchObject({ metric: 'rouge1', difference: 0 });
    expect(candidates[0]!.comparability.remarks).toEqual([]);
  });

  it('that score differently are remarked', async () => {
    const other = high.map((sample, i) =>
      i < 3 ? { ...sample, scores: { rouge1: 0.1 } } : sample,
    );
    const { candidates } = await compare(side(high, other), side(high, high));
    expect(candidates[0]!.comparability.remarks!.join()).toMatch(
      /score 3 of 40 samples differently/,
    );
  });

  it('that differ in how much was asked are each told', async () => {
    const { factors } = await compare(
      side(makeSamples(300, 10), makeSamples(301, 10)),
      side(makeSamples(300, 10), makeSamples(300, 10)),
    );
    expect(factors.find(({ name }) => name === 'samples issued')).toMatchObject({
      values: ['300 or 301', 300],
      isSame: false,
    });
  });
});
