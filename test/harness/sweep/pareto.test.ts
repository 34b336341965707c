// The Pareto set against every pair, and its classes on points whose true figures are known.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunDesign } from '../../../harness/statistics/index.js';
import {
  classifyPareto,
  findPareto,
  type ParetoClass,
  type RepeatedTradeOff,
  type TradeOff,
} from '../../../harness/sweep/pareto.js';
import { Simulation, shareOf } from '../statistics/simulation.js';

it('the Pareto set is what no pair rules out', () => {
  const beats = (a: TradeOff, b: TradeOff) =>
    a.throughput >= b.throughput &&
    a.latency <= b.latency &&
    (a.throughput > b.throughput || a.latency < b.latency);
  // Few values, so that ties and twins come up.
  const point = fc.record({ throughput: fc.nat(5), latency: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(point, { maxLength: 12 }), (points) => {
      const slow = points.map((b) => !points.some((a) => beats(a, b)));
      expect(findPareto(points)).toEqual(slow);
    }),
  );
});

const scatter = 0.02;

/** Repeats of points with these true figures: a slow turn is slow for all, a slow run is slow in both figures. */
function draw(simulation: Simulation, truth: readonly TradeOff[], repeats: number) {
  const turns = Array.from({ length: repeats }, () => Math.exp(3 * scatter * simulation.normal()));
  return truth.map(({ throughput, latency }): RepeatedTradeOff => {
    const slowness = turns.map((turn) => turn * Math.exp(scatter * simulation.normal()));
    return {
      throughputs: slowness.map((slow) => throughput / slow),
      latencies: slowness.map((slow) => latency * slow),
    };
  });
}

const classesOf = (points: readonly RepeatedTradeOff[], design: RunDesign = 'interleaved') =>
  classifyPareto(points, design).map((place) => place.class);

describe('the classes of points', () => {
  // The last is beaten by the second in both figures, by far; the fourth is the third's twin.
  const truth: readonly TradeOff[] = [
    { throughput: 100, latency: 10 },
    { throughput: 200, latency: 20 },
    { throughput: 400, latency: 80 },
    { throughput: 400, latency: 80 },
    { throughput: 120, latency: 40 },
  ];

  it.each([3, 5])('are right of %i repeats in turns', (repeats) => {
    const simulation = new Simulation(repeats);
    const trials = 2000;
    const seen = truth.map(() => new Map<ParetoClass, number>());
    for (let trial = 0; trial < trials; trial++) {
      for (const [i, one] of classesOf(draw(simulation, truth, repeats)).entries()) {
        seen[i]!.set(one, (seen[i]!.get(one) ?? 0) + 1);
      }
    }
    const shareIn = (i: number, one: ParetoClass) => (seen[i]!.get(one) ?? 0) / trials;
    expect(shareIn(0, 'frontier')).toBe(1);
    expect(shareIn(1, 'frontier')).toBe(1);
    for (const twin of [2, 3]) {
      // One of them measures as better in both.
      expect(shareIn(twin, 'frontier')).toBeCloseTo(0.5, 1);
      expect(shareIn(twin, 'dominated')).toBeLessThan(0.03);
    }
    expect(shareIn(4, 'dominated')).toBeGreaterThan(0.98);
  });

  it.each([
    ['interleaved', 3],
    ['independent', 3],
    ['interleaved', 2],
    ['independent', 5],
  ] as const)(
    'call none of eight equal points dominated in more than a twentieth (%s, %d repeats)',
    (design, repeats) => {
      const simulation = new Simulation(17);
      const equal = Array.from({ length: 8 }, () => ({ throughput: 100, latency: 10 }));
      const drawn = () => {
        if (design === 'interleaved') return draw(simulation, equal, repeats);
        // Every point in turns of its own.
        return equal.flatMap((point) => draw(simulation, [point], repeats));
      };
      const trials = 1500;
      // Of each point by itself: the first stands for all.
      const dominated = shareOf(trials, () => classesOf(drawn(), design)[0] === 'dominated');
      expect(dominated).toBeLessThanOrEqual(0.05 + 2 * Math.sqrt((0.05 * 0.95) / trials));
    },
  );

  it('name the point that is better', () => {
    const places = classifyPareto(draw(new Simulation(1), truth, 5), 'interleaved');
    expect(places[4]).toEqual({ class: 'dominated', dominatedBy: 1 });
    expect(places[0]).toEqual({ class: 'frontier', dominatedBy: null });
  });

  it('are never dominated by one run, by runs that do not scatter, or by a tie', () => {
    const better: RepeatedTradeOff = { throughputs: [10], latencies: [1] };
    const worse: RepeatedTradeOff = { throughputs: [1], latencies: [10] };
    expect(classesOf([better, worse])).toEqual(['frontier', 'cannot tell']);
    const repeated = ({ throughputs, latencies }: RepeatedTradeOff) => ({
      throughputs: [...throughputs, ...throughputs],
      latencies: [...latencies, ...latencies],
    });
    expect(classesOf([repeated(better), repeated(worse)])).toEqual(['frontier', 'cannot tell']);
    const even = { throughputs: [5, 5.1, 4.9], latencies: [1, 1.1, 0.9] };
    const slower = { ...even, throughputs: [1, 1.01, 0.99] };
    expect(classesOf([even, slower])).toEqual(['frontier', 'cannot tell']);
    expect(classesOf([])).toEqual([]);
  });

  it('of unequal numbers of runs, as an interruption leaves them, are those of independent ones', () => {
    const [fast, slow] = [
      { throughputs: [100, 101, 99], latencies: [10, 10.1, 9.9] },
      { throughputs: [50, 51], latencies: [20, 20.2] },
    ];
    expect(classesOf([fast!, slow!])).toEqual(['frontier', 'dominated']);
  });
});
