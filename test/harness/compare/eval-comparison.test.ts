// Evaluations by `bench eval`, set side by side item by item.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EvalCandidate, EvalComparison } from '../../../harness/compare/eval-comparison.js';
import { callBench } from '../bench-call.js';
import { checkFigures, checkSelfContained, figuresOf } from '../report/html/page-figures.js';
import { items, makeEvaluation } from './made-evals.js';

let folder = '';
let made = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-evals-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Of a comparison with one candidate. */
function onlyCandidate(stdout: string): EvalCandidate {
  const { candidates } = JSON.parse(stdout) as EvalComparison;
  expect(candidates).toHaveLength(1);
  return candidates[0]!;
}

const evaluation = (name: string, made: readonly object[], facts: object = {}) =>
  makeEvaluation(folder, name, made, facts);

it.each([
  ['results.json', '{}', 'results.json has no usable model.name; allowed: what bench eval wrote'],
  ['results.json', 'null', 'results.json has no usable model.name'],
  ['items.jsonl', '{"id":"q/0"}\n', 'items.jsonl, item 1 has no usable task'],
  ['items.jsonl', '{"id":"q/0","task":"mmlu_a","prompt":"same"}', 'item 1 has no usable metrics'],
  [
    'items.jsonl',
    '{"id":"q/0","task":"mmlu_a","prompt":"same","metrics":{"acc":0.5}}',
    'item 1 has no usable metrics',
  ],
  ['items.jsonl', 'no', 'items.jsonl, line 1: Unexpected token'],
])('an edited %s that says %j is refused by its field', async (file, text, message) => {
  const [one, other] = [1, 2].map((i) =>
    evaluation(
      `edited-${made++}-${i}`,
      items(1, () => 3),
    ),
  );
  writeFileSync(join(other!, file), text);
  const { code, stderr } = await callBench('compare', one!, other!);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

it('an evaluation against itself is refused', async () => {
  const one = evaluation(
    'itself',
    items(1, () => 3),
  );
  const { code, stderr } = await callBench('compare', one, `${one}/`);
  expect(stderr).toContain('is there twice; allowed: each evaluation once');
  expect(code).toBe(2);
});

it('pairs answers over the subjects, and perplexities over the pages', async () => {
  const baseline = evaluation(
    'before',
    items(100, (page) => 3 + 0.01 * page),
  );
  const candidate = evaluation(
    'after',
    items(140, (page) => 3.1 + 0.01 * page + 0.001 * (page % 5)),
  );
  const { code, stdout } = await callBench('compare', baseline, candidate, '--json');
  expect(code).toBe(0);
  const { accuracies, perplexities, leftOut } = onlyCandidate(stdout);
  expect(leftOut).toBe(0);
  expect(accuracies).toHaveLength(1);
  expect(accuracies[0]).toMatchObject({
    task: 'mmlu',
    metric: 'acc',
    samples: 400,
    difference: -10,
  });
  expect(accuracies[0]!.judgement!.verdict).toBe('inferior');
  const [{ baseline: before, candidate: after, interval, judgement } = perplexities[0]!] =
    perplexities;
  expect(before).toBeCloseTo(Math.exp(3.095), 9);
  expect(after / before).toBeCloseTo(Math.exp(0.102), 9);
  expect(interval!.lower).toBeGreaterThan(Math.exp(0.1));
  expect(interval!.upper).toBeLessThan(Math.exp(0.104));
  expect(judgement!.verdict).toBe('inferior');
});

it('leaves out what was not asked alike, and refuses an evaluation beside a run', async () => {
  const baseline = evaluation(
    'one',
    items(100, () => 3),
  );
  const candidate = evaluation(
    'other',
    items(100, (page) => 3 + 0.001 * (page % 3), 'otherwise'),
  );
  const { stdout } = await callBench('compare', baseline, candidate);
  expect(stdout).toContain('2 items that were not asked alike on both sides are left out');
  expect(stdout).toMatch(/mmlu, acc +399 /);
  expect(stdout).toMatch(/wikitext, by words +20 .*non-inferior \(margin 1 %\)/);
  const mixed = await callBench('compare', baseline, folder);
  expect(mixed.code).toBe(2);
  expect(mixed.stderr).toContain('is no evaluation; allowed: evaluations alone, or runs alone');
});

describe('what is judged of evaluations', () => {
  const flat = () => 3;
  const scattered = (page: number) => 3 + 0.001 * (page % 3);

  it('is told by a page, Markdown and JUnit, whose figures are those of comparison.json', async () => {
    const [base, worse] = [
      evaluation('gate-base', items(100, flat)),
      evaluation('gate-worse', items(140, scattered)),
    ];
    const [output, junit] = [join(folder, 'gate'), join(folder, 'gate.xml')];
    const rules = ['--gate', 'mmlu=-1.5pt,wikitext=+1%', '--junit', junit, '--output', output];
    const { code, stdout } = await callBench('compare', base, worse, ...rules);
    expect(code).toBe(10);
    const read = (name: string) => readFileSync(join(output, name), 'utf8');
    const comparison = JSON.parse(read('comparison.json')) as EvalComparison;
    const [only] = comparison.candidates;
    expect(only!.verdict).toEqual({
      quality: 'worse',
      text: 'gate-worse (bf16), beside gate-base (bf16), answers worse than the margin allows',
    });
    expect(only!.gate.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['mmlu, acc', 'regression'],
      ['wikitext', 'no regression'],
    ]);
    expect(only!.gate[0]!.adjustedP).toBeCloseTo(2 * only!.gate[0]!.pValue!, 12);
    const page = read('report.html');
    checkSelfContained(page);
    expect(checkFigures(page, comparison)).toBeGreaterThan(15);
    const shown = figuresOf(page).map(({ field }) => field);
    for (const field of [
      ...['accuracies.0.difference', 'accuracies.0.mcNemar.midP', 'accuracies.0.change.adjustedP'],
      ...['perplexities.0.candidate', 'perplexities.0.interval.upper'],
      ...['perplexities.0.judgement.detectableLoss', 'subjects.0.subjects.0.midP'],
    ]) {
      expect(shown).toContain(`candidates.0.${field}`);
    }
    for (const text of [stdout, read('comparison.md'), page]) {
      expect(text).toContain('answers worse than the margin allows');
      expect(text).toMatch(/inferior \(margin 1\.5 points\)/);
      expect(text).toContain('non-inferior (margin 1 %)');
      expect(text).toContain('Of 2 subjects of mmlu (acc) 2 got worse and 0 better');
    }
    expect(stdout).toMatch(/McNemar p \S+ \(mid\), \S+ \(exact\): a change for the worse/);
    expect(read('comparison.md')).toContain('| mmlu, acc | ❌ regression |');
    const xml = readFileSync(junit, 'utf8');
    expect(xml).toContain(
      '<testsuite name="gate-worse (bf16)" tests="2" failures="1" errors="0" skipped="0">',
    );
    expect(xml).toMatch(/name="mmlu, acc"><failure message="the upper bound -7/);
    // The page can be made anew from the folder.
    rmSync(join(output, 'report.html'));
    expect((await callBench('report', output)).code).toBe(0);
    expect(read('report.html')).toBe(page);
  });

  it('ends with 9 where no item was asked alike, and says why', async () => {
    const one = evaluation('alone', items(100, flat));
    const renamed = evaluation(
      'renamed',
      items(100, flat).map((item) => ({ ...item, id: `other-${item.id}` })),
    );
    const junit = join(folder, 'alone.xml');
    const asked = ['--gate', 'mmlu=-1.5pt', '--junit', junit];
    const { code, stdout } = await callBench('compare', one, renamed, ...asked);
    expect(code).toBe(9);
    const xml = readFileSync(junit, 'utf8');
    expect(xml).toContain('tests="2" failures="0" errors="1" skipped="1">');
    expect(xml).toMatch(
      /name="comparable"><error message="mmlu: the two have no item in common; wikitext: the/,
    );
    expect(stdout).toMatch(
      /^renamed \(bf16\), .*: mmlu: the two have no item in common; wikitext: the/,
    );
    expect(stdout).toMatch(/mmlu +cannot tell +mmlu: the two have no item in common/);
    const reworded = evaluation(
      'reworded',
      items(100, flat).map((item) => ({ ...item, prompt: 'another' })),
    );
    const other = await callBench('compare', one, reworded, '--json');
    expect(other.code).toBe(9);
    expect(JSON.parse(other.stdout)).toMatchObject({
      candidates: [
        {
          absentBecause: expect.stringMatching(
            /^mmlu: none of the 400 items that both have was asked alike .*; wikitext: none of the 20/,
          ),
          verdict: { quality: 'not compared' },
        },
      ],
    });
  });

  it('has no zero-width interval of perplexities that are the same', async () => {
    const [one, other] = [1, 2].map((i) => evaluation(`same-${i}`, items(100, scattered)));
    const { stdout, code } = await callBench('compare', one!, other!, '--json');
    expect(code).toBe(0);
    expect(onlyCandidate(stdout).perplexities[0]).toMatchObject({
      interval: null,
      judgement: null,
      absentBecause: expect.stringMatching(/^all 20 windows have the same log-probability on both/),
    });
  });

  it('refuses rules of speed, and claims', async () => {
    const [one, other] = [1, 2].map((i) => evaluation(`rules-${i}`, items(100, scattered)));
    const gate = await callBench('compare', one!, other!, '--gate', 'speed=-3%');
    expect(gate.stderr).toContain('--gate: evaluations have no "speed"; allowed: accuracy');
    const claim = await callBench('compare', one!, other!, '--claim', 'tokens/s=2x');
    expect(claim.stderr).toContain('--claim is of speed, which evaluations have none of');
    expect([gate.code, claim.code]).toEqual([2, 2]);
  });

  it('tells of many tasks what stands among them, and lists subjects by Benjamini and Hochberg', async () => {
    /** Of each of 12 subjects 60 questions; in the first three as many are lost as given. */
    const asked = (lost: readonly number[]) =>
      Array.from({ length: 12 }, (_, subject) =>
        Array.from({ length: 60 }, (_, i) => ({
          id: `${subject}/${i}`,
          task: `mmlu_${String.fromCharCode(97 + subject)}`,
          prompt: 'same',
          metrics: { acc: Number(i >= (lost[subject] ?? 0)) },
        })),
      ).flat();
    const base = evaluation('subjects-base', asked([]));
    const worse = evaluation('subjects-worse', asked([12, 8, 8]));
    const { stdout } = await callBench('compare', base, worse, '--json');
    const [{ subjects, task } = { subjects: [], task: '' }] = onlyCandidate(stdout).subjects;
    expect(task).toBe('mmlu');
    expect(subjects).toHaveLength(12);
    // All lost: mid-p 2^-12 and 2^-8 twice; of 12 tests the second and third share 12/3 of the latter.
    expect(subjects.slice(0, 4).map(({ adjustedP, verdict }) => [adjustedP, verdict])).toEqual([
      [expect.closeTo(12 / 2 ** 12, 9), 'worse'],
      [expect.closeTo(4 / 2 ** 8, 9), 'worse'],
      [expect.closeTo(4 / 2 ** 8, 9), 'worse'],
      [1, 'none shown'],
    ]);
    const told = await callBench('compare', base, worse);
    expect(told.stdout).toContain(
      'Of 12 subjects of mmlu (acc) 3 got worse and 0 better; at most 5 % of these are expected to be chance',
    );
    expect(told.stdout).toMatch(/ {2}mmlu_a +100 to 80 +-20\.00 +60 items +p 0\.00024, 0\.0029/);
  });
});
