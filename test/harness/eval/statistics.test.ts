// Are errors of perplexities what lm_eval's own bootstrap comes to? It prints none for them; make_stderr.py asked it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { estimateLoss, toPerplexity } from '../../../harness/eval/statistics.js';

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../golden/lm-eval/stderr.json'), 'utf8'),
) as {
  readonly iters: number;
  readonly cases: readonly {
    readonly items: readonly (readonly [number, number])[];
    readonly perplexity: number;
    readonly perplexityStderr: number;
    readonly bits: number;
    readonly bitsStderr: number;
  }[];
};

test.each(golden.cases.map((golden) => [golden.items.length, golden] as const))(
  '%i pages',
  (pages, { items, perplexity, perplexityStderr, bits, bitsStderr }) => {
    const loss = estimateLoss(items.map(([logProb, weight]) => ({ logProb, weight })));
    const ours = toPerplexity(loss);
    expect(ours.value).toBeCloseTo(perplexity, 9);
    expect(loss.value / Math.LN2).toBeCloseTo(bits, 9);
    // A bootstrap draws from n pages as if they were all: its error is that of n, ours of n - 1.
    const bessel = Math.sqrt(pages / (pages - 1));
    // Drawn so often it is off by 0.5 %; the rule leaves out what falls with 1/n.
    const allowed = 3 / Math.sqrt(2 * golden.iters) + 1 / pages;
    expect(Math.abs(ours.stderr! / (perplexityStderr * bessel) - 1)).toBeLessThan(allowed);
    expect(Math.abs(loss.stderr! / Math.LN2 / (bitsStderr * bessel) - 1)).toBeLessThan(allowed);
  },
);
