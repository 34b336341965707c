// A gate of several rules: how often it fails where nothing changed, what stands among others, and what is refused.
import { describe, expect, it } from 'vitest';
import { decideTogether, runGate } from '../../../harness/compare/gate.js';
import { parseRules, refuseStrangers } from '../../../harness/compare/gate-rule.js';
import { notCompared } from '../../../harness/compare/quality.js';
import type { ComparedRun, Side } from '../../../harness/compare/side.js';
import type { RunRecord } from '../../../harness/run-record.js';
import { Simulation, shareOf } from '../statistics/simulation.js';

/** Four runs, or so many, with three figures each, whose logarithms share the given part of their variance. */
function makeSide(
  label: string,
  simulation: Simulation,
  shared: number,
  at: number,
  { count = 4, level = 100 } = {},
): Side {
  const runs = Array.from({ length: count }, (_, i): ComparedRun => {
    const common = simulation.normal();
    const figure = () =>
      level *
      Math.exp(0.02 * (Math.sqrt(shared) * common + Math.sqrt(1 - shared) * simulation.normal()));
    const performance = {
      tokensPerSecond: figure(),
      samplesPerSecond: figure(),
      joulesPerToken: 1e4 / figure(),
    };
    const startedAt = new Date(1e12 + 1000 * (at * 10 + i)).toISOString();
    const record = { id: `${label}-${i}`, scenario: 'Offline', startedAt, performance };
    return {
      path: label,
      record: record as unknown as RunRecord,
      performance: null,
      accuracy: null,
      accuracyLog: null,
    };
  });
  return { label, path: label, runs };
}

describe('a gate of three rules on sides that are the same', () => {
  // Margins far below the scatter: the level itself is reached.
  const rules = parseRules('speed=-0.01%,samples=-0.01%,energy=+0.01%', '--gate');

  it.each([
    ['independent', 0, 0.1],
    ['correlated', 0.7, 0.06],
  ] as const)('of %s figures fails in at most 5 %% of all cases', (_, shared, leastAlone) => {
    const simulation = new Simulation(61);
    let alone = 0;
    const trials = 2000;
    const failed = shareOf(trials, () => {
      const [from, to] = [0, 1].map((at) => makeSide(`side-${at}`, simulation, shared, at));
      const results = runGate(rules, from!, to!, notCompared('no scores'), [], 0.05);
      expect(results).toHaveLength(3);
      if (results.some(({ pValue }) => pValue! <= 0.05)) alone++;
      return results.some(({ verdict }) => verdict === 'regression');
    });
    expect(failed).toBeLessThanOrEqual(0.05);
    expect(failed).toBeGreaterThan(0.005);
    // Without a correction one of three fails far more often than one alone.
    expect(alone / trials).toBeGreaterThan(leastAlone);
  });

  it('shows a regression of one among them', () => {
    const simulation = new Simulation(62);
    const [from, to] = [0, 1].map((at) => makeSide(`side-${at}`, simulation, 0, at));
    const slower = to!.runs.map((run) => {
      const performance = { ...run.record.performance!, tokensPerSecond: 80 };
      const scattered = { ...performance, tokensPerSecond: 80 + simulation.normal() };
      return { ...run, record: { ...run.record, performance: scattered } };
    });
    const results = runGate(rules, from!, { ...to!, runs: slower }, notCompared(''), [], 0.05);
    expect(results[0]).toMatchObject({ name: 'speed', verdict: 'regression' });
    expect(results[0]!.adjustedP).toBeCloseTo(3 * results[0]!.pValue!, 12);
    expect(results[0]!.reason).toMatch(/; p \S+, among 3 rules \S+ \(Holm\)$/);
  });
});

/**
 * One rule through the whole of the gate. Bounds are 3.3 standard errors of so many trials about what is promised (999 of
 * 1,000 correct gates lie within): an alpha twice as large, or 60 % of the runs, lies far outside of them.
 */
describe('a gate of one rule', () => {
  const judge = (rule: string, from: Side, to: Side) =>
    runGate(parseRules(rule, '--gate'), from, to, notCompared('no scores'), [], 0.05)[0]!;
  const pair = (simulation: Simulation, count: number, slowdown: number) =>
    [0, 1].map((at) =>
      makeSide(`side-${at}`, simulation, 0, at, { count, level: at === 0 ? 100 : 100 - slowdown }),
    ) as [Side, Side];

  it('fails at its level on sides that are the same, and no oftener', () => {
    const simulation = new Simulation(63);
    const trials = 6000;
    const failed = shareOf(trials, () => {
      return judge('speed=-0.001%', ...pair(simulation, 4, 0)).verdict === 'regression';
    });
    // Welch's degrees of freedom make it a little strict with four runs a side.
    const error = Math.sqrt((0.05 * 0.95) / trials);
    expect(failed).toBeLessThan(0.05 + 3.3 * error);
    expect(failed).toBeGreaterThan(0.04 - 3.3 * error);
  });

  it('fails at its level where the slowdown is the margin itself', () => {
    const simulation = new Simulation(64);
    const trials = 6000;
    const failed = shareOf(trials, () => {
      return judge('speed=-5%', ...pair(simulation, 4, 5)).verdict === 'regression';
    });
    const error = Math.sqrt((0.05 * 0.95) / trials);
    expect(failed).toBeLessThan(0.05 + 3.3 * error);
    expect(failed).toBeGreaterThan(0.04 - 3.3 * error);
  });

  it.each([
    [0, 'no regression'],
    [5.85, 'regression'],
  ] as const)(
    'decides with the power told in the runs asked for, slower by %d of 100: %s',
    (slowdown, verdict) => {
      const simulation = new Simulation(65);
      const trials = 2500;
      const decided = shareOf(trials, () => {
        let needed: string | null = null;
        while (needed === null) {
          const pilot = judge('speed=-3%', ...pair(simulation, 4, slowdown));
          if (pilot.verdict === 'cannot tell') needed = pilot.needed;
        }
        const runs = Number(/^(\d+) runs a side \(power 90 %\)$/.exec(needed)![1]);
        return judge('speed=-3%', ...pair(simulation, runs, slowdown)).verdict === verdict;
      });
      const error = Math.sqrt((0.9 * 0.1) / trials);
      expect(decided).toBeGreaterThan(0.9 - 3.3 * error);
      expect(decided).toBeLessThan(0.96 + 3.3 * error);
    },
  );
});

describe('results that are decided together', () => {
  const result = (
    name: string,
    verdict: 'regression' | 'no regression',
    pValue: number | null,
  ) => ({
    ...{ name, verdict, pValue, reason: 'by its bound', needed: null },
  });

  it('hold a regression back that does not stand among so many, and say what would tell', () => {
    const [one, other, third] = decideTogether(
      [
        result('a', 'regression', 0.04),
        result('b', 'no regression', 0.9),
        result('c', 'regression', 0.001),
      ],
      0.05,
    );
    expect(one).toMatchObject({
      ...{ verdict: 'cannot tell', adjustedP: 0.08 },
      needed: 'a new measurement, judged by this rule alone',
    });
    expect(one!.reason).toContain('p 0.040, among 3 rules 0.080 (Holm), above 0.05');
    expect(other).toMatchObject({ verdict: 'no regression', reason: 'by its bound' });
    expect(third).toMatchObject({ verdict: 'regression', adjustedP: 0.003 });
  });

  it('count only what was tested, each once', () => {
    const [one, ...others] = decideTogether(
      [
        result('a', 'regression', 0.04),
        result('a', 'regression', 0.04),
        { ...result('b', 'no regression', null), verdict: 'cannot tell' },
      ],
      0.05,
    );
    expect(one).toEqual({ ...result('a', 'regression', 0.04), adjustedP: 0.04 });
    expect(others.map(({ adjustedP }) => adjustedP)).toEqual([null]);
  });
});

describe('rules', () => {
  it('read points, shares, tasks and their perplexities', () => {
    expect(
      parseRules('mmlu=-1.5pt, accuracy=-2,wikitext=+1%,perplexity:marlin=+0.05', 'x'),
    ).toEqual([
      { name: 'mmlu', margin: { kind: 'absolute', value: 1.5 } },
      { name: 'accuracy', margin: { kind: 'absolute', value: 2 } },
      { name: 'wikitext', margin: { kind: 'relative', value: 0.01 } },
      { name: 'perplexity:marlin', margin: { kind: 'absolute', value: 0.05 } },
    ]);
  });

  it.each([
    ['wikitext=-1%', 'allowed: wikitext=+1%, since more is worse'],
    ['mmlu=+1pt', 'allowed: mmlu=-1pt, since less is worse'],
    ['wikitext=+1pt', 'is in points, which a perplexity has none of; allowed: wikitext=+1%'],
    ['speed=-3pt', 'has no %; allowed: speed=-3%'],
    ['mmlu=-0pt', 'is out of range'],
    ['rouge=0', '"rouge=0" is out of range; allowed: more than 0, less than 100'],
  ])('%s is refused', (text, message) => {
    expect(() => parseRules(text, '--gate')).toThrow(message);
  });

  it('are of runs or of evaluations', () => {
    expect(() => refuseStrangers([['--gate', ['speed', 'accuracy']]], 'evaluations')).toThrow(
      /--gate: evaluations have no "speed"; allowed: accuracy, perplexity, mmlu/,
    );
    expect(() => refuseStrangers([['--margin', ['mmlu']]], 'runs')).toThrow(
      '--margin: runs have no "mmlu"; allowed: rouge, rouge1',
    );
    expect(() => refuseStrangers([['--gate', ['speed', 'accuracy']]], 'runs')).not.toThrow();
  });
});
