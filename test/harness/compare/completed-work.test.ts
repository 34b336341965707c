// Is the interval of a single run's rate one to go by? Runs as continuous batching makes them, on a clock of their own:
// slots that take the next sample when one is answered, answers of unlike lengths, a start and an end half empty.
import { describe, expect, it } from 'vitest';
import { batchWork } from '../../../harness/compare/completed-work.js';
import type { SampleEvidence } from '../../../harness/evidence.js';
import { batchMeansRatio, type IntervalOrReason } from '../../../harness/statistics/index.js';
import { Simulation, shareOf } from '../statistics/simulation.js';

interface Course {
  readonly samples: number;
  readonly slots: number;
  readonly stepNs: number;
}

function script(simulation: Simulation, { samples, slots, stepNs }: Course): SampleEvidence[] {
  const freeAt = new Array<number>(slots).fill(0);
  return Array.from({ length: samples }, (_, i) => {
    const slot = freeAt.indexOf(Math.min(...freeAt));
    const outputTokenCount = 5 + Math.floor(55 * simulation.uniform());
    const firstTokenNs = freeAt[slot]! + 2 * stepNs;
    const completedNs = firstTokenNs + (outputTokenCount - 1) * stepNs;
    freeAt[slot] = completedNs;
    const ids = { sampleId: i, queryId: 0, series: 0, sampleIndex: i, id: `s${i}` };
    const times = { scheduledNs: 0, issuedNs: 0, firstTokenNs, completedNs };
    const answer = { promptTokenCount: 20, outputTokenCount, output: '' };
    return { ...ids, ...times, ...answer, scores: null, failure: null };
  });
}

function compare(baseline: SampleEvidence[], candidate: SampleEvidence[]): IntervalOrReason {
  const [from, to] = [baseline, candidate].map((samples) =>
    batchWork(samples, ({ outputTokenCount }) => outputTokenCount ?? 0),
  );
  if (typeof from === 'string') return { interval: null, reason: from };
  if (typeof to === 'string') return { interval: null, reason: to };
  return batchMeansRatio(from!, to!);
}

describe('batches of a run', () => {
  for (const [samples, slots] of [
    [60, 8],
    [100, 8],
    [400, 64],
    [1000, 8],
    [1000, 64],
    [200, 1],
  ] as const) {
    it(`tell 4x, and few identical pairs apart: ${samples} samples, ${slots} at a time`, () => {
      const simulation = new Simulation(61);
      const course = { samples, slots, stepNs: 4e6 };
      let refused = 0;
      const trials = 100;
      const apart = shareOf(trials, () => {
        const { interval } = compare(script(simulation, course), script(simulation, course));
        if (interval === null) refused++;
        return interval !== null && (interval.lower > 1 || interval.upper < 1);
      });
      expect(refused).toBeLessThan(0.05 * trials);
      expect(apart).toBeLessThanOrEqual(0.06);
      const fast = script(simulation, { ...course, stepNs: 1e6 });
      const { interval } = compare(script(simulation, course), fast);
      expect(interval!.lower).toBeGreaterThan(1.5);
      expect(interval!.upper).toBeLessThan(10);
    });
  }

  it('hold all that was completed', () => {
    const samples = script(new Simulation(62), { samples: 100, slots: 8, stepNs: 1e6 });
    const told = samples.reduce((sum, { outputTokenCount }) => sum + outputTokenCount!, 0);
    const unseen = samples.map((sample) => ({ ...sample, firstTokenNs: null }));
    for (const kind of [samples, unseen]) {
      const series = batchWork(kind, ({ outputTokenCount }) => outputTokenCount!);
      if (typeof series === 'string') throw new Error(series);
      expect(Array.from(series.perBatch).reduce((sum, work) => sum + work)).toBeCloseTo(told, 6);
    }
  });

  it('are refused of a run that is too short for them', () => {
    const simulation = new Simulation(63);
    const work = (samples: number, slots: number) =>
      batchWork(script(simulation, { samples, slots, stepNs: 1e6 }), () => 1);
    expect(work(60, 60)).toMatch(/an answer comes over \d\.\d of its 10 batches/);
    expect(work(19, 1)).toMatch(/19 samples for 10 batches, and 20 are needed/);
    expect(batchWork([], () => 1)).toBe('no sample was completed');
  });
});
