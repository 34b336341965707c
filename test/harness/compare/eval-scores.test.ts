// What is told of perplexities over windows: the loss that would have been seen, and how far few windows are to be believed,
// by simulation.
import { expect, it } from 'vitest';
import type { ItemPair } from '../../../harness/compare/eval-pairs.js';
import { comparePerplexity } from '../../../harness/compare/eval-scores.js';
import { listPerplexityCells } from '../../../harness/report/eval-comparison-summary.js';
import { Simulation, shareOf } from '../statistics/simulation.js';

const alpha = 0.05;
/** Of a window's mean loss, on the logarithm's scale. */
const scatter = 0.02;

/** Windows of 100 tokens that lose `rise` and what is drawn, with mean 0 and deviation 1. */
function makePairs(windows: number, rise: number, draw: () => number): ItemPair[] {
  return Array.from({ length: windows }, (_, i): ItemPair => {
    const common = {
      id: `p/${i}`,
      task: 'p',
      prompt: 'same',
      metrics: {},
      weights: { tokens: 100 },
    };
    const loss = 3 + Math.log1p(rise) + scatter * draw();
    return [
      { ...common, logProbs: [-300] },
      { ...common, logProbs: [-100 * loss] },
    ];
  });
}

const compare = (pairs: readonly ItemPair[]) =>
  comparePerplexity('p', pairs, { margins: new Map(), alpha })!;

it('the loss that would have been seen is seen with 80 % power', () => {
  const simulation = new Simulation(7);
  const normal = () => simulation.normal();
  const windows = 60;
  const told = Array.from({ length: 40 }, () => {
    return compare(makePairs(windows, 0, normal)).judgement!.detectableLoss!;
  });
  const rise = told.reduce((sum, one) => sum + one, 0) / told.length;
  // (1.645 + 0.842) standard errors, by the normal quantiles of 95 and 80 %.
  expect(rise / ((2.4865 * scatter) / Math.sqrt(windows))).toBeCloseTo(1, 1);
  const seen = shareOf(400, () => compare(makePairs(windows, rise, normal)).interval!.lower > 1);
  expect(seen).toBeGreaterThan(0.75);
  expect(seen).toBeLessThan(0.87);
});

it('is told beside the verdict, with the windows that could tell', () => {
  const simulation = new Simulation(11);
  const one = compare(makePairs(40, 0.01, () => simulation.normal()));
  const { detectableLoss, itemsIfEqual, verdict } = one.judgement!;
  expect(verdict).toBe('cannot tell');
  expect(listPerplexityCells(one).at(-1)).toBe(
    `cannot tell (margin 1 %); a true rise of ${Number((100 * detectableLoss!).toPrecision(3))} % would have been seen with 80 % power; ${itemsIfEqual} windows could tell`,
  );
});

it('few windows are remarked on, since bounds over them are wrong more often than they say', () => {
  const simulation = new Simulation(5);
  /** Most lose a little less, few much more. */
  const skewed = () => -Math.log(1 - simulation.uniform()) - 1;
  const wrong = (windows: number, trials: number) =>
    shareOf(trials, () => compare(makePairs(windows, 0, skewed)).interval!.upper < 1);
  const [ten, twenty] = [wrong(10, 800), wrong(20, 600)];
  expect(ten).toBeGreaterThan(0.09);
  expect(ten).toBeLessThan(0.16);
  expect(twenty).toBeGreaterThan(0.06);
  expect(twenty).toBeLessThan(0.115);
  expect(wrong(100, 200)).toBeLessThan(0.095);
  const remarkOf = (windows: number) => compare(makePairs(windows, 0, skewed)).remark;
  expect(remarkOf(12)).toMatch(/^12 windows are few: intervals over fewer than 30 are too narrow/);
  expect(remarkOf(29)).not.toBeNull();
  expect(remarkOf(30)).toBeNull();
});
