// `bench compare` on runs that can be compared: ratios with their intervals, paired quality, gates, and every refusal of the
// command line.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Comparison } from '../../../harness/compare/comparison.js';
import { callBench } from '../bench-call.js';
import { checkFigures } from '../report/html/page-figures.js';
import { makeRun, makeSamples } from './made-runs.js';
import type { Changes } from './scripted-runs.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-compare-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
const place = () => join(folder, `side-${made++}`);
/** Samples of unlike lengths, as a run has them. */
const steady = (count: number, eachMs: number) =>
  makeSamples(count, eachMs).map((sample, i) => {
    const firstTokenMs = Math.max(sample.latencyMs - 3 * eachMs, eachMs / 2);
    return { ...sample, firstTokenMs, outputTokens: 5 + ((i * 7) % 11) };
  });
/** A folder of runs, each this many ms a sample. */
function repeat(eachMs: readonly number[], changes: Changes = {}): string {
  const side = place();
  for (const [i, ms] of eachMs.entries()) makeRun(join(side, `run-${i}`), steady(300, ms), changes);
  return side;
}

/** A folder with a folder of repeats for each name, and a record of all where there is one. */
function placeRuns(file: string | null, ...names: readonly string[]): string {
  const all = place();
  mkdirSync(all);
  for (const name of names) makeRun(join(all, name, 'run-1'), steady(30, 10));
  if (file !== null) writeFileSync(join(all, file), '{}');
  return all;
}

async function compare(...argv: string[]) {
  const { code, stdout, stderr } = await callBench('compare', ...argv, '--json');
  return { code, stderr, ...(JSON.parse(stdout) as Comparison) };
}

/** So many GPUs of a kind, each a worker. */
function onGpus(workers: number, tensorParallel = 1): Changes {
  const devices = Array.from({ length: workers * tensorParallel }, (_, at) => `cuda:${at}`);
  return { sut: { devices, workers: Array(workers).fill({ state: 'ok' }), tensorParallel } };
}

describe('workers', () => {
  const run = (eachMs: number, changes: Changes) => makeRun(place(), steady(300, eachMs), changes);

  it('that follow from the number of GPUs are one change, and the ratio is made', async () => {
    const { candidates, factors } = await compare(run(10, onGpus(1)), run(5, onGpus(2)));
    const differing = factors.filter(({ isSame }) => !isSame);
    expect(differing.map(({ name, values }) => [name, ...values])).toEqual([
      ['GPUs used', 1, 2],
      ['device', 'cuda:0', 'cuda:0, cuda:1'],
      ['workers', 1, 2],
    ]);
    expect(candidates[0]!.comparability).toMatchObject({ speed: true, reasons: [] });
    expect(candidates[0]!.speed.find(({ metric }) => metric === 'tokens/s')!.ratio).toBeCloseTo(2);
  });

  it('that share a model on the same GPUs are a change of the configuration', async () => {
    const { candidates, factors } = await compare(run(10, onGpus(2)), run(8, onGpus(1, 2)));
    expect(factors.filter(({ isSame }) => !isSame).map(({ name }) => name)).toEqual([
      'workers',
      'tensor parallel',
    ]);
    expect(candidates[0]!.comparability.speed).toBe(true);
  });

  it('beside another batch are two changes', async () => {
    const { sut } = onGpus(2) as { sut: object };
    const { candidates } = await compare(
      run(10, onGpus(1)),
      run(5, { sut: { ...sut, maxBatch: 8 } }),
    );
    expect(candidates[0]!.comparability.reasons.join()).toMatch(
      /machine and configuration changed at once \(GPUs used: 1 against 2; max batch: 1 against 8\)/,
    );
  });
});

describe('ratios', () => {
  it("of one run a side lie inside an interval over its samples, the figures being run.json's", async () => {
    const [slow, fast] = [makeRun(place(), steady(600, 10)), makeRun(place(), steady(600, 5))];
    const { code, candidates } = await compare(slow, fast);
    expect(code).toBe(0);
    const [{ speed, verdict } = { speed: [], verdict: null }] = candidates;
    const tokens = speed.find(({ metric }) => metric === 'tokens/s')!;
    const told = (path: string) =>
      JSON.parse(readFileSync(join(path, 'run.json'), 'utf8')).performance;
    expect(tokens.baseline).toBeCloseTo(told(slow).tokensPerSecond, 9);
    expect(tokens.candidate).toBeCloseTo(told(fast).tokensPerSecond, 9);
    expect(tokens.ratio).toBeCloseTo(2, 9);
    expect(tokens.interval!.lower).toBeLessThan(2);
    expect(tokens.interval!.upper).toBeGreaterThan(2);
    expect(tokens.interval!.method).toBe('batch means, 10 and 10 batches');
    expect(tokens.covers).toBe('within one run');
    const latency = speed.find(({ metric }) => metric === 'latency p90')!;
    expect(latency).toMatchObject({ better: 'lower', baseline: told(slow).latencyMs.p90 });
    // Its samples wait for each other: taken as independent they would tell more than the throughput's do.
    expect([latency.interval, latency.covers]).toEqual([null, null]);
    expect(latency.absentBecause).toMatch(/wait for each other in one queue$/);
    expect(verdict!.speed).toBe('faster');
    expect(verdict!.text).toContain(
      'within one run a side; the variation between runs is not in it',
    );
  });

  it('of repeats against one run have no interval: one of the first run would be of another ratio', async () => {
    const [many, one] = [repeat([10, 20]), makeRun(place(), steady(300, 5))];
    for (const sides of [
      [many, one],
      [one, many],
    ]) {
      const { candidates } = await compare(...sides);
      const { speed, verdict } = candidates[0]!;
      const tokens = speed.find(({ metric }) => metric === 'tokens/s')!;
      expect(tokens.ratio).not.toBeNull();
      expect([tokens.interval, tokens.covers]).toEqual([null, null]);
      expect(tokens.absentBecause).toMatch(
        /^[12] and [12] runs, whose scatter takes 2 a side to see$/,
      );
      expect(verdict.speed).toBe('cannot tell');
      expect(verdict.text).not.toContain('one run a side');
    }
  });

  it('without an interval are no "no difference": nothing can be told, and runs that would tell are named', async () => {
    const short = (eachMs: number) => makeRun(place(), makeSamples(12, eachMs));
    const [slow, fast] = [short(40), short(10)];
    const { candidates } = await compare(slow, fast);
    expect(candidates[0]!.speed[0]!.absentBecause).toMatch(/^baseline: the run is too short/);
    const told =
      'made (SLOW) (no interval: cannot tell; 2 runs a side would, if they scatter by 5 %)';
    const text = `has 4.00x the tokens/s of ${told.replace('SLOW', slow)}`;
    expect(candidates[0]!.verdict.speed).toBe('cannot tell');
    expect(candidates[0]!.verdict.text).toContain(text);
    const [markdown, output] = [join(folder, 'short.md'), join(folder, 'short')];
    const { stdout } = await callBench(
      ...['compare', slow, fast, '--markdown', markdown, '--output', output],
    );
    for (const shown of [stdout, readFileSync(markdown, 'utf8')]) expect(shown).toContain(text);
    const page = readFileSync(join(output, 'report.html'), 'utf8');
    expect(page).toContain('cannot tell');
    expect(page).toContain('4.00x, no interval');
    expect(page).not.toContain('no difference shown');
  });

  it('of latencies of one run a side never decide alone, and repeats do', async () => {
    const server = { scenario: 'Server', settings: { effective: { targetQps: 5 } } };
    const one = (eachMs: number) => makeRun(place(), steady(300, eachMs), server);
    const { verdict, speed } = (await compare(one(10), one(2))).candidates[0]!;
    expect(speed[0]!.interval!.upper).toBeLessThan(1);
    expect(verdict.speed).toBe('cannot tell');
    expect(verdict.text).toMatch(
      /the variation between runs is not in it\) the ttft p50 of .* \(one run a side: cannot tell; 2 runs a side would/,
    );
    const repeats = await compare(repeat([10, 10.1, 9.9], server), repeat([2, 2.01, 2.02], server));
    expect(repeats.candidates[0]!.verdict.speed).toBe('faster');
  });

  it('of percentiles of one run a side say that they take samples as independent, wherever they are shown', async () => {
    const told = 'those of percentiles take samples as independent, and are too narrow where';
    const show = async (sides: readonly string[]) => {
      const output = place();
      const { stdout } = await callBench(
        ...['compare', ...sides, '--claim', 'tpot p50=5x', '--output', output, '--json'],
      );
      const { candidates } = JSON.parse(stdout) as Comparison;
      const shown = ['comparison.md', 'report.html'].map((name) =>
        readFileSync(join(output, name), 'utf8'),
      );
      shown.push((await callBench('compare', ...sides)).stdout);
      return { shown, candidate: candidates[0]! };
    };
    const single = await show([10, 2].map((eachMs) => makeRun(place(), steady(300, eachMs))));
    const drawn = single.candidate.speed.find(({ metric }) => metric === 'tpot p50')!;
    expect(drawn.interval!.method).toBe('percentile bootstrap of independent values');
    const [claim] = single.candidate.claims;
    for (const text of [...single.shown, claim!.reason]) {
      expect(text).toContain('the variation between runs is not in it');
      expect(text).toContain(told);
    }
    const repeats = await show([repeat([10, 10.1, 9.9]), repeat([2, 2.01, 2.02])]);
    for (const text of [...repeats.shown, repeats.candidate.claims[0]!.reason]) {
      expect(text).not.toContain('samples as independent');
    }
  });

  it('whose interval spans more than 100x are of too few repeats', async () => {
    const [slow, fast] = [repeat([10, 20]), repeat([8, 8.01])];
    const { candidates } = await compare(slow, fast);
    expect(candidates[0]!.verdict.speed).toBe('cannot tell');
    const { stdout } = await callBench('compare', slow, fast);
    expect(stdout).toContain('too few repeats: spans over 100x');
    expect(stdout).not.toMatch(/e-\dx/);
  });

  it('of repeats come from the scatter between runs', async () => {
    const { candidates } = await compare(repeat([10, 10.2, 9.9]), repeat([8, 8.1, 8.2]));
    const [tokens] = candidates[0]!.speed;
    expect(tokens!.ratio).toBeCloseTo((10 * 10.2 * 9.9) ** (1 / 3) / (8 * 8.1 * 8.2) ** (1 / 3), 9);
    expect(tokens!.interval!.method).toMatch(/Welch/);
  });

  it('of bytes that are counted are exact, however many runs there are', async () => {
    const holding = (weightBytes: number): Changes => {
      return { model: { weightBytes }, sut: { features: { plannedBytes: 4e9 } } };
    };
    for (const runs of [[10, 10.2, 9.9], [10]]) {
      const sides = [2e9, 1e9].map((bytes) => repeat(runs, holding(bytes)));
      const { candidates } = await compare(...sides);
      for (const [name, ratio] of [
        ['weights', 0.5],
        ['memory planned', 1],
      ] as const) {
        const found = candidates[0]!.speed.find(({ metric }) => metric === name);
        expect(found).toMatchObject({ interval: null, absentBecause: 'exact' });
        expect(found!.ratio).toBeCloseTo(ratio, 12);
      }
    }
    // Runs that differ have an interval.
    const mixed = place();
    for (const [i, plannedBytes] of [4e9, 4.1e9].entries()) {
      makeRun(join(mixed, `${i}`), steady(300, 10 + i / 10), {
        sut: { features: { plannedBytes } },
      });
    }
    const { candidates } = await compare(mixed, repeat([10, 10.1], holding(1e9)));
    const planned = candidates[0]!.speed.find(({ metric }) => metric === 'memory planned');
    expect(planned!.absentBecause).not.toBe('exact');
  });

  it('are of no single cause where a side mixes runs', async () => {
    const mixed = place();
    makeRun(join(mixed, 'a'), steady(300, 10));
    makeRun(join(mixed, 'b'), steady(300, 10), { sut: { maxBatch: 8 } });
    const { code, candidates } = await compare(mixed, repeat([9, 9.1]));
    expect(code).toBe(9);
    expect(candidates[0]!.comparability.reasons.join()).toContain('max batch: 1, 8');
  });

  it('of an INVALID run are refused with its reasons', async () => {
    const bad = makeRun(place(), steady(300, 9), { valid: false, invalidReasons: ['too short'] });
    const { code, candidates } = await compare(makeRun(place(), steady(300, 10)), bad);
    expect(code).toBe(9);
    expect(candidates[0]!.comparability.reasons).toEqual(['made is INVALID: too short']);
  });

  it('leave out a rate that was asked for', async () => {
    const server = { scenario: 'Server', settings: { effective: { targetQps: 5 } } };
    const { candidates } = await compare(
      makeRun(place(), steady(300, 10), server),
      makeRun(place(), steady(300, 9), server),
    );
    expect(candidates[0]!.speed.map(({ metric }) => metric)).not.toContain('tokens/s');
    expect(candidates[0]!.speed[0]!.metric).toBe('ttft p50');
  });
});

describe('quality', () => {
  const answers = (wrong: number) => (i: number) => ({ correct: i % 1000 >= wrong });

  it('pairs answers: McNemar and an interval of the difference in points', async () => {
    const baseline = makeRun(place(), makeSamples(2000, 1, answers(100)));
    const worse = makeRun(place(), makeSamples(2000, 1, answers(160)));
    const { candidates } = await compare(baseline, worse);
    const { quality, verdict } = candidates[0]!;
    expect(verdict.quality).toBe('worse');
    expect(quality.metrics[0]).toMatchObject({
      metric: 'accuracy',
      baseline: 90,
      candidate: 84,
      outcomes: { baselineOnly: 120, candidateOnly: 0 },
    });
    expect(quality.metrics[0]!.mcNemar!.midP).toBeLessThan(1e-30);
    expect(quality.worst).toHaveLength(10);
    expect(quality.worst[0]).toMatchObject({ baseline: 100, candidate: 0 });
  });

  it('is of the samples that both have, whichever side has more', async () => {
    // The samples that one side alone has would make it look better by far.
    const scores = (from: number) => (i: number) => ({
      rouge1: i < from ? 0.5 + (i % 3) / 100 : 1,
    });
    const [few, many] = [60, 200].map((count) =>
      makeRun(place(), makeSamples(count, 1, scores(60))),
    );
    for (const sides of [
      [few!, many!],
      [many!, few!],
    ]) {
      const { quality } = (await compare(...sides)).candidates[0]!;
      expect(quality.metrics[0]).toMatchObject({ samples: 60, difference: 0 });
      expect(quality.leftOut).toBe(140);
    }
  });

  it('holds what a margin allows, in points or as a share', async () => {
    const baseline = makeRun(place(), makeSamples(2000, 1, answers(100)));
    const same = makeRun(place(), makeSamples(2000, 1, answers(102)));
    const verdictWith = async (margin: string) =>
      (await compare(baseline, same, '--margin', margin)).candidates[0]!.verdict.quality;
    expect(await verdictWith('accuracy=-1.5')).toBe('as good');
    expect(await verdictWith('accuracy=-1%')).toBe('as good');
    expect(await verdictWith('accuracy=-0.01')).toBe('worse');
    const { stdout } = await callBench('compare', baseline, same, '--margin', 'accuracy=-7%');
    expect(stdout).toContain('(margin 7 %)');
  });

  it('says with which power a loss would have been seen, wherever one is told', async () => {
    const scores = (shift: number) => (i: number) => ({ rouge1: 0.4 + 0.01 * ((i + shift) % 7) });
    const sides = [0, 3].map((shift) => makeRun(place(), makeSamples(200, 1, scores(shift))));
    const output = join(folder, 'power');
    const { stdout } = await callBench('compare', ...sides, '--output', output);
    const told = /; a true loss of \d\.\d{2,4} points would have been seen with 80 % power/;
    expect(stdout).toMatch(told);
    expect(readFileSync(join(output, 'comparison.md'), 'utf8')).toMatch(told);
    const page = readFileSync(join(output, 'report.html'), 'utf8');
    expect(page).toContain('loss that would have been seen, with 80 % power');
  });
});

describe('the gate', () => {
  it('fails where a regression is shown, with JUnit and Markdown', async () => {
    const [junit, markdown] = [join(folder, 'gate.xml'), join(folder, 'gate.md')];
    const { code, candidates } = await compare(
      repeat([10, 10.05, 9.95, 10]),
      repeat([11.2, 11.25, 11.3, 11.2], { name: 'a <branch>' }),
      ...['--gate', 'speed=-3%,latency_p99=+5%', '--junit', junit, '--markdown', markdown],
    );
    expect(code).toBe(10);
    expect(candidates[0]!.gate.map(({ verdict }) => verdict)).toEqual(['regression', 'regression']);
    const xml = readFileSync(junit, 'utf8');
    expect(xml).toContain(
      '<testsuite name="a &lt;branch&gt;" tests="2" failures="2" errors="0" skipped="0">',
    );
    expect(readFileSync(markdown, 'utf8')).toContain('| speed | ❌ regression |');
  });

  it('passes what is shown to be within the margin', async () => {
    const { code, candidates } = await compare(
      ...[repeat([10, 10.02, 9.98, 10]), repeat([10.01, 10, 9.99, 10.02])],
      ...['--gate', 'speed=-3%'],
    );
    expect(code).toBe(0);
    expect(candidates[0]!.gate[0]).toMatchObject({ verdict: 'no regression', needed: null });
  });

  it('says what it would take where it cannot tell, with which power, wherever it is shown, and fails nothing', async () => {
    const [junit, output] = [join(folder, 'open.xml'), place()];
    const asked = [repeat([10, 11, 9]), repeat([10.5, 9.5, 11]), '--gate', 'speed=-3%'];
    const { code, candidates } = await compare(...asked, '--output', output, '--junit', junit);
    expect(code).toBe(0);
    const [{ verdict, needed } = { verdict: '', needed: '' }] = candidates[0]!.gate;
    expect(verdict).toBe('cannot tell');
    expect(needed).toMatch(/^\d+ runs a side for a power of 90 %$/);
    const files = [junit, join(output, 'comparison.md'), join(output, 'report.html')];
    const texts = files.map((file) => readFileSync(file, 'utf8'));
    for (const text of [...texts, (await callBench('compare', ...asked)).stdout]) {
      expect(text).toContain(needed);
    }
    const scored = (shift: number) =>
      makeRun(
        place(),
        makeSamples(60, 1, (i) => ({ rouge1: 0.4 + 0.02 * ((i + shift) % 7) })),
      );
    const scores = await compare(scored(0), scored(3), '--gate', 'rouge1=-0.5%');
    expect(scores.candidates[0]!.gate[0]!.needed).toMatch(
      /^\d+ samples, if both answer as well, for a power of 80 %$/,
    );
    const single = await compare(repeat([10]), repeat([12]), '--gate', 'speed=-3%');
    expect(single.candidates[0]!.gate[0]!.verdict).toBe('cannot tell');
    expect(single.candidates[0]!.gate[0]!.reason).toMatch(/at least 2 a side/);
  });

  it('and the intervals of several candidates share alpha: each is judged at its part', async () => {
    const runs = [10, 10.4, 9.7, 10.2];
    const [base, slower, same] = [repeat(runs), repeat([10.6, 10.9, 10.2, 10.6]), repeat(runs)];
    const gate = ['--gate', 'speed=-0.1%', '--alpha', '0.04'];
    const [alone] = (await compare(base, slower, ...gate)).candidates;
    const { candidates, alpha } = await compare(base, slower, same, ...gate);
    expect(alpha).toBe(0.04);
    expect(alone!.speed[0]!.interval!.confidence).toBeCloseTo(0.96, 12);
    for (const { speed } of candidates) {
      expect(speed[0]!.interval!.confidence).toBeCloseTo(0.98, 12);
    }
    // Its p-value lies between: shown alone, not as one of two.
    const [one, among] = [alone!.gate[0]!, candidates[0]!.gate[0]!];
    expect(one.pValue).toBeCloseTo(among.pValue!, 12);
    expect(one.pValue).toBeGreaterThan(0.02);
    expect(one.pValue).toBeLessThan(0.04);
    expect([one.verdict, among.verdict]).toEqual(['regression', 'cannot tell']);
    expect(among.reason).toContain('98 % one-sided');
  });
});

describe('the page of a comparison', () => {
  it("is one file without scripts, whose figures are comparison.json's, tagged and as they are read", async () => {
    const output = join(folder, 'page');
    const hostile = { name: '<img src=x onerror=alert(1)>' };
    const answers = (wrong: number) => (i: number) => ({ correct: i % 10 >= wrong });
    const baseline = makeRun(place(), makeSamples(400, 10, answers(1)));
    const candidate = makeRun(place(), makeSamples(400, 8, answers(2)), hostile);
    await callBench('compare', baseline, candidate, '--output', output);
    const page = readFileSync(join(output, 'report.html'), 'utf8');
    const comparison = JSON.parse(readFileSync(join(output, 'comparison.json'), 'utf8'));
    expect(checkFigures(page, comparison)).toBeGreaterThan(30);
    expect(page).not.toMatch(/<script|<img/);
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(page.length).toBeLessThan(1.5e6);
  });
});

describe('the command line', () => {
  it.each([
    [[], 'there are no runs; allowed: two or more, the baseline first'],
    [['RUN'], 'there is one run; allowed: two or more'],
    [['RUN', 'nowhere'], 'nowhere: it does not exist; allowed: a run'],
    [['RUN', 'EMPTY'], 'there is no run.json in it or one level below'],
    [['RUN', 'RUNGS'], 'a folder of runs: "RUNGS/base", "RUNGS/weights" in it'],
    [
      ['LADDER', 'SWEEP'],
      'LADDER: it is a ladder (ladder.json), not a run; allowed: its rungs, "LADDER/base", "LADDER/weights"\n',
    ],
    [
      ['LADDER', 'SWEEP'],
      'SWEEP: it is a sweep (sweep.json), not a run; allowed: its points, "SWEEP/p0", "SWEEP/p1", "SWEEP/p2", "SWEEP/p3" and 2 more\n',
    ],
    [['RUN', 'LADDER/ladder.json'], 'ladder.json: it is a ladder (ladder.json), not a run'],
    [['RUN', 'COMPARED'], 'COMPARED: it is a comparison (comparison.json), not a run; allowed'],
    [['RUN', 'BROKEN'], String.raw`is not JSON: Unexpected token 'o', "no\n\nJSON"`],
    [['RUN', 'RUN', '--alpha', '0.7'], '--alpha: is "0.7"; allowed: more than 0'],
    [['RUN', 'RUN', '--gate', 'speed=+3%'], 'allows a change for the better; allowed: speed=-3%'],
    [['RUN', 'RUN', '--gate', 'sped=-3%'], '"sped=-3%" is no rule; allowed: NAME=CHANGE'],
    [['RUN', 'RUN', '--gate', 'speed=-3'], 'has no %; allowed: speed=-3%'],
    [['RUN', 'RUN', '--margin', 'speed=-3%'], '"speed" is a speed; allowed: scores'],
    [['RUN', 'RUN', '--claim', 'tokens/s=fast'], 'is no claim; allowed: METRIC=5.4%'],
    [['RUN', 'RUN', '--gate', 'speed=-3%,speed=-5%'], 'has speed twice; allowed: once'],
    [
      ['RUN', 'RUN', '--junit', 'x.xml'],
      '--junit: has nothing to report; allowed: together with --gate or',
    ],
  ])('%j is refused', async (argv, message) => {
    const one = makeRun(place(), steady(30, 10));
    const [empty, broken] = [mkdtempSync(join(folder, 'empty-')), join(folder, 'broken.json')];
    writeFileSync(broken, 'no\n\nJSON');
    const names: Readonly<Record<string, string>> = {
      ...{ RUN: one, EMPTY: empty, BROKEN: broken },
      RUNGS: placeRuns(null, 'base', 'weights'),
      LADDER: placeRuns('ladder.json', 'base', 'weights'),
      SWEEP: placeRuns('sweep.json', ...Array.from({ length: 6 }, (_, i) => `p${i}`)),
      COMPARED: placeRuns('comparison.json'),
    };
    const paths = argv.map((word) => word.replace(/^[A-Z]+/, (name) => names[name] ?? name));
    const { code, stderr } = await callBench('compare', ...paths);
    const told = Object.entries(names).reduce(
      (text, [name, path]) => text.replaceAll(path, name),
      stderr,
    );
    expect(told).toContain(message);
    expect(code).toBe(2);
  });

  it.each([
    ['sut.devices', { sut: { devices: null } }],
    ['sut.kernels', { sut: { kernels: null } }],
    ['invalidReasons', { valid: false, invalidReasons: {} }],
    ['remarks', { remarks: 'none' }],
    ['system.gpus', { system: { gpus: {} } }],
  ])('a run.json whose %s somebody has edited is refused by that name', async (field, changes) => {
    const edited = makeRun(place(), steady(30, 10), changes);
    const { code, stderr } = await callBench('compare', makeRun(place(), steady(30, 10)), edited);
    expect(stderr).toContain(`"${edited}": has no usable ${field}; allowed: what bench run wrote`);
    expect(code).toBe(2);
  });

  it('refuses a folder that cannot be, before anything is compared', async () => {
    const sides = [10, 9].map((ms) => makeRun(place(), steady(30, ms)));
    for (const [path, message] of [
      ['/proc/x', '"/proc/x" cannot be made: '],
      [join(sides[0]!, 'run.json'), 'is a file; allowed: a folder, there already or not'],
    ] as const) {
      const { code, stdout, stderr } = await callBench('compare', ...sides, '--output', path);
      expect(stderr).toMatch(/^bench: --output: /);
      expect(stderr).toContain(message);
      expect([code, stdout]).toEqual([2, '']);
    }
  });
});

describe('claims', () => {
  const taking = (ms: number) =>
    makeRun(place(), [{ id: 'a', firstTokenMs: 1000, latencyMs: 1000 + 9 * ms }]);

  it.each([
    ['tpot p50=2.21x', true],
    ['tpot p50=54.8%', true],
    ['tpot p50=2.2x', true],
    ['tpot p50=2.22x', false],
    ['tpot p50=2.21%', false],
    ['tpot p50=54%', false],
    ['tpot p50=1.55x', false],
  ])('of a time: %s of 21.91 to 9.91 ms', async (claim, holds) => {
    const { code, candidates } = await compare(taking(21.91), taking(9.91), '--claim', claim);
    expect(candidates[0]!.claims[0]!.verdict).toBe(holds ? 'holds' : 'does not follow');
    expect(code).toBe(holds ? 0 : 10);
  });

  it('hold where the interval shows a gain and has the claim in it: noise alone makes none hold', async () => {
    const judge = async (baseline: number[], candidate: number[], claim: string) => {
      const sides = [repeat(baseline), repeat(candidate)];
      const { code, candidates } = await compare(...sides, '--claim', `tokens/s=${claim}`);
      return { code, ...candidates[0]!.claims[0]! };
    };
    const noisy = await judge([10, 12, 9, 11], [11.5, 10, 13, 9], '5%');
    expect(noisy).toMatchObject({ code: 0, verdict: 'cannot tell' });
    expect(noisy.measured).toBeLessThan(0);
    expect(noisy.reason).toMatch(
      / is -\S+ % \(-\S+ % to \S+ %\); claimed 5 %, which the interval has in it, and no change too$/,
    );
    const [slow, fast] = [
      [10, 10.1, 9.9, 10],
      [8, 8.05, 7.95, 8],
    ];
    expect(await judge(slow, fast, '25%')).toMatchObject({ code: 0, verdict: 'holds' });
    // No change is left out, and so is the claim.
    expect(await judge(slow, fast, '50%')).toMatchObject({ code: 10, verdict: 'does not follow' });
    // No change is in it, the claim is not.
    const equal = await judge(slow, [10.05, 9.9, 10, 10.1], '30%');
    expect(equal).toMatchObject({ code: 10, verdict: 'does not follow' });
  });

  it('are answered in what was claimed', async () => {
    const sides = [repeat([10, 10.1, 9.9]), repeat([2, 2.01, 1.99])];
    const asked = ['--claim', 'tokens/s=38x', '--claim', 'tokens/s=5.0x', '--claim', 'tpot p50=5x'];
    const junit = join(folder, 'claims.xml');
    const { candidates } = await compare(...sides, ...asked, '--junit', junit);
    const xml = readFileSync(junit, 'utf8');
    expect(xml).toContain('tests="3" failures="1" errors="0" skipped="0">');
    expect(xml).toMatch(/name="claim tokens\/s: 38x"><failure message="from .*; claimed 38x"\/>/);
    expect(xml).toContain('name="claim tokens/s: 5.0x"/>');
    const reasons = candidates[0]!.claims.map(({ reason }) => reason);
    expect(reasons[0]).toMatch(/ tokens\/s is 5x \(4\.\d+x to 5\.\d+x\); claimed 38x$/);
    expect(reasons[1]).toMatch(/; claimed 5\.0x$/);
    expect(reasons[2]).toMatch(/ ms is 5x \(4\.\d+x to 5\.\d+x\); claimed 5x$/);
  });

  it('of runs that cannot be compared cannot be told', async () => {
    const bad = makeRun(place(), steady(300, 9), { valid: false, invalidReasons: ['too short'] });
    const sides = [makeRun(place(), steady(300, 10)), bad];
    const [output, junit] = [join(folder, 'claimed'), join(folder, 'claimed.xml')];
    const { code, candidates } = await compare(
      ...[...sides, '--claim', 'tokens/s=38x', '--output', output],
      ...['--gate', 'speed=-3%', '--junit', junit],
    );
    expect(code).toBe(9);
    const xml = readFileSync(junit, 'utf8');
    expect(xml).toContain('tests="3" failures="0" errors="1" skipped="2">');
    expect(xml).toContain('name="comparable"><error message="made is INVALID: too short"/>');
    expect(xml).toContain('name="claim tokens/s: 38x"><skipped message="not comparable: ');
    expect(candidates[0]!.claims[0]).toMatchObject({
      verdict: 'cannot tell',
      reason: 'not comparable: made is INVALID: too short',
    });
    const { stdout } = await callBench('compare', ...sides, '--claim', 'tokens/s=38x');
    expect(stdout).toMatch(/Claims\n {2}tokens\/s +cannot tell +not comparable: /);
    expect(readFileSync(join(output, 'comparison.md'), 'utf8')).toContain('| cannot tell |');
    expect(readFileSync(join(output, 'report.html'), 'utf8')).toContain('tokens/s: cannot tell');
  });
});
