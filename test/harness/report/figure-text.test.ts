// One rule of digits: what it makes of figures, and that a terminal, Markdown and a page show the same of one comparison.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatFigure, formatPercent, roundFigure } from '../../../harness/report/figure-text.js';
import { formatNumber, formatShare } from '../../../harness/report/html/number-text.js';
import { callBench } from '../bench-call.js';
import { makeRun, makeSamples } from '../compare/made-runs.js';
import { figuresOf } from './html/page-figures.js';

/** Without what sets a page's digits apart. */
const bare = (text: string) => text.replaceAll('\u202f', '').replaceAll('\u00a0', ' ');

describe('digits', () => {
  it.each([
    [0, '0'],
    [12, '12'],
    [0.000123456, '0.0001235'],
    [5.12345, '5.123'],
    [-42.8765, '-42.88'],
    [999.96, '1000'],
    [1234.5678, '1235'],
    [1234567, '1234567'],
  ])('of %d are %s', (value, text) => {
    expect(roundFigure(value)).toBe(text);
    expect(formatFigure(value)).toBe(text);
    expect(bare(formatNumber(value))).toBe(text);
  });

  it.each([
    [0, '0 %'],
    [0.4567, '45.7 %'],
    [0.45, '45 %'],
    [1, '100 %'],
    [1.2345, '123 %'],
    // Of 10,000 samples 4 were too late.
    [0.9996, '99.96 %'],
    [0.999996, '99.9996 %'],
  ])('of the share %d are %s, never the whole of what is less', (share, text) => {
    expect(formatPercent(share)).toBe(text);
    expect(bare(formatShare(share))).toBe(text);
  });

  it('of what was not measured are none', () => {
    expect(formatFigure(null)).toBe('-');
    expect([formatNumber(null), formatShare(null)]).toEqual(['none', 'none']);
  });
});

describe('a comparison', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loadmark-figures-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('shows the same figures in a terminal, in Markdown and on its page', async () => {
    const scores = (shift: number) => (i: number) => ({
      rouge1: 0.0512 + 0.00137 * ((i + shift) % 7),
    });
    const sides = [0, 3].map((shift) =>
      makeRun(join(folder, `run-${shift}`), makeSamples(200, 0.3 + shift / 70, scores(shift))),
    );
    const output = join(folder, 'compared');
    const { stdout } = await callBench('compare', ...sides, '--output', output);
    const markdown = readFileSync(join(output, 'comparison.md'), 'utf8');
    const page = readFileSync(join(output, 'report.html'), 'utf8');
    const shown = figuresOf(page).filter(({ field }) =>
      /\.(speed|quality\.metrics)\.\d+\.(baseline|candidate|judgement\.detectableLoss)$/.test(
        field,
      ),
    );
    // Of rates, times, bytes and a score, both sides, and of the score what would have been seen.
    expect(shown.length).toBeGreaterThan(20);
    for (const { field, text } of shown) {
      if (text === 'none') continue;
      const words = (told: string) => told.split(/[\s|]+/);
      const [figure = ''] = bare(text).split(' ');
      expect([field, figure, words(stdout).includes(figure)]).toEqual([field, figure, true]);
      expect([field, figure, words(markdown).includes(figure)]).toEqual([field, figure, true]);
    }
  });
});
