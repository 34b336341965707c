// The pages of a ladder and of sweeps: verdict first, every figure is the record's, drawings say what the tables say, and
// `bench report` makes them again.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatRatio } from '../../../../harness/compare/change.js';
import type { Ladder } from '../../../../harness/ladder/ladder.js';
import { formatNumber } from '../../../../harness/report/html/number-text.js';
import type { RunRecord } from '../../../../harness/run-record.js';
import type { Sweep } from '../../../../harness/sweep/sweep.js';
import { callBench } from '../../bench-call.js';
import {
  concurrencySweep,
  makeGrid,
  makeLadder,
  makeSweep,
  rateSweep,
} from './made-experiments.js';
import { readPage } from './made-runs.js';
import { checkFigures, checkSelfContained, figuresOf } from './page-figures.js';

let folder = '';
let ladder = '';
let rates = '';
let loop = '';
let grid = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-experiment-pages-'));
  ladder = await makeLadder(folder);
  rates = await makeSweep(folder, 'rates', rateSweep);
  loop = await makeSweep(folder, 'loop', concurrencySweep);
  grid = await makeGrid(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const readJson = <T>(place: string, name: string) =>
  JSON.parse(readFileSync(join(place, name), 'utf8')) as T;
const readLadder = () => readJson<Ladder>(ladder, 'ladder.json');
const readSweep = (place: string) => readJson<Sweep>(place, 'sweep.json');

/** A drawing's texts, by its title. */
function drawingOf(page: string, title: string): string {
  const start = page.indexOf(`<title>${title}`, page.indexOf('<main>'));
  expect([title, start > 0]).toEqual([title, true]);
  return page.slice(start, page.indexOf('</svg>', start));
}

it('each is one small file that runs nothing and asks for nothing', () => {
  for (const place of [ladder, rates, loop, grid]) checkSelfContained(readPage(place));
});

describe('the page of a ladder', () => {
  it('shows the figures of ladder.json, to the last digit, each with its place there', () => {
    const record = readLadder();
    expect(checkFigures(readPage(ladder), record)).toBeGreaterThan(150);
    const shown = new Set(figuresOf(readPage(ladder)).map(({ field }) => field));
    for (const k of record.steps.keys()) {
      for (const side of ['before', 'sinceBase']) {
        for (const figure of ['main.ratio', 'main.interval.lower', 'main.interval.upper']) {
          expect(shown).toContain(`steps.${k}.${side}.${figure}`);
        }
      }
      expect(shown).toContain(`steps.${k}.before.quality.metrics.0.difference`);
      if (k > 0) expect(shown).toContain(`steps.${k}.interaction.interval.upper`);
    }
    expect(shown).toContain('whole.main.interval.lower');
  });

  it('says first what the whole gave and cost, and which interaction is left over', () => {
    const { whole } = readLadder();
    const page = readPage(ladder);
    const verdict = page.slice(page.indexOf('<main>'), page.indexOf('<h2>'));
    expect(verdict).toContain(
      `<p class="verdict-title">${formatRatio(whole.main!.ratio!)} tokens/s</p>`,
    );
    expect(verdict).toContain('class="verdict good"');
    expect(verdict).toContain('<strong>\u2717 worse</strong> <span>in quality');
    expect(verdict).toContain('<strong>kv-cache</strong> <span>INTERACTION: gives more after');
    expect(verdict).not.toContain('<strong>batching</strong>');
  });

  it('draws each step with its interval, and names the levels', () => {
    const { steps, whole, simultaneous } = readLadder();
    const page = readPage(ladder);
    const gains = drawingOf(page, 'What each step gave: tokens/s');
    for (const { main } of [...steps.map(({ before }) => before), whole]) {
      const { lower, upper } = main!.interval!;
      expect(gains).toContain(
        `${formatRatio(main!.ratio!)} (${formatRatio(lower)} to ${formatRatio(upper)})`,
      );
    }
    const cost = drawingOf(page, 'What each step cost: rouge1');
    for (const { name, before } of steps) {
      expect(cost).toContain(`>${name}</text>`);
      expect(cost).toContain(before.quality!.metrics[0]!.difference.toFixed(2));
    }
    expect(simultaneous).toEqual({
      method: 'Bonferroni',
      steps: { count: 4, alphaEach: 0.0125 },
      interactions: { count: 2, alphaEach: 0.025 },
    });
    // The whole is one of them: the same contrast has one interval, wherever it stands.
    expect(whole.main!.interval).toEqual(steps.at(-1)!.sinceBase.main!.interval);
    for (const { before, alone } of steps) {
      expect(before.main!.interval!.confidence).toBeCloseTo(0.9875, 12);
      expect(before.quality!.metrics[0]!.interval!.confidence).toBeCloseTo(0.975, 12);
      if (alone !== steps[0]!.alone) expect(alone!.main!.interval!.confidence).toBe(0.975);
    }
    for (const told of [
      'ratios of the 3 steps and of the whole are at 98.75 % each, so that all 4 hold together at 95 % (Bonferroni: of 4 at 95 % each, one is more often off), over repeats',
      'of 2 factors alone, and of interactions, at 97.5 % each, likewise',
      'scores, paired by sample, at 97.5 % (each bound at 98.75 %)',
      '<th scope="col" class="text">interval, 98.75 %</th>',
    ]) {
      expect(page).toContain(told);
    }
    expect(page).toContain('engine.page_tokens');
  });
});

describe('the page of a sweep', () => {
  it('shows the figures of sweep.json, to the last digit, each with its place there', () => {
    for (const place of [rates, loop, grid]) {
      const record = readSweep(place);
      const page = readPage(place);
      checkFigures(page, record);
      const shown = new Set(figuresOf(page).map(({ field }) => field));
      for (const i of record.points.keys()) {
        for (const figure of [
          'tokensPerSecond',
          'samplesPerSecond',
          'ttftMs.p90',
          'latencyMs.p99',
        ]) {
          expect(shown).toContain(`points.${i}.${figure}`);
        }
        const ofLimits = [
          'slo.0.attainment',
          'sloVerdict.samplesToTell',
          'sloVerdict.limits.ttft.upper',
          'sloVerdict.limits.tpot.effectiveSamples',
        ];
        for (const figure of ofLimits) {
          expect(shown.has(`points.${i}.${figure}`)).toBe(record.goodput !== null);
        }
      }
      for (const figure of ['rate', 'outsideRate', 'measuredRate', 'validRate']) {
        expect(shown.has(`goodput.${figure}`)).toBe(record.goodput !== null);
      }
    }
  });

  it('gives every figure of repeats an interval, by t on their logarithms', () => {
    const page = readPage(grid);
    for (const { path, intervals, tokensPerSecond } of readSweep(grid).points) {
      const logs = [1, 2, 3].map((repeat) => {
        const run = readJson<RunRecord>(join(path, `run-${repeat}`), 'run.json');
        return Math.log(run.performance!.tokensPerSecond!);
      });
      const mean = (logs[0]! + logs[1]! + logs[2]!) / 3;
      const squares = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0);
      // Student's t of 2 degrees of freedom at 97.5 %, from tables.
      const reach = 4.302653 * Math.sqrt(squares / 2 / 3);
      const { lower, upper } = intervals.tokensPerSecond!;
      expect(Math.log(lower)).toBeCloseTo(mean - reach, 7);
      expect(Math.log(upper)).toBeCloseTo(mean + reach, 7);
      expect(Math.log(tokensPerSecond!)).toBeCloseTo(mean, 12);
      expect(page).toContain(`intervals.tokensPerSecond.lower" data-value="${lower}"`);
      expect(page).toContain(`>${formatNumber(upper)}</data></small>`);
    }
  });

  it('draws every point at its place, names it, and joins the Pareto set', () => {
    for (const place of [rates, loop, grid]) {
      const { points, axes } = readSweep(place);
      const page = readPage(place);
      const drawing = drawingOf(page, `${axes.throughput} against ${axes.latency}`);
      expect(drawing.match(/<circle/g)).toHaveLength(points.length);
      const table = page.slice(page.indexOf(drawing) + drawing.length);
      for (const { settings, tokensPerSecond } of points) {
        const name = Object.values(settings).join(', ');
        const rows = table.slice(0, table.indexOf('</table>'));
        expect(rows).toContain(`<th scope="row" class="text">${name}</th><td class="number">`);
        expect(rows).toContain(`<td class="number">${formatNumber(tokensPerSecond)}</td></tr>`);
      }
      const front = points.filter(({ pareto }) => pareto?.class === 'frontier').length;
      const [, path = ''] = /<path class="line s1" d="([^"]*)"/.exec(drawing) ?? [];
      expect(path.match(/[ML]/g)).toHaveLength(front);
    }
  });

  it('draws the limits, and says first which load is the highest inside them', () => {
    for (const [place, load] of [
      [rates, 'rate'],
      [loop, 'concurrency'],
    ] as const) {
      const { goodput } = readSweep(place);
      const page = readPage(place);
      const limited = drawingOf(page, `ttft p99 over the ${load}`);
      expect(limited).toContain('limit 500\u00a0ms');
      expect(limited).toContain(`shown inside: ${goodput!.highestInside}`);
      expect(limited).toContain(`shown outside: ${goodput!.lowestOutside}`);
      expect(drawingOf(page, `tpot p99 over the ${load}`)).toContain('limit 20\u00a0ms');
      const verdict = page.slice(page.indexOf('<main>'), page.indexOf('<h2>'));
      const { highestInside, lowestOutside } = goodput!;
      const unit = load === 'rate' ? 'queries/s' : 'in flight';
      expect(verdict).toContain(
        `<p class="verdict-title">${highestInside} to ${lowestOutside} ${unit}</p>`,
      );
      expect(verdict).toContain(
        'shown outside (ttft p99 up to 500 ms, tpot p99 up to 20 ms, at 99 % confidence a load)',
      );
    }
    expect(readPage(grid)).toMatch(
      /<p class="verdict-title">\d of 4 points on the Pareto frontier<\/p>/,
    );
  });
});

describe('what runs remark of themselves', () => {
  const listOf = (page: string) => {
    const list = /<ul class="notes remarks">(.*?)<\/ul>/s.exec(page)?.[1] ?? '';
    return [...list.matchAll(/<li>(.*?)<\/li>/gs)].map(([, item]) => item!);
  };

  it('stands once on the page of a sweep, with the points it is of', () => {
    expect(listOf(readPage(loop))).toEqual([
      expect.stringMatching(/^all: SCRIPTED: no measurement: /),
      expect.stringMatching(/^all: SIMULATED: every time below is of the virtual clock/),
      ...[4, 16, 32, 64].map((load) =>
        expect.stringMatching(`^concurrency=${load}: ${load} queries in flight: a closed loop`),
      ),
    ]);
  });

  it('stands once on the page of a ladder and in its text, with the steps it is of', async () => {
    const place = join(folder, 'remarked');
    const throttled = 'GPU 0 was throttled';
    const output = await makeLadder(place, ({ engine }) =>
      engine.maxBatch === 64 ? [throttled, 'late'] : ['late'],
    );
    const record = readJson<Ladder>(output, 'ladder.json');
    // The base and threads have no batch of 64, nor have pages alone.
    expect(record.remarks.filter(({ remark }) => !remark.startsWith('S'))).toEqual([
      { remark: 'late', of: expect.any(Array), isOfAll: true },
      { remark: throttled, of: ['batching', 'kv-cache', 'batching alone'], isOfAll: false },
    ]);
    expect(listOf(readPage(output))).toEqual([
      'all: late',
      `batching, kv-cache, batching alone: ${throttled}`,
    ]);
  });
});

describe('bench report', () => {
  it('makes the same pages again, from the folder and from the record', async () => {
    for (const [place, name] of [
      [ladder, 'ladder.json'],
      [grid, 'sweep.json'],
    ] as const) {
      const before = readPage(place);
      writeFileSync(join(place, 'report.html'), '');
      const call = await callBench('report', place);
      expect(call).toEqual({ code: 0, stdout: `${join(place, 'report.html')}\n`, stderr: '' });
      expect(readPage(place)).toBe(before);
      const other = join(folder, 'other.html');
      await callBench('report', join(place, name), '--output', other);
      expect(readFileSync(other, 'utf8')).toBe(before);
    }
  });

  it.each([
    ['', 'holds no record; allowed: the folder of a run, a ladder, a sweep or a comparison'],
    ['nowhere', 'does not exist; allowed: the folder of a run, a ladder, a sweep or a comparison'],
  ])('says of what it is made where there is no record: %j', async (name, message) => {
    const empty = mkdtempSync(join(folder, 'empty-'));
    const call = await callBench('report', join(empty, name));
    expect(call).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(message) });
  });

  it('refuses a record of another version, or none, before it writes anything', async () => {
    const { simultaneous: _, ...older } = readLadder();
    const broken = join(folder, 'ladder.json');
    for (const [text, message] of [
      [JSON.stringify(older), 'has no usable simultaneous; allowed: what this version writes'],
      [
        '{"schema":"loadmark/sweep/1"}',
        'schema is "loadmark/sweep/1"; allowed: loadmark/ladder/2, loadmark/sweep/2',
      ],
      [
        '{"schema":"loadmark/ladder/9"}',
        'schema is "loadmark/ladder/9"; allowed: loadmark/ladder/2',
      ],
      ['{', 'is not JSON'],
      [JSON.stringify({ ...readLadder(), steps: [{}] }), 'has no usable steps[0].name; allowed'],
      [
        JSON.stringify({ ...readLadder(), rungs: [] }),
        'has a field that is not usable (Cannot read properties of undefined',
      ],
      [
        '{"schema":"loadmark/sweep/2","points":[{"settings":{},"invalidReasons":[]}]}',
        'has no usable points[0].ttftMs; allowed',
      ],
      [
        '{"schema":"loadmark/comparison/1","sides":[],"factors":[],"candidates":[null]}',
        'has no usable candidates[0]; allowed',
      ],
    ] as const) {
      writeFileSync(broken, text);
      const call = await callBench('report', broken);
      expect(call).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(message) });
    }
  });
});
