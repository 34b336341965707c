// The tokens of two sides: shares, positions and the median on samples of known tokens, in every form a comparison has; and
// why where there are none.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgreementComparison } from '../../../harness/compare/agreement.js';
import type { Comparison } from '../../../harness/compare/comparison.js';
import { callBench } from '../bench-call.js';
import { checkFigures, figuresOf } from '../report/html/page-figures.js';
import { type MadeSample, makeRun } from './made-runs.js';

let folder = '';
let places = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-agreement-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Ten tokens a sample; those that part do so at position `3 + i % 5`, and from there on differ every other token. */
const samples = (count: number, parts: (i: number) => boolean, changes: Partial<MadeSample> = {}) =>
  Array.from({ length: count }, (_, i): MadeSample => {
    const tokens = Array.from({ length: 10 }, (_token, at) => {
      const isOther = parts(i) && at >= 3 + (i % 5) && (at - 3 - (i % 5)) % 2 === 0;
      return isOther ? 900 + at : 100 + at;
    });
    const output = tokens.join(' ');
    return {
      id: `s${i}`,
      latencyMs: 10 * (i + 1),
      scores: { rouge1: 1 },
      tokens,
      output,
      ...changes,
    };
  });

const side = (made: readonly MadeSample[]) => makeRun(join(folder, `side-${places++}`), made);

async function agree(baseline: string, candidate: string): Promise<AgreementComparison> {
  const { stdout, stderr } = await callBench('compare', baseline, candidate, '--json');
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as Comparison).candidates[0]!.agreement;
}

describe('tokens of both sides', () => {
  it('are compared sample by sample and position by position, with intervals', async () => {
    const [from, to] = [side(samples(100, () => false)), side(samples(100, (i) => i % 4 === 0))];
    const { summary, intervals, byPosition, leftOut, absentBecause } = await agree(from, to);
    expect({ leftOut, absentBecause }).toEqual({ leftOut: 0, absentBecause: null });
    // 25 part, five at each of the positions 3 to 7, with 4, 3, 3, 2 and 2 other tokens.
    expect(summary).toMatchObject({
      samples: 100,
      exactShare: 0.75,
      tokenShare: 0.93,
      firstDivergence: { min: 3, p50: 5, max: 7 },
    });
    expect(byPosition.map(({ togetherShare }) => Math.round(100 * togetherShare))).toEqual([
      100, 100, 100, 95, 90, 85, 80, 75, 75, 75,
    ]);
    expect(byPosition[3]).toMatchObject({ from: 3, to: 4, positions: 100, equalShare: 0.95 });
    // Wilson's of 75 in 100; ranks 8 and 18 of 25 for the median (Conover's table), each position five ranks wide.
    expect(intervals.exactShare!.lower).toBeCloseTo(0.656955, 6);
    expect(intervals.exactShare!.upper).toBeCloseTo(0.824548, 6);
    expect(intervals.firstDivergence).toMatchObject({ lower: 4, upper: 6, confidence: 0.95 });
    expect(intervals.tokenShare!.lower).toBeLessThan(summary!.tokenShare);
    expect(intervals.tokenShare!.upper).toBeGreaterThan(summary!.tokenShare);
  });

  it('stand in the text, in Markdown and on the page', async () => {
    const [from, to] = [side(samples(100, () => false)), side(samples(100, (i) => i % 4 === 0))];
    const output = join(folder, 'shown');
    const { stdout } = await callBench('compare', from, to, '--output', output);
    expect(stdout).toMatch(/^Tokens, 100 samples +interval$/m);
    expect(stdout).toMatch(/^identical answers +75\.00 % +65\.70 % to 82\.45 %$/m);
    expect(stdout).toMatch(/^first difference, median of the 25 that part +position 5 +4 to 6$/m);
    const markdown = readFileSync(join(output, 'comparison.md'), 'utf8');
    expect(markdown).toContain('| identical answers | 75.00 % | 65.70 % to 82.45 % |');
    const page = readFileSync(join(output, 'report.html'), 'utf8');
    checkFigures(page, JSON.parse(readFileSync(join(output, 'comparison.json'), 'utf8')));
    const shown = new Set(figuresOf(page).map(({ field }) => field));
    for (const field of [
      'summary.exactShare',
      'summary.tokenShare',
      'summary.firstDivergence.p50',
      'intervals.exactShare.lower',
      'intervals.firstDivergence.upper',
    ]) {
      expect(shown).toContain(`candidates.0.agreement.${field}`);
    }
    expect(page).toContain('<title>Agreement along the answers</title>');
  });

  it('may all be the same, and only those of both sides count', async () => {
    const [from, to] = [side(samples(60, () => false)), side(samples(80, () => false))];
    const { summary, intervals, leftOut } = await agree(from, to);
    expect(summary).toMatchObject({ samples: 60, exactShare: 1, firstDivergence: null });
    expect(leftOut).toBe(20);
    expect(intervals.exactShare!.lower).toBeLessThan(1);
    expect([intervals.tokenShare, intervals.firstDivergence]).toEqual([null, null]);
  });
});

describe('where tokens cannot be compared it says why', () => {
  const plain = () => samples(20, () => false);

  it('without an accuracy pass, without its log, or with a damaged one', async () => {
    const unscored = plain().map(({ scores: _, ...sample }) => sample);
    expect((await agree(side(unscored), side(plain()))).absentBecause).toMatch(
      /has no samples of an accuracy pass/,
    );
    const logless = side(plain().map(({ tokens: _, ...sample }) => sample));
    expect((await agree(logless, side(plain()))).absentBecause).toMatch(
      /has no .*mlperf_log_accuracy\.json, where the tokens are$/,
    );
    const damaged = side(plain());
    writeFileSync(join(damaged, 'accuracy', 'mlperf_log_accuracy.json'), '[{"seq_id":0}]');
    expect((await agree(side(plain()), damaged)).absentBecause).toMatch(
      /record 1 qsl_idx is missing/,
    );
  });

  it('of choices, and of other vocabularies', async () => {
    const choices = samples(20, () => false, { scores: { correct: true } });
    expect((await agree(side(choices), side(choices))).absentBecause).toBe(
      'answers are choices, not tokens',
    );
    const others = samples(20, () => false, { output: 'in another tongue' });
    expect((await agree(side(plain()), side(others))).absentBecause).toBe(
      'the same tokens are other texts (sample s0): the vocabularies are not the same',
    );
  });

  it('and of other work once, with the scores', async () => {
    const other = makeRun(join(folder, 'other'), plain(), { dataset: { digest: 'e'.repeat(64) } });
    const { stdout } = await callBench('compare', side(plain()), other);
    expect(stdout).toContain('Quality was not compared: dataset');
    expect(stdout).not.toContain('Tokens were not compared');
  });
});
