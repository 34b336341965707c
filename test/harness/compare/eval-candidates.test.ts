// Several evaluations beside one baseline.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EvalComparison } from '../../../harness/compare/eval-comparison.js';
import { callBench } from '../bench-call.js';
import { checkFigures, checkSelfContained } from '../report/html/page-figures.js';
import { items, makeEvaluation, told } from './made-evals.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-evals-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const evaluation = (name: string, made: readonly object[], facts: object = {}) =>
  makeEvaluation(folder, name, made, facts);

describe('several candidates', () => {
  /** Of 400 questions as many are lost as given, none won. */
  const losing = (lost: number, name: string) =>
    evaluation(
      name,
      items(100 + lost, (page) => 3 + 0.0001 * lost * (1 + (page % 3))),
      told(),
    );

  it('share alpha, in the record, the text, Markdown, JUnit, the page and the gate', async () => {
    const [base, same, lossy] = [
      losing(0, 'many-base'),
      losing(1, 'many-1'),
      losing(44, 'many-44'),
    ];
    const [output, junit] = [join(folder, 'many'), join(folder, 'many.xml')];
    const rules = ['--gate', 'mmlu=-8.5pt', '--junit', junit, '--output', output];
    const alone = await callBench('compare', base, lossy, '--gate', 'mmlu=-8.5pt', '--json');
    const [single] = (JSON.parse(alone.stdout) as EvalComparison).candidates;
    expect(single!.gate[0]).toMatchObject({ verdict: 'regression' });
    expect(single!.gate[0]!.pValue).toBeGreaterThan(0.025);
    expect(alone.code).toBe(10);

    const { code, stdout } = await callBench('compare', base, same, lossy, ...rules);
    // The very loss is one of two that were looked at.
    expect(code).toBe(0);
    const read = (name: string) => readFileSync(join(output, name), 'utf8');
    const comparison = JSON.parse(read('comparison.json')) as EvalComparison;
    expect(comparison).toMatchObject({ alpha: 0.05, alphaEach: 0.025 });
    expect(comparison.sides.map(({ model }) => model)).toEqual(['many-base', 'many-1', 'many-44']);
    expect(comparison.candidates.map(({ label }) => label)).toEqual([
      'many-1 (bf16)',
      'many-44 (bf16)',
    ]);
    for (const { accuracies, perplexities } of comparison.candidates) {
      expect(accuracies[0]!.interval!.confidence).toBeCloseTo(0.95, 12);
      expect(perplexities[0]!.interval!.confidence).toBeCloseTo(0.95, 12);
    }
    const second = comparison.candidates[1]!.gate[0]!;
    expect(second).toMatchObject({ verdict: 'cannot tell', pValue: single!.gate[0]!.pValue });
    expect(second.reason).toContain('one-sided alpha 0.025');
    const level =
      '2 candidates are as many chances to be wrong: each is judged at alpha 0.025, together they are at 0.05';
    const page = read('report.html');
    checkSelfContained(page);
    expect(checkFigures(page, comparison)).toBeGreaterThan(30);
    for (const text of [stdout, read('comparison.md'), page]) {
      expect(text).toContain(level);
      for (const { verdict } of comparison.candidates) expect(text).toContain(verdict.text);
    }
    expect(stdout).toMatch(/^many-44 \(bf16\):$/m);
    expect(read('comparison.md')).toContain('#### many-44 (bf16)');
    expect(page).toContain('Right answers, many-44 (bf16)');
    const xml = readFileSync(junit, 'utf8');
    expect(xml.match(/<testsuite /g)).toHaveLength(2);
    expect(xml).toContain('<testsuite name="many-44 (bf16)" tests="1" failures="0" errors="0"');
    rmSync(join(output, 'report.html'));
    expect((await callBench('report', output)).code).toBe(0);
    expect(read('report.html')).toBe(page);
  });

  it('of which one cannot be compared end with 9, and of which one is worse with 10', async () => {
    const [base, same] = [losing(0, 'mixed-base'), losing(2, 'mixed-same')];
    const other = evaluation(
      'mixed-other',
      items(100, () => 3),
      told({}, 0),
    );
    expect((await callBench('compare', base, same, other)).code).toBe(9);
    const worse = losing(60, 'mixed-worse');
    const gated = await callBench('compare', base, other, worse, '--gate', 'mmlu=-1.5pt');
    expect(gated.code).toBe(10);
    const twice = await callBench('compare', base, same, `${same}/`);
    expect(twice.stderr).toContain('is there twice; allowed: each evaluation once');
    expect(twice.code).toBe(2);
  });
});
