// Evaluations by `bench eval`, set side by side item by item.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EvalCandidate, EvalComparison } from '../../../harness/compare/eval-comparison.js';
import { callBench } from '../bench-call.js';
import { checkFigures, checkSelfContained, figuresOf } from '../report/html/page-figures.js';

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

/** @param facts what results.json tells beside the model's name and format */
function evaluation(name: string, items: readonly object[], facts: object = {}): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(
    join(path, 'results.json'),
    JSON.stringify({ model: { name, weightFormat: 'bf16' }, ...facts }),
  );
  writeFileSync(
    join(path, 'items.jsonl'),
    items.map((item) => `${JSON.stringify(item)}\n`).join(''),
  );
  return path;
}

/** 400 questions of two subjects; 20 pages of 100 words each. */
const items = (wrong: number, loss: (page: number) => number, prompt = 'same') => [
  ...Array.from({ length: 400 }, (_, i) => ({
    id: `q/${i}`,
    task: i % 2 === 0 ? 'mmlu_a' : 'mmlu_b',
    prompt: i === 7 ? prompt : 'same',
    metrics: { acc: Number(i >= wrong) },
  })),
  ...Array.from({ length: 20 }, (_, i) => ({
    id: `wikitext/${i}`,
    task: 'wikitext',
    prompt: 'same',
    logProbs: [-100 * loss(i)],
    weights: { words: 100, bytes: 500 },
    metrics: {},
  })),
];

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
    expect(told.stdout).toMatch(
      / {2}mmlu_a +100\.00 to 80\.00 +-20\.00 +60 items +p 0\.00024, 0\.0029/,
    );
  });
});

/** What `bench eval` tells of itself. */
const told = (changes: Readonly<Record<string, unknown>> = {}, shots = 5, version = '2') => ({
  version: '0.1.0',
  commit: 'abc',
  system: { cpu: 'EPYC', gpus: [] },
  settings: {
    ...{ limit: null, maxLength: 2048, device: 'cpu', tensorParallel: '1' },
    ...{ kvCache: 'fp32', activations: 'fp32', weights: 'checkpoint' },
    tasks: [
      ...['mmlu_a', 'mmlu_b'].map((name) => ({ name, version, shots, items: 200, digest: 'd' })),
      { name: 'wikitext', version: '2.0', shots: 0, items: 20, digest: 'w' },
    ],
    ...changes,
  },
  tasks: [{ task: 'wikitext', facts: { n_ctx: changes.maxLength ?? 2048, pages: 20 } }],
});

describe('what differs between evaluations', () => {
  const flat = () => 3;
  const scattered = (page: number) => 3 + 0.001 * (page % 3);

  it('is listed as of runs, by what it is a fact of', async () => {
    const base = evaluation('facts-base', items(100, flat), told());
    const other = evaluation('facts-other', items(100, scattered), {
      ...told({ kvCache: 'fp8', device: 'cuda', weights: 'int8' }),
      version: '0.2.0',
      system: { cpu: 'EPYC', gpus: [{ name: 'H100' }, { name: 'H100' }] },
    });
    const output = join(folder, 'facts');
    const { code, stdout } = await callBench('compare', base, other, '--output', output);
    expect(code).toBe(0);
    const lines = stdout.split('\n').filter((line) => / against /.test(line));
    expect(lines.map((line) => line.trim().replace(/ +/g, ' '))).toEqual([
      'configuration model: facts-base against facts-other',
      'configuration weights at load: checkpoint against int8',
      'configuration device: cpu against cuda',
      'configuration KV cache: fp32 against fp8',
      'code loadmark: 0.1.0 against 0.2.0',
      'machine kind of GPU: none against H100',
    ]);
    const read = (name: string) => readFileSync(join(output, name), 'utf8');
    expect(read('comparison.md')).toContain('- configuration: KV cache: fp32 against fp8');
    const page = read('report.html');
    expect(page).toMatch(
      /KV cache<\/th><td class="text">configuration<\/td><td class="text">fp32</,
    );
    expect(page).toContain('<li>mmlu: version 2, 5 shots</li>');
  });

  it.each([
    ['shots', told({}, 0), 'mmlu: version 2, 5 shots against version 2, 0 shots: not the same'],
    ['version', told({}, 5, '3'), 'mmlu: version 2, 5 shots against version 3, 5 shots: not the'],
    [
      'windows',
      told({ maxLength: 512 }),
      'wikitext: version 2.0, 0 shots, n_ctx 2048 against version 2.0, 0 shots, n_ctx 512: not',
    ],
    [
      'right answers',
      {
        ...told(),
        settings: {
          ...told().settings,
          tasks: [
            { name: 'mmlu_a', version: '2', shots: 5, digest: 'e' },
            { name: 'wikitext', version: '2.0', shots: 0, digest: 'w' },
          ],
        },
      },
      'mmlu: the same was asked, and other answers are right',
    ],
  ])(
    'forbids by name the scores of a task of other %s, and no others',
    async (what, facts, reason) => {
      const base = evaluation(`asked-base-${what}`, items(100, flat), told());
      const other = evaluation(`asked-other-${what}`, items(140, scattered), facts);
      const junit = join(folder, `asked-${what}.xml`);
      const rules = ['--gate', 'mmlu=-1.5pt,wikitext=+1%', '--junit', junit];
      const { code, stdout } = await callBench('compare', base, other, ...rules);
      const task = reason.split(':')[0]!;
      expect(stdout.split('\n')[0]).toContain(`not compared: ${reason}`);
      expect(stdout).toMatch(new RegExp(`^  ${task} +cannot tell +${task}: `, 'm'));
      expect(stdout).toMatch(task === 'mmlu' ? /^wikitext, by words +20/m : /^mmlu, acc +400/m);
      expect(stdout).not.toMatch(task === 'mmlu' ? /^mmlu, acc +\d/m : /^wikitext, by words/m);
      // A loss of mmlu that is compared ends with 10.
      expect(code).toBe(task === 'mmlu' ? 9 : 10);
      expect(readFileSync(junit, 'utf8')).toContain(`<error message="${reason}`);
    },
  );

  it('leaves out choices of which another is right, and texts weighed otherwise', async () => {
    const asked = (answer: number, words: number) => [
      ...Array.from({ length: 50 }, (_, i) => ({
        ...{ id: `q/${i}`, task: 'hellaswag', prompt: 'same', metrics: { acc: 1 } },
        answer: i === 0 ? answer : 1,
      })),
      ...[0, 1, 2].map((i) => ({
        ...{ id: `w/${i}`, task: 'wikitext', prompt: 'same', metrics: {} },
        logProbs: [-300 - i * answer],
        weights: { words: i === 0 ? words : 100, bytes: 500 },
      })),
    ];
    const [one, other] = [evaluation('key-1', asked(1, 100)), evaluation('key-2', asked(2, 99))];
    const { stdout } = await callBench('compare', one, other);
    expect(stdout).toContain('4 items that were not asked alike on both sides are left out');
    expect(stdout).toMatch(/^hellaswag, acc +49 /m);
    expect(stdout).toMatch(/^wikitext, by words +2 /m);
  });

  it('says where the two were asked nothing in common', async () => {
    const [answers, pages] = [true, false].map((isAnswer) =>
      evaluation(
        `apart-${isAnswer}`,
        items(100, flat).filter(({ task }) => (task === 'wikitext') !== isAnswer),
      ),
    );
    const { stdout, code } = await callBench('compare', answers!, pages!);
    expect(stdout).toContain('they have no item in common (mmlu against wikitext)');
    expect(code).toBe(9);
  });

  it('says which tasks only one was asked, and what a file does not tell', async () => {
    const base = evaluation('lone-base', items(100, flat), told());
    const answers = items(100, flat).filter(({ task }) => task !== 'wikitext');
    const { stdout, code } = await callBench('compare', base, evaluation('lone-other', answers));
    expect(code).toBe(0);
    expect(stdout).toContain('wikitext was asked of lone-base (bf16) alone');
    expect(stdout).toContain(
      'mmlu: version 2, 5 shots against unknown: items were asked alike; whether by the same version cannot be told',
    );
  });
});

it('of evaluations by the engine, names what was set and what was asked otherwise', async () => {
  const data = join(dirname(fileURLToPath(import.meta.url)), '../../golden/lm-eval/data');
  const evaluate = async (name: string, ...options: string[]) => {
    const output = join(folder, name);
    const asked = ['--tasks', 'mmlu,wikitext', '--data', data, '--limit', '2', '--device', 'cpu'];
    const call = await callBench(
      'eval',
      'tiny',
      ...asked,
      '--output',
      output,
      '--quiet',
      ...options,
    );
    expect([call.stderr, call.code]).toEqual(['', 0]);
    return output;
  };
  const exact = ['--kv-cache', 'fp32', '--activations', 'fp32'];
  const one = await evaluate('real-1', ...exact);
  const rounded = await evaluate('real-2', '--kv-cache', 'fp16', '--weights', 'int8');
  const fewer = await evaluate('real-3', ...exact, '--shots', '1');
  const { stdout, code } = await callBench('compare', one, rounded, fewer, '--json');
  const { factors, candidates } = JSON.parse(stdout) as EvalComparison;
  expect(factors.flatMap(({ name, values }) => (values.includes(null) ? [name] : []))).toEqual(
    // Of code that is no checkout there is no commit.
    factors.find(({ name }) => name === 'commit')!.values.includes(null) ? ['commit'] : [],
  );
  const differing = factors.filter(({ isSame }) => !isSame);
  expect(differing.map(({ name, values }) => [name, values])).toEqual([
    ['mmlu', ['version 1.0, 5 shots', 'version 1.0, 5 shots', 'version 1.0, 1 shots']],
    ['mmlu, items', expect.anything()],
    ['weights', ['bf16', 'int8 (per channel, rounded at load)', 'bf16']],
    ['weights at load', ['checkpoint', 'int8', 'checkpoint']],
    ['KV cache', ['fp32', 'fp16', 'fp32']],
    ['activations', ['fp32', 'int8', 'fp32']],
  ]);
  expect(candidates.map(({ refused }) => refused.map(({ task }) => task))).toEqual([[], ['mmlu']]);
  expect(candidates.map(({ leftOut }) => leftOut > 0)).toEqual([false, true]);
  expect(code).toBe(9);
}, 120_000);

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
