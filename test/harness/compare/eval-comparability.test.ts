// What differs between evaluations, and which of their tasks may not be set against each other.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EvalComparison } from '../../../harness/compare/eval-comparison.js';
import { callBench } from '../bench-call.js';
import { items, makeEvaluation, told } from './made-evals.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-evals-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const evaluation = (name: string, made: readonly object[], facts: object = {}) =>
  makeEvaluation(folder, name, made, facts);

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
