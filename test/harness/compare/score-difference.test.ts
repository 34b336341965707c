// Scores of the same samples: right or wrong by what the metric is, samples that are all alike, losses among several
// metrics, and where tests and margins are told.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Comparison } from '../../../harness/compare/comparison.js';
import {
  compareScores,
  defaultMargin,
  judgeLosses,
  tellChanges,
} from '../../../harness/compare/score-difference.js';
import { callBench } from '../bench-call.js';
import { checkFigures, figuresOf } from '../report/html/page-figures.js';
import { Simulation } from '../statistics/simulation.js';
import { type MadeSample, makeRun, makeSamples } from './made-runs.js';

let folder = '';
let made = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-scores-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (samples: readonly MadeSample[]) => makeRun(join(folder, `run-${made++}`), samples);

/** The comparison, and how a terminal, a pull request and a page tell it. */
async function compare(...argv: string[]) {
  const output = join(folder, `output-${made++}`);
  const { code, stdout } = await callBench('compare', ...argv, '--output', output);
  const read = (name: string) => readFileSync(join(output, name), 'utf8');
  const comparison = JSON.parse(read('comparison.json')) as Comparison;
  const texts = { stdout, markdown: read('comparison.md'), page: read('report.html') };
  return { code, comparison, ...comparison.candidates[0]!, ...texts };
}

describe('what kind a score is', () => {
  it('follows from the metric: a ROUGE of nothing but 0 and 100 is graded, not right or wrong', async () => {
    const scores = (lost: number) => (i: number) => ({ rouge1: i % 10 < lost ? 0 : 1 });
    const { quality } = await compare(
      run(makeSamples(300, 10, scores(1))),
      run(makeSamples(300, 10, scores(2))),
    );
    expect(quality.metrics[0]).toMatchObject({
      ...{ metric: 'rouge1', baseline: 90, candidate: 80, outcomes: null, mcNemar: null },
      margin: { kind: 'relative', value: 0.01 },
      interval: { method: 'BCa bootstrap' },
    });
  });

  it('right answers alone are tested by McNemar', () => {
    const points = (wrong: number) => Array.from({ length: 50 }, (_, i) => (i < wrong ? 0 : 100));
    const terms = { margin: defaultMargin('right or wrong'), alpha: 0.05 };
    const found = compareScores('accuracy', 'right or wrong', points(5), points(9), terms);
    expect(found.outcomes).toEqual({ both: 41, baselineOnly: 4, candidateOnly: 0, neither: 5 });
    expect(found.interval!.method).toBe('Tango score');
  });
});

describe('samples that all score the same', () => {
  const scores = (i: number) => ({ rouge1: 0.3 + 0.01 * (i % 7) });

  it('have the bound that their number allows, and no loss that would have been seen', async () => {
    const [one, other] = [0, 1].map(() => run(makeSamples(40, 10, scores)));
    const { quality, verdict, stdout, markdown, page } = await compare(one!, other!);
    const { difference, interval, judgement } = quality.metrics[0]!;
    expect(difference).toBe(0);
    expect(interval!.upper).toBeCloseTo(100 * (1 - 0.05 ** (1 / 40)), 10);
    expect(interval!.lower).toBe(-interval!.upper);
    expect(judgement).toMatchObject({ verdict: 'cannot tell', detectableLoss: null });
    expect(verdict.quality).toBe('cannot tell');
    for (const text of [stdout, markdown, page]) {
      expect(text).toContain('rouge1: all 40 samples score the same on both sides: differences');
      expect(text).not.toContain('would have been seen;');
    }
    expect(stdout).toMatch(/\+0\.00 +-7\.22 to \+7\.22 +cannot tell .*; \d+ samples could tell\n/);
  });

  it('show that nothing is lost where they are as many as was said', () => {
    const compareSame = (count: number) => {
      const points = Array.from({ length: count }, (_, i) => 30 + (i % 7));
      const terms = { margin: { kind: 'absolute', value: 0.5 }, alpha: 0.05 } as const;
      return compareScores('rouge1', 'graded', points, points, terms).judgement!;
    };
    const wanted = compareSame(40).itemsIfEqual!;
    expect(wanted).toBe(598);
    expect(compareSame(wanted - 1).verdict).toBe('cannot tell');
    expect(compareSame(wanted).verdict).toBe('non-inferior');
  });

  it('that differ by the same are no zero-width interval either, and one sample has none', () => {
    const terms = { margin: { kind: 'absolute', value: 0.5 }, alpha: 0.05 } as const;
    const from = Array.from({ length: 100 }, (_, i) => 30 + (i % 7));
    const to = from.map((value) => value - 2);
    const { interval, remark } = compareScores('rouge1', 'graded', from, to, terms);
    expect(interval!.lower).toBeLessThan(-4);
    expect(interval!.upper).toBeGreaterThan(0);
    expect(remark).toMatch(/^all 100 samples differ by the same: /);
    const single = compareScores('rouge1', 'graded', [30], [30], terms);
    expect(single).toMatchObject({ interval: null, remark: null, judgement: null });
    expect(single.absentBecause).toBe('1 items; an interval needs at least 2');
  });
});

describe('several metrics', () => {
  it('lose what stands among all; one by chance is told and held back', () => {
    const simulation = new Simulation(3);
    const from = Array.from({ length: 200 }, () => 50 + 10 * simulation.normal());
    const noise = from.map(() => 4 * simulation.normal());
    const centre = noise.reduce((sum, value) => sum + value, 0) / 200;
    // Of 4 points a standard error of 0.28.
    const shifted = (points: number) => from.map((value, i) => value + noise[i]! - centre + points);
    const terms = { margin: { kind: 'absolute', value: 1 }, alpha: 0.05 } as const;
    const by = (points: number) => compareScores('m', 'graded', from, shifted(points), terms);
    const alone = by(-1.55);
    expect(alone.judgement!.verdict).toBe('inferior');
    const told = judgeLosses([alone, by(0), by(-4), by(-0.9)], 0.05).map((one) => one.judgement!);
    expect(told.map(({ verdict }) => verdict)).toEqual([
      ...['cannot tell', 'non-inferior', 'inferior', 'cannot tell'],
    ]);
    expect(told.map(({ isHeldBack }) => isHeldBack)).toEqual([true, false, false, false]);
    expect(told[0]!.adjustedLossP).toBeCloseTo(3 * told[0]!.lossP, 12);
  });

  it('change where McNemar says so among all', () => {
    const answers = (wrong: number, from = 0) =>
      Array.from({ length: 100 }, (_, i) => (i >= from && i < from + wrong ? 0 : 100));
    const terms = { margin: defaultMargin('right or wrong'), alpha: 0.05 };
    const by = (lost: number) =>
      compareScores('acc', 'right or wrong', answers(0), answers(lost), terms);
    // Six of six: mid-p 2^-6 = 0.0156; 20 of 20: 2^-20.
    const told = tellChanges([by(6), by(20), by(0), by(1)], 0.05);
    expect(told.map(({ change }) => change!.verdict)).toEqual([
      ...['worse', 'worse', 'none shown', 'none shown'],
    ]);
    expect(told[0]!.change!.adjustedP).toBeCloseTo(3 / 64, 12);
    expect(tellChanges([by(6), by(0), by(0), by(0)], 0.05)[0]!.change!.verdict).toBe('none shown');
    expect(tellChanges([by(6)], 0.05)[0]!.change!.adjustedP).toBeCloseTo(1 / 64, 12);
  });
});

it("McNemar's test and the margin stand in the terminal, in Markdown and on the page", async () => {
  const answers = (wrong: number) => (i: number) => ({ correct: i % 100 >= wrong });
  const [base, worse] = [5, 9].map((wrong) => run(makeSamples(1000, 10, answers(wrong))));
  const { comparison, quality, stdout, markdown, page } = await compare(base!, worse!);
  const { midP, exact } = quality.metrics[0]!.mcNemar!;
  const test = `McNemar p ${midP.toPrecision(2)} (mid), ${exact.toPrecision(2)} (exact): a change for the worse`;
  for (const text of [stdout, markdown]) {
    expect(text).toContain('inferior (margin 1.5 points)');
    expect(text).toContain(test);
  }
  expect(page).toContain('inferior (margin 1.5 points)');
  expect(page).toContain('>McNemar&#39;s test</th>');
  checkFigures(page, comparison);
  const shown = figuresOf(page).map(({ field }) => field);
  for (const field of ['mcNemar.midP', 'mcNemar.exact', 'change.adjustedP']) {
    expect(shown).toContain(`candidates.0.quality.metrics.0.${field}`);
  }
});
