import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  adjustBenjaminiHochberg,
  adjustHolm,
  agreementByPosition,
  bonferroniAlpha,
  compareTokens,
  countOutcomes,
  type Interval,
  itemsIfUnvaried,
  judgeNonInferiority,
  judgeTogether,
  type NonInferiority,
  normalCdf,
  normalQuantile,
  summarizeAgreement,
  type TailTest,
  tangoInterval,
  tangoTail,
  testMcNemar,
  unvariedDifference,
  wilsonInterval,
} from '../../../harness/statistics/index.js';
import { golden, relativeError } from './golden.js';
import { Simulation, shareOf } from './simulation.js';

// Complete response before and after consolidation therapy (Cavo et al. 2012), a worked example of chapter 8 of Fagerland,
// Lydersen and Laake 2017, "Statistical Analysis of Contingency Tables"; the figures are those that the tests of its authors'
// R package contingencytables hold it to (repository ocbe-uio/contingencytables, tests/testthat/test-ch8.R).
const cavo = { both: 59, baselineOnly: 16, candidateOnly: 6, neither: 80 };

describe('paired proportions', () => {
  it("has statsmodels' and scipy's p-values of McNemar's test", () => {
    for (const { baselineOnly, candidateOnly, exact, midP } of golden.mcnemar) {
      const test = testMcNemar({ both: 100, baselineOnly, candidateOnly, neither: 50 });
      expect(test.discordant).toBe(baselineOnly + candidateOnly);
      expect(relativeError(test.exact, exact)).toBeLessThan(1e-10);
      expect(relativeError(test.midP, midP)).toBeLessThan(1e-10);
    }
  });

  it('has the published figures of a worked example', () => {
    expect(testMcNemar(cavo).exact).toBeCloseTo(0.052479, 6);
    expect(testMcNemar(cavo).midP).toBeCloseTo(0.03469, 6);
    const tango = tangoInterval(cavo);
    expect([tango.estimate, tango.lower, tango.upper].map((x) => x.toFixed(4))).toEqual([
      '-0.0621',
      '-0.1240',
      '-0.0054',
    ]);
  });

  it("finds Tango's bounds where a numerical maximization of the likelihood finds them", () => {
    for (const { counts, alpha, lower, upper } of golden.tango) {
      const interval = tangoInterval(counts, alpha);
      expect(interval.lower).toBeCloseTo(lower, 7);
      expect(interval.upper).toBeCloseTo(upper, 7);
      const tail = tangoTail(counts);
      expect(tail('at most', lower)).toBeCloseTo(alpha / 2, 6);
      expect(tail('at least', upper)).toBeCloseTo(alpha / 2, 6);
    }
  });

  it('has a width without a discordant question: z^2 / (n + z^2)', () => {
    const z = normalQuantile(0.975);
    const same = { both: 70, baselineOnly: 0, candidateOnly: 0, neither: 30 };
    const { estimate, lower, upper } = tangoInterval(same);
    expect(estimate).toBe(0);
    expect(upper).toBeCloseTo(z ** 2 / (100 + z ** 2), 12);
    expect(lower).toBeCloseTo(-upper, 12);
    const won = tangoInterval({ both: 0, baselineOnly: 0, candidateOnly: 50, neither: 0 });
    expect([won.estimate, won.upper]).toEqual([1, 1]);
  });

  it('mirrors when sides are swapped, and McNemar never minds pairs that agree', () => {
    const count = fc.integer({ min: 0, max: 300 });
    fc.assert(
      fc.property(
        count,
        count,
        count,
        count,
        count,
        (both, baselineOnly, candidateOnly, neither, more) => {
          fc.pre(both + baselineOnly + candidateOnly + neither > 0);
          const counts = { both, baselineOnly, candidateOnly, neither };
          const swapped = { ...counts, baselineOnly: candidateOnly, candidateOnly: baselineOnly };
          const { lower, upper, estimate } = tangoInterval(counts);
          expect(tangoInterval(swapped).lower).toBeCloseTo(-upper, 9);
          expect(tangoInterval(swapped).upper).toBeCloseTo(-lower, 9);
          expect(lower).toBeLessThanOrEqual(estimate);
          expect(upper).toBeGreaterThanOrEqual(estimate);
          expect(Math.max(-lower, upper)).toBeLessThanOrEqual(1 + 1e-12);
          const agreeing = { ...counts, both: both + more, neither: neither + 2 * more };
          expect(testMcNemar(agreeing)).toEqual(testMcNemar(counts));
          expect(testMcNemar(swapped)).toEqual(testMcNemar(counts));
        },
      ),
    );
  });

  it('covers the true difference', () => {
    const simulation = new Simulation(71);
    const covered = shareOf(2000, () => {
      const baseline = Array.from({ length: 200 }, () => simulation.uniform() < 0.75);
      // Of right answers 8 % are lost, of wrong ones 12 % found: -0.06 + 0.03.
      const candidate = baseline.map((right) => simulation.uniform() < (right ? 0.92 : 0.12));
      const { lower, upper } = tangoInterval(countOutcomes(baseline, candidate));
      return lower <= -0.03 && -0.03 <= upper;
    });
    expect(covered).toBeGreaterThan(0.935);
    expect(covered).toBeLessThan(0.97);
  });

  it('counts who was right, and refuses counts that are none', () => {
    expect(countOutcomes([true, true, false, false], [true, false, true, false])).toEqual({
      both: 1,
      baselineOnly: 1,
      candidateOnly: 1,
      neither: 1,
    });
    expect(() => countOutcomes([true], [])).toThrow('must be of the same items');
    expect(() => tangoInterval({ ...cavo, both: -1 })).toThrow('both is -1');
    const none = { both: 0, baselineOnly: 0, candidateOnly: 0, neither: 0 };
    expect(() => testMcNemar(none)).toThrow('questions is 0; it must be an integer of at least 1');
  });
});

describe('non-inferiority', () => {
  const of = (lower: number, upper: number, estimate = (lower + upper) / 2): Interval => ({
    estimate,
    lower,
    upper,
    confidence: 0.9,
    standardError: (upper - lower) / (2 * normalQuantile(0.95)),
    method: 'made up',
  });
  /** Of a normal estimate. */
  const tailOf =
    ({ estimate, standardError }: Interval): TailTest =>
    (hypothesis, value) =>
      normalCdf(((hypothesis === 'at least' ? 1 : -1) * (estimate - value)) / standardError!);
  const given = (interval: Interval) => ({ interval, tail: tailOf(interval) });
  const ask = {
    of: 'difference',
    better: 'higher',
    margin: { kind: 'absolute', value: 0.015 },
    items: 1000,
  } as const;

  it('says which bound of which interval decides', () => {
    const good = judgeNonInferiority({ ...ask, ...given(of(-0.01, 0.004)) });
    expect(good.verdict).toBe('non-inferior');
    expect(good.reason).toBe(
      'the lower bound -0.01 of the 90 % interval is above the limit -0.015 (one-sided alpha 0.05)',
    );
    expect(judgeNonInferiority({ ...ask, ...given(of(-0.03, -0.016)) })).toMatchObject({
      verdict: 'inferior',
      reason:
        'the upper bound -0.016 of the 90 % interval is below the limit -0.015 (one-sided alpha 0.05)',
    });
    expect(judgeNonInferiority({ ...ask, ...given(of(-0.02, 0.01)) })).toMatchObject({
      verdict: 'cannot tell',
      reason: 'the 90 % interval from -0.02 to 0.01 holds the limit -0.015 (one-sided alpha 0.05)',
    });
    expect(judgeNonInferiority({ ...ask, ...given(of(-0.015, 0)) }).verdict).toBe('cannot tell');
  });

  it('tells points from shares of the baseline: 1.73 points of 0.4222 are 4.1 %', () => {
    const marlin = of(-0.0173, -0.0173);
    const relative = { kind: 'relative', value: 0.03 } as const;
    expect(
      judgeNonInferiority({ ...ask, ...given(marlin), margin: { kind: 'absolute', value: 0.03 } })
        .verdict,
    ).toBe('non-inferior');
    const judged = judgeNonInferiority({
      ...ask,
      ...given(marlin),
      margin: relative,
      baseline: 0.4222,
    });
    expect(judged.verdict).toBe('inferior');
    expect(judged.limit).toBeCloseTo(-0.03 * 0.4222, 12);
    expect(judged.detectableLoss).toBeNull();
    expect(() => judgeNonInferiority({ ...ask, ...given(marlin), margin: relative })).toThrow(
      'baseline is undefined; a relative margin of a difference needs a finite score above 0',
    );
  });

  it('turns round where lower is better, and takes ratios', () => {
    const perplexity = {
      of: 'ratio',
      better: 'lower',
      margin: { kind: 'relative', value: 0.01 },
      items: 64,
    } as const;
    const judge = (interval: Interval) =>
      judgeNonInferiority({ ...perplexity, ...given(interval) });
    expect(judge(of(0.999, 1.009)).verdict).toBe('non-inferior');
    expect(judge(of(1.011, 1.02)).verdict).toBe('inferior');
    expect(judge(of(1.0, 1.02)).verdict).toBe('cannot tell');
    expect(judge(of(1.0, 1.02)).limit).toBeCloseTo(1.01, 12);
    const points = { ...perplexity, margin: { kind: 'absolute', value: 0.06 } } as const;
    expect(judgeNonInferiority({ ...points, ...given(of(0.999, 1.009)), baseline: 6 }).limit).toBe(
      1.01,
    );
  });

  it('plans with the power it names', () => {
    const simulation = new Simulation(81);
    // Differences with deviation 0.2: what would 1,000 items have shown, and how many decide at 1.5 points?
    const scatter = 0.2 / Math.sqrt(1000);
    const reach = normalQuantile(0.95) * scatter;
    const judged = judgeNonInferiority({ ...ask, ...given(of(-reach, reach, 0)) });
    const shows = (items: number, truth: number, limit: number, sign: number) =>
      shareOf(20_000, () => {
        const error = 0.2 / Math.sqrt(items);
        const estimate = truth + error * simulation.normal();
        return sign * (estimate - limit) > normalQuantile(0.95) * error;
      });
    expect(shows(1000, -judged.detectableLoss!, 0, -1)).toBeCloseTo(0.8, 1);
    expect(shows(judged.itemsIfEqual!, 0, -0.015, 1)).toBeCloseTo(0.8, 1);
    expect(normalCdf((judged.detectableLoss! - reach) / scatter)).toBeCloseTo(0.8, 10);
    const near = judgeNonInferiority({ ...ask, ...given(of(-0.014 - reach, -0.014 + reach)) });
    expect(near.itemsIfAsEstimated! / near.itemsIfEqual!).toBeCloseTo(225, 0);
  });

  it('refuses an interval of another confidence, and margins that are none', () => {
    expect(() => judgeNonInferiority({ ...ask, ...given(of(0, 1)), alpha: 0.025 })).toThrow(
      'the interval has confidence 0.9; a one-sided alpha of 0.025 takes 0.95',
    );
    expect(() =>
      judgeNonInferiority({ ...ask, ...given(of(0, 1)), margin: { kind: 'absolute', value: 0 } }),
    ).toThrow('margin is 0; it must be a finite number above 0');
  });
});

describe('multiplicity', () => {
  it("has statsmodels' adjusted p-values, ties and all", () => {
    for (const { p, holm, bh } of golden.multiplicity) {
      adjustHolm(p).forEach((value, i) => {
        expect(relativeError(value, holm[i]!)).toBeLessThan(1e-12);
      });
      adjustBenjaminiHochberg(p).forEach((value, i) => {
        expect(relativeError(value, bh[i]!)).toBeLessThan(1e-12);
      });
    }
    expect(adjustHolm([])).toEqual([]);
  });

  it('refuses NaN', () => {
    expect(() => adjustHolm([0.1, Number.NaN])).toThrow('p-value 1 is NaN; it must be in [0, 1]');
    expect(() => adjustBenjaminiHochberg([1.1])).toThrow('p-value 0 is 1.1');
    expect(() => bonferroniAlpha(0.05, 0)).toThrow('count is 0');
  });

  it('of twenty losses that are not there, shows one in at most alpha of all families', () => {
    const simulation = new Simulation(91);
    const judge = (z: number, lossP: number): NonInferiority => ({
      ...{ limit: -1, reason: `z ${z}`, lossP, adjustedLossP: lossP, isHeldBack: false },
      ...{ detectableLoss: null, itemsIfEqual: null, itemsIfAsEstimated: null },
      verdict: lossP <= 0.05 ? 'inferior' : 'cannot tell',
    });
    for (const common of [0, 0.8]) {
      const shown = { alone: 0, together: 0 };
      const trials = 4000;
      for (let trial = 0; trial < trials; trial++) {
        const shared = simulation.normal();
        const judgements = Array.from({ length: 20 }, () => {
          const z = Math.sqrt(common) * shared + Math.sqrt(1 - common) * simulation.normal();
          return judge(z, normalCdf(z));
        });
        const isShown = (all: readonly NonInferiority[]) =>
          all.some(({ verdict }) => verdict === 'inferior') ? 1 : 0;
        shown.alone += isShown(judgements);
        shown.together += isShown(judgeTogether(judgements, 0.05));
      }
      // 4,000 trials: a standard error of 0.35 %.
      expect(shown.together / trials).toBeLessThan(0.06);
      expect(shown.alone / trials).toBeGreaterThan(0.1);
    }
    expect(bonferroniAlpha(0.05, 20)).toBe(0.0025);
  });

  it('leaves what is non-inferior, and a loss that holds among all', () => {
    const one = {
      ...{ limit: 0, reason: '', detectableLoss: null },
      ...{ itemsIfEqual: null, itemsIfAsEstimated: null },
    };
    const judgements = [
      ['inferior', 0.01],
      ['inferior', 0.04],
      ['non-inferior', 0.999],
    ] as const;
    const told = judgeTogether(
      judgements.map(([verdict, lossP]) => ({
        ...one,
        verdict,
        lossP,
        adjustedLossP: lossP,
        isHeldBack: false,
      })),
      0.05,
    );
    expect(told.map(({ verdict, adjustedLossP }) => [verdict, adjustedLossP])).toEqual([
      ['inferior', 0.03],
      ['cannot tell', 0.08],
      ['non-inferior', 0.999],
    ]);
  });
});

describe('items that all differ by the same', () => {
  it('have an interval by how rare others must be: 1 - level^(1/n)', () => {
    // None of 59 at 95 % one-sided: at most 4.95 % of all (the tables' "59 samples for 95/95").
    const found = unvariedDifference(0, 59, 100, 0.1);
    if (found.interval === null) throw new Error(found.reason);
    expect(found.interval.lower).toBeCloseTo(-100 * (1 - 0.05 ** (1 / 59)), 12);
    expect(found.interval.lower).toBeGreaterThan(-5);
    expect(unvariedDifference(0, 58, 100, 0.1).interval!.lower).toBeLessThan(-5);
    expect(found.interval).toMatchObject({ estimate: 0, standardError: null });
    expect(found.tail('at most', found.interval.lower)).toBeCloseTo(0.05, 12);
    expect(found.tail('at least', -1)).toBe(1);
    expect(itemsIfUnvaried(0, -5, 100, 0.05)).toBe(59);
    expect(itemsIfUnvaried(0, 0, 100, 0.05)).toBeNull();
    const lost = unvariedDifference(-3, 200, 100, 0.1);
    if (lost.interval === null) throw new Error(lost.reason);
    expect(lost.interval.lower).toBeLessThan(-3);
    expect(lost.tail('at least', lost.interval.upper)).toBeCloseTo(0.05, 12);
    expect(() => unvariedDifference(101, 5, 100, 0.1)).toThrow('it must be in [-100, 100]');
  });

  it('cover a mean that rare items make, where no sample shows one', () => {
    const simulation = new Simulation(92);
    // One answer in 50 is lost altogether; of 59 none was in 30 % of all samples.
    const missed = shareOf(20_000, () => {
      const lost = Array.from({ length: 59 }, () => simulation.uniform() < 0.02);
      return !lost.includes(true) && unvariedDifference(0, 59, 100, 0.1).interval!.lower > -2;
    });
    expect(missed).toBe(0);
    const rare = shareOf(20_000, () => {
      const lost = Array.from({ length: 59 }, () => simulation.uniform() < 0.055);
      return !lost.includes(true) && unvariedDifference(0, 59, 100, 0.1).interval!.lower > -5.5;
    });
    expect(rare).toBeGreaterThan(0.02);
    expect(rare).toBeLessThan(0.05);
  });

  it('tell no loss that would have been seen', () => {
    const found = unvariedDifference(0, 1000, 100, 0.1);
    if (found.interval === null) throw new Error(found.reason);
    const { interval, tail } = found;
    const judged = judgeNonInferiority({
      ...{ interval, tail, of: 'difference', better: 'higher', items: 1000 },
      margin: { kind: 'absolute', value: 0.5 },
    });
    expect(judged).toMatchObject({
      ...{ verdict: 'non-inferior', detectableLoss: null, itemsIfEqual: null, lossP: 1 },
    });
  });
});

describe('token agreement', () => {
  it('compares position by position', () => {
    expect(compareTokens([1, 2, 3, 4], [1, 2, 9, 4])).toEqual({
      equalShare: 0.75,
      firstDivergence: 2,
    });
    expect(compareTokens([1, 2], [1, 2, 3, 4])).toEqual({ equalShare: 0.5, firstDivergence: 2 });
    expect(compareTokens(Int32Array.of(5), [5])).toEqual({ equalShare: 1, firstDivergence: null });
    expect(compareTokens([], [])).toEqual({ equalShare: 1, firstDivergence: null });
    expect(compareTokens([], [7])).toEqual({ equalShare: 0, firstDivergence: 0 });
  });

  it('sums up samples, long ones by their tokens', () => {
    expect(summarizeAgreement([[1, 2], [1, 2, 3, 4], [8]], [[1, 2], [1, 9, 3, 9], [8]])).toEqual({
      samples: 3,
      exactShare: 2 / 3,
      tokenShare: 5 / 7,
      equalShare: { min: 0.5, p10: 0.6, p50: 1, p90: 1, max: 1 },
      firstDivergence: { min: 1, p10: 1, p50: 1, p90: 1, max: 1 },
    });
    expect(summarizeAgreement([[1]], [[1]])!.firstDivergence).toBeNull();
    expect(summarizeAgreement([], [])).toBeNull();
    expect(() => summarizeAgreement([[1]], [])).toThrow('must be of the same items');
  });

  it('follows the answers position by position, in ranges where they are long', () => {
    const [a, b] = [
      [[1, 2, 3, 4, 5], [1, 2], [7]],
      [[1, 2, 9, 4, 5], [1, 2, 3], [7]],
    ];
    const row = (from: number, to: number, positions: number, equal: number, together: number) => ({
      ...{ from, to, positions },
      equalShare: equal / positions,
      togetherShare: 1 - (3 - together) / 3,
    });
    expect(agreementByPosition(a!, b!, 5)).toEqual([
      row(0, 1, 3, 3, 3),
      row(1, 2, 2, 2, 3),
      row(2, 3, 2, 0, 1),
      row(3, 4, 1, 1, 1),
      row(4, 5, 1, 1, 1),
    ]);
    expect(agreementByPosition(a!, b!, 2)).toEqual([row(0, 3, 7, 5, 1), row(3, 5, 2, 2, 1)]);
    expect(agreementByPosition([], [], 5)).toEqual([]);
    expect(agreementByPosition([[]], [[]], 5)).toEqual([]);
  });

  it('adds up to what the summary says', () => {
    const answers = fc.array(fc.array(fc.nat(2), { maxLength: 9 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(answers, answers, fc.integer({ min: 1, max: 12 }), (one, other, ranges) => {
        const count = Math.min(one.length, other.length);
        const [a, b] = [one.slice(0, count), other.slice(0, count)];
        const { exactShare, tokenShare } = summarizeAgreement(a, b)!;
        const found = agreementByPosition(a, b, ranges);
        const sum = (of: (row: (typeof found)[number]) => number) =>
          found.reduce((total, row) => total + of(row), 0);
        const positions = sum((row) => row.positions);
        const equal = sum(({ positions: n, equalShare }) => n * equalShare);
        expect(positions === 0 ? 1 : equal / positions).toBeCloseTo(tokenShare, 12);
        expect(found.at(-1)?.togetherShare ?? 1).toBeCloseTo(exactShare, 12);
        expect(found.length).toBeLessThanOrEqual(ranges);
      }),
    );
  });
});

describe('a share', () => {
  it("has scipy 1.17's Wilson interval, which has a width at both ends", () => {
    // scipy.stats.binomtest(part, whole).proportion_ci(1 - alpha, method='wilson')
    for (const [part, whole, alpha, low, high] of [
      [0, 10, 0.05, 0, 0.27753279986288926],
      [7, 10, 0.05, 0.39677814746114526, 0.892208732593699],
      [623, 1000, 0.05, 0.5925457108141823, 0.652512906598371],
      [1000, 1000, 0.01, 0.9934088350965933, 1],
    ] as const) {
      const { lower, upper, estimate } = wilsonInterval(part, whole, alpha);
      expect(lower).toBeCloseTo(low, 12);
      expect(upper).toBeCloseTo(high, 12);
      expect(estimate).toBe(part / whole);
    }
    expect(() => wilsonInterval(11, 10)).toThrow('part is 11; it must be at most 10');
    expect(() => wilsonInterval(0, 0)).toThrow('whole is 0');
  });
});
