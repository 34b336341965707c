// The gate's decision, by itself and how often it is wrong: simulated rates lie within what chance leaves about the rates
// promised, above and below, so that a gate of twice its alpha or plans of 60 % of their runs fail here.
import { describe, expect, it } from 'vitest';
import {
  decideRegression,
  type GateRule,
  type RunDesign,
  ratioOfRepeats,
} from '../../../harness/statistics/index.js';
import { expectRate, Simulation } from './simulation.js';

describe('decideRegression', () => {
  const rule: GateRule = { design: 'independent', better: 'higher', margin: 0.03 };

  it('decides by the bound that reaches the limit', () => {
    const baseline = [100, 101, 99, 100];
    const slower = decideRegression(baseline, [90, 91, 89, 90], rule);
    expect(slower.verdict).toBe('regression');
    expect(slower.reason).toMatch(
      /^the upper bound 0\.9\d+ of the ratio \(95 % one-sided\) is below 0\.9700$/,
    );
    expect(slower.interval!.confidence).toBeCloseTo(0.9, 12);
    expect(decideRegression(baseline, [100, 99, 101, 100], rule).verdict).toBe('no regression');
    const unclear = decideRegression(baseline, [97, 98, 96, 97], rule);
    expect(unclear.verdict).toBe('cannot tell');
    expect(unclear.runsPerSide).toBeGreaterThan(2);
  });

  it('has a p-value that is alpha where the bound reaches the limit', () => {
    const [a, b] = [
      [100, 103, 98, 101],
      [95, 99, 96, 94],
    ] as const;
    for (const design of ['independent', 'interleaved'] as const) {
      const { upper } = ratioOfRepeats(a, b, design, 0.1).interval!;
      const margin = 1 - upper;
      expect(decideRegression(a, b, { ...rule, design, margin }).regressionP).toBeCloseTo(0.05, 9);
      const { lower } = ratioOfRepeats(b, a, design, 0.1).interval!;
      const latency: GateRule = { design, better: 'lower', margin: lower - 1 };
      expect(decideRegression(b, a, latency).regressionP).toBeCloseTo(0.05, 9);
    }
  });

  it('turns round for a metric that improves downwards', () => {
    const latency: GateRule = { ...rule, better: 'lower' };
    const baseline = [100, 101, 99, 100];
    const slower = decideRegression(baseline, [110, 111, 109, 110], latency);
    expect(slower.verdict).toBe('regression');
    expect(slower.limit).toBe(1.03);
    expect(decideRegression(baseline, [90, 91, 89, 90], latency).verdict).toBe('no regression');
  });

  it('cannot tell from single runs, and says so', () => {
    expect(decideRegression([100], [50], rule)).toEqual({
      verdict: 'cannot tell',
      limit: 0.97,
      interval: null,
      reason: '1 baseline and 1 candidate runs: scatter between runs needs at least 2 a side',
      regressionP: null,
      runsPerSide: null,
    });
    expect(decideRegression([100, 101], [99, 102], { ...rule, margin: 0 }).runsPerSide).toBeNull();
    expect(() => decideRegression([1, 2], [1, 2], { ...rule, margin: 1 })).toThrow('margin is 1');
    expect(() => decideRegression([1, 2], [1, 2], { ...rule, mustFind: 0.02 })).toThrow(
      'mustFind is 0.02; it must be in (0.03, 1)',
    );
  });
});

interface Scene {
  readonly design: RunDesign;
  readonly runs: number;
  /** Standard deviations of the logarithms: the baseline's, the candidate's. */
  readonly scatter: readonly [number, number];
}

/** Runs of both sides, the candidate's around `ratio`; what drifts is common to the two of an interleaved pair. */
function measure(simulation: Simulation, { design, runs, scatter }: Scene, ratio: number) {
  const drift = Array.from({ length: runs }, () =>
    design === 'interleaved' ? 0.1 * simulation.normal() : 0,
  );
  return [1000, 1000 * ratio].map((level, side) =>
    drift.map((common) => level * Math.exp(common + scatter[side]! * simulation.normal())),
  ) as [number[], number[]];
}

describe('how often decideRegression is wrong', () => {
  /**
   * A paired t of normal logarithms keeps its level exactly; Welch's about: rates of one-sided tests at 5 % and 10 % by
   * scipy 1.17, ttest_ind(equal_var=False) in 400,000 trials.
   */
  const scenes: readonly (readonly [Scene, number, number])[] = [
    [{ design: 'interleaved', runs: 3, scatter: [0.02, 0.02] }, 0.05, 0.1],
    [{ design: 'interleaved', runs: 5, scatter: [0.005, 0.005] }, 0.05, 0.1],
    [{ design: 'independent', runs: 3, scatter: [0.02, 0.02] }, 0.0389, 0.0882],
    [{ design: 'independent', runs: 4, scatter: [0.005, 0.005] }, 0.0445, 0.0942],
    [{ design: 'independent', runs: 4, scatter: [0.01, 0.04] }, 0.0521, 0.101],
    [{ design: 'independent', runs: 6, scatter: [0.04, 0.01] }, 0.0511, 0.1008],
  ];

  it.each(scenes)('alarms at its level where nothing is allowed: %j', (scene, at5, at10) => {
    const simulation = new Simulation(31);
    const trials = 10_000;
    for (const better of ['higher', 'lower'] as const) {
      const rule: GateRule = { design: scene.design, better, margin: 0 };
      // 5 % is what a rule has that names no alpha.
      for (const [terms, rate] of [
        [rule, at5],
        [{ ...rule, alpha: 0.1 }, at10],
      ] as const) {
        const found = { regression: 0, 'no regression': 0, 'cannot tell': 0 };
        for (let i = 0; i < trials; i++) {
          found[decideRegression(...measure(simulation, scene, 1), terms).verdict]++;
        }
        expectRate(found.regression, trials, rate);
        expectRate(found['no regression'], trials, rate);
      }
    }
  });

  it.each(scenes)('claims either at its level where the change is the margin: %j', (scene, at5) => {
    const simulation = new Simulation(32);
    const trials = 2000;
    for (const better of ['higher', 'lower'] as const) {
      const margin = 0.05;
      const rule: GateRule = { design: scene.design, better, margin };
      const found = { regression: 0, 'no regression': 0, 'cannot tell': 0 };
      for (let i = 0; i < trials; i++) {
        const sides = measure(simulation, scene, better === 'higher' ? 1 - margin : 1 + margin);
        const { verdict, regressionP } = decideRegression(...sides, rule);
        found[verdict]++;
        // The p-value that Holm gets is of the same test.
        expect(regressionP! < 0.05).toBe(verdict === 'regression');
      }
      expectRate(found.regression, trials, at5);
      expectRate(found['no regression'], trials, at5);
    }
  });

  it('alarms far more rarely on sides that are alike, with a margin beyond the scatter', () => {
    const simulation = new Simulation(33);
    for (const design of ['independent', 'interleaved'] as const) {
      const rule: GateRule = { design, better: 'higher', margin: 0.03 };
      let alarms = 0;
      for (let i = 0; i < 2000; i++) {
        const sides = measure(simulation, { design, runs: 4, scatter: [0.02, 0.02] }, 1);
        if (decideRegression(...sides, rule).verdict === 'regression') alarms++;
      }
      expect(alarms).toBeLessThan(0.02 * 2000);
    }
  });
});

describe('the runs that decideRegression asks for', () => {
  /**
   * A pilot, then as many new runs as it asks for, each trial. Few runs are rounded up by much of themselves, so that
   * their power is above what was asked for, by at most `above`. Scatter that differs between the sides takes a little
   * off with pilots of few runs, whose degrees of freedom are themselves estimates.
   */
  const scenes: readonly (readonly [Scene, { readonly above: number; readonly below?: number }])[] =
    [
      [{ design: 'interleaved', runs: 3, scatter: [0.05, 0.05] }, { above: 0.02 }],
      [{ design: 'interleaved', runs: 6, scatter: [0.03, 0.03] }, { above: 0.025 }],
      [{ design: 'interleaved', runs: 6, scatter: [0.01, 0.01] }, { above: 0.06 }],
      [{ design: 'independent', runs: 3, scatter: [0.05, 0.05] }, { above: 0.025 }],
      [{ design: 'independent', runs: 6, scatter: [0.03, 0.03] }, { above: 0.02 }],
      [
        { design: 'independent', runs: 4, scatter: [0.01, 0.04] },
        { above: 0.02, below: 0.01 },
      ],
      [
        { design: 'independent', runs: 6, scatter: [0.04, 0.01] },
        { above: 0.02, below: 0.01 },
      ],
      [{ design: 'independent', runs: 4, scatter: [0.01, 0.01] }, { above: 0.06 }],
    ];

  it.each(scenes)('decide with the power asked for: %j', (scene, { above, below = 0 }) => {
    const simulation = new Simulation(41);
    const trials = 1000;
    const { design } = scene;
    // Of the rule without a power it is 90 %; the change that must be found is, unless said, as far beyond the margin.
    for (const [power, terms] of [
      [0.9, { margin: 0.03 }],
      [0.8, { margin: 0.03, power: 0.8 }],
      [0.9, { margin: 0.03, alpha: 0.1 }],
    ] as const) {
      const rule: GateRule = { design, better: 'higher', ...terms };
      const found = { unchanged: 0, slower: 0 };
      for (let i = 0; i < trials; i++) {
        const { runsPerSide } = decideRegression(...measure(simulation, scene, 1), rule);
        const again = (ratio: number) =>
          decideRegression(...measure(simulation, { ...scene, runs: runsPerSide! }, ratio), rule);
        if (again(1).verdict === 'no regression') found.unchanged++;
        if (again(0.97 ** 2).verdict === 'regression') found.slower++;
      }
      const bounds = [power - below, power + above * ((1 - power) / 0.1) ** 0.5] as const;
      expectRate(found.unchanged, trials, ...bounds);
      expectRate(found.slower, trials, ...bounds);
    }
  });

  it('are those of the nearer of no change and the change that must be found', () => {
    const sides = [
      [100, 103, 98, 101],
      [95, 99, 96, 94],
    ] as const;
    for (const design of ['independent', 'interleaved'] as const) {
      const rule: GateRule = { design, better: 'higher', margin: 0.03 };
      const runsFor = (mustFind?: number) =>
        decideRegression(...sides, { ...rule, ...(mustFind === undefined ? {} : { mustFind }) })
          .runsPerSide!;
      expect(runsFor(0.2)).toBe(runsFor());
      expect(runsFor(1 - 0.97 ** 2)).toBe(runsFor());
      expect(runsFor(0.04)).toBeGreaterThan(4 * runsFor());
    }
  });
});
