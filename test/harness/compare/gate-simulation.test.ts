// How often is the gate wrong? Its rules on made figures, many thousands of times, and folders of runs through the whole of
// `bench compare`. Rates lie within what chance leaves about those promised, above and below: what doubles an alpha (of a
// rule, of Holm, of `decideRegression`'s bounds or of its plans), puts Bonferroni in Holm's place, or asks for 60 % of the
// runs fails here or in regression-gate.test.ts.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Comparison } from '../../../harness/compare/comparison.js';
import { type GateResult, runGate } from '../../../harness/compare/gate.js';
import { parseRules } from '../../../harness/compare/gate-rule.js';
import { notCompared } from '../../../harness/compare/quality.js';
import type { ComparedRun, Side } from '../../../harness/compare/side.js';
import type { RunRecord } from '../../../harness/run-record.js';
import type { RunDesign } from '../../../harness/statistics/index.js';
import { callBench } from '../bench-call.js';
import { expectRate, Simulation } from '../statistics/simulation.js';
import { makeRun, makeSamples } from './made-runs.js';

interface Scene {
  readonly design?: RunDesign;
  readonly runs?: number;
  /** How fast the candidate is beside the baseline, a figure each: tokens/s, samples/s, tokens/J. */
  readonly ratios?: readonly [number, number, number];
  /** The part of the variance that the three figures of a run share. */
  readonly shared?: number;
}

const scatter = 0.02;

/** Two sides with three figures a run. */
function makeSides(
  simulation: Simulation,
  { design = 'interleaved', runs = 4, ratios = [1, 1, 1], shared = 0 }: Scene,
): [Side, Side] {
  const makeSide = (at: 0 | 1): Side => {
    const made = Array.from({ length: runs }, (_, i): ComparedRun => {
      const common = Math.sqrt(shared) * simulation.normal();
      const [tokens, samples, energy] = ratios.map((ratio) => {
        const own = Math.sqrt(1 - shared) * simulation.normal();
        return 100 * (at === 0 ? 1 : ratio) * Math.exp(scatter * (common + own));
      });
      const performance = {
        tokensPerSecond: tokens!,
        samplesPerSecond: samples!,
        joulesPerToken: 1e4 / energy!,
      };
      const minute = design === 'interleaved' ? 2 * i + at : runs * at + i;
      const startedAt = new Date(1e12 + 60_000 * minute).toISOString();
      const record = { id: `${at}-${i}`, scenario: 'Offline', startedAt, performance };
      return {
        path: `${at}`,
        record: record as unknown as RunRecord,
        ...{ performance: null, accuracy: null, accuracyLog: null },
      };
    });
    return { label: `side ${at}`, path: `${at}`, runs: made };
  };
  return [makeSide(0), makeSide(1)];
}

function judge(rules: string, sides: readonly [Side, Side], alpha = 0.05): GateResult[] {
  return runGate(parseRules(rules, '--gate'), ...sides, notCompared('no scores'), [], alpha);
}

const isRegression = ({ verdict }: GateResult) => verdict === 'regression';

describe('a gate of one rule', () => {
  // Four independent runs a side by Welch's t: scipy's rate, as in regression-gate.test.ts. A paired t is exact.
  const levels = { interleaved: 0.05, independent: 0.0445 } as const;

  it.each([
    ['interleaved', 0],
    ['interleaved', 0.05],
    ['independent', 0],
    ['independent', 0.05],
  ] as const)(
    'fails at its level: %s runs, slower by all that is allowed, %d',
    (design, slower) => {
      const simulation = new Simulation(63);
      const trials = 6000;
      // A margin far below the scatter is none.
      const rule = slower === 0 ? 'speed=-0.001%' : `speed=-${100 * slower}%`;
      let failed = 0;
      for (let i = 0; i < trials; i++) {
        const sides = makeSides(simulation, { design, ratios: [1 - slower, 1, 1] });
        if (judge(rule, sides).some(isRegression)) failed++;
      }
      expectRate(failed, trials, levels[design]);
    },
  );

  it.each([
    ['interleaved', 0.05],
    ['independent', 0.05],
    ['interleaved', 0.1],
  ] as const)(
    'decides with the power told in the runs asked for: %s, alpha %d',
    (design, alpha) => {
      const simulation = new Simulation(65);
      const trials = 1500;
      const found = { unchanged: 0, slower: 0 };
      for (let i = 0; i < trials; i++) {
        let needed: string | null = null;
        while (needed === null) {
          // Slower by the margin itself, pilots are often in doubt, whatever they scatter by.
          const pilot = makeSides(simulation, { design, ratios: [0.98, 1, 1] });
          const [told] = judge('speed=-2%', pilot, alpha);
          if (told!.verdict === 'cannot tell') needed = told!.needed;
        }
        const runs = Number(/^(\d+) runs a side for a power of 90 %$/.exec(needed)![1]);
        const again = (ratio: number) =>
          judge(
            'speed=-2%',
            makeSides(simulation, { design, runs, ratios: [ratio, 1, 1] }),
            alpha,
          )[0]!.verdict;
        if (again(1) === 'no regression') found.unchanged++;
        if (again(0.98 ** 2) === 'regression') found.slower++;
      }
      // Pilots that scatter more are in doubt a little oftener.
      expectRate(found.unchanged, trials, 0.9, 0.94);
      expectRate(found.slower, trials, 0.9, 0.94);
    },
  );
});

describe('a gate of three rules', () => {
  // Margins far below the scatter: the level itself is reached.
  const rules = 'speed=-0.001%,samples=-0.001%,energy=+0.001%';

  it('fails where nothing changed as often as Holm lets three tests of independent figures', () => {
    const simulation = new Simulation(61);
    const trials = 4000;
    for (const alpha of [0.05, 0.1]) {
      const found = { failed: 0, alone: 0 };
      for (let i = 0; i < trials; i++) {
        const results = judge(rules, makeSides(simulation, {}), alpha);
        if (results.some(isRegression)) found.failed++;
        if (results.some(({ pValue }) => pValue! <= alpha)) found.alone++;
      }
      expectRate(found.failed, trials, 1 - (1 - alpha / 3) ** 3);
      // What no correction would have.
      expectRate(found.alone, trials, 1 - (1 - alpha) ** 3);
    }
  });

  it('fails more rarely still where the figures go together', () => {
    const simulation = new Simulation(62);
    const trials = 2000;
    let failed = 0;
    for (let i = 0; i < trials; i++) {
      if (judge(rules, makeSides(simulation, { shared: 0.7 })).some(isRegression)) failed++;
    }
    expectRate(failed, trials, 0.02, 0.049);
  });

  it('holds two others to half of alpha each beside a regression that is plain', () => {
    const simulation = new Simulation(66);
    const trials = 4000;
    let others = 0;
    for (let i = 0; i < trials; i++) {
      // Beyond any doubt with eight runs.
      const sides = makeSides(simulation, { runs: 8, ratios: [0.5, 1, 1] });
      const [speed, ...rest] = judge(rules, sides);
      expect(speed!.verdict).toBe('regression');
      if (rest.some(isRegression)) others++;
    }
    expectRate(others, trials, 1 - (1 - 0.05 / 2) ** 2);
  });

  it('shows a regression of one among them', () => {
    const sides = makeSides(new Simulation(67), { ratios: [0.8, 1, 1] });
    const [speed] = judge(rules, sides);
    expect(speed).toMatchObject({ name: 'speed', verdict: 'regression' });
    expect(speed!.adjustedP).toBeCloseTo(3 * speed!.pValue!, 12);
    expect(speed!.reason).toMatch(/; p \S+, among 3 rules \S+ \(Holm\)$/);
  });
});

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-gate-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Both sides measured anew, in turns, and judged by each gate. */
async function measure(
  simulation: Simulation,
  runsASide: number,
  slowdown: number,
  ...gates: readonly string[]
): Promise<Comparison['candidates'][number][]> {
  const [baseline, candidate] = ['baseline', 'candidate'].map((name) => join(folder, name));
  const speeds = [1, 1 - slowdown].map((level) => simulation.runs(runsASide, level, 0.03));
  for (let run = 0; run < runsASide; run++) {
    for (const [at, side] of [baseline!, candidate!].entries()) {
      makeRun(join(side, `run-${run}`), makeSamples(4, 10 / speeds[at]![run]!));
    }
  }
  const found: Comparison['candidates'][number][] = [];
  for (const gate of gates) {
    const { stdout } = await callBench('compare', baseline!, candidate!, '--gate', gate, '--json');
    found.push((JSON.parse(stdout) as Comparison).candidates[0]!);
  }
  for (const side of [baseline!, candidate!]) rmSync(side, { recursive: true });
  return found;
}

describe('the whole of bench compare', () => {
  it('alarms in at most 5 % of 200 pairs that are alike, and at its level where no margin is left', async () => {
    const simulation = new Simulation(81);
    const trials = 200;
    const alarms = { alike: 0, narrow: 0, speed: 0 };
    const pValues: number[] = [];
    for (let trial = 0; trial < trials; trial++) {
      // A margin of a hundredth of the scatter is none: there alarms come at the level itself.
      const [wide, narrow] = await measure(simulation, 4, 0, 'speed=-3%', 'speed=-0.03%');
      const [rule] = narrow!.gate;
      pValues.push(rule!.pValue!);
      // 200 alarms tell a level of 10 % hardly from one of 5 %; p-values that decide do.
      expect(isRegression(rule!)).toBe(rule!.pValue! < 0.05);
      if (isRegression(wide!.gate[0]!)) alarms.alike++;
      if (isRegression(rule!)) alarms.narrow++;
      if (wide!.verdict.speed !== 'no difference shown') alarms.speed++;
    }
    expect(alarms.alike / trials).toBeLessThanOrEqual(0.05);
    expectRate(alarms.narrow, trials, 0.05);
    expectRate(alarms.speed, trials, 0.05);
    expect(distanceFromUniform(pValues)).toBeLessThan(1.95 / Math.sqrt(trials));
  }, 120_000);

  it('finds a slowdown of 10 % in 9 of 10 cases with the runs asked for, and as a rule that nothing changed', async () => {
    const simulation = new Simulation(82);
    const gate = 'speed=-5%';
    const decided = (trials: number, slowdown: number, verdict: string) =>
      countOf(trials, async () => {
        let needed: string | null = null;
        while (needed === null) {
          const [pilot] = await measure(simulation, 4, slowdown, gate);
          const [rule] = pilot!.gate;
          if (rule!.verdict === 'cannot tell') needed = rule!.needed;
        }
        const runs = Number(/^(\d+) runs a side for a power of 90 %$/.exec(needed)![1]);
        const [again] = await measure(simulation, runs, slowdown, gate);
        return again!.gate[0]!.verdict === verdict;
      });
    expect(await decided(30, 0.1, 'regression')).toBeGreaterThanOrEqual(27);
    expectRate(await decided(15, 0, 'no regression'), 15, 0.9, 1);
  }, 120_000);
});

async function countOf(trials: number, happens: () => Promise<boolean>): Promise<number> {
  let count = 0;
  for (let trial = 0; trial < trials; trial++) if (await happens()) count++;
  return count;
}

/** Kolmogorov's and Smirnov's: above 1.95 / sqrt(n) once in 1,000 times. */
function distanceFromUniform(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.max(
    ...sorted.map((value, i) =>
      Math.max(value - i / sorted.length, (i + 1) / sorted.length - value),
    ),
  );
}
