// Holds `bench eval` to what lm_eval itself did with the same model and files: prompts to the byte, log-probabilities,
// answers, scores and standard errors. LM_EVAL_GOLDEN names another file of make.py.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { EvalRecord } from '../../../harness/commands/eval.js';
import type { ItemEvidence } from '../../../harness/eval/evidence.js';
import { callBench } from '../bench-call.js';

interface GoldenItem {
  readonly doc: number;
  readonly prompt: string;
  readonly logProbs?: readonly number[];
  readonly greedy?: readonly number[];
  readonly text?: string;
  readonly answers?: Readonly<Record<string, string>>;
  readonly metrics?: Readonly<Record<string, number>>;
}

interface GoldenRun {
  readonly shots: number | null;
  readonly limit: number | null;
  readonly tasks: Readonly<
    Record<
      string,
      {
        readonly version: number;
        readonly metrics: Readonly<Record<string, number | string>>;
        readonly items: readonly GoldenItem[];
      }
    >
  >;
  readonly groups: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, '../../golden/lm-eval');
const file = process.env.LM_EVAL_GOLDEN ?? join(folder, 'golden.json');
const golden = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly model: string;
  readonly runs: Readonly<Record<string, GoldenRun>>;
};
const data = process.env.LM_EVAL_DATA ?? join(folder, 'data');
const model = process.env.LM_EVAL_MODEL ?? 'tiny';
const work = mkdtempSync(join(tmpdir(), 'loadmark-lm-eval-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Ours for one run of lm_eval, computed in fp32 as it was. */
async function evaluate(name: string, { shots, limit }: GoldenRun) {
  const output = join(work, name);
  const options = ['--kv-cache', 'fp32', '--activations', 'fp32', '--device', 'cpu', '--json'];
  if (shots !== null && shots >= 0 && !name.startsWith('wikitext'))
    options.push('--shots', String(shots));
  if (limit !== null) options.push('--limit', String(limit));
  const task = name.replace(/-\d+$/, '');
  const call = await callBench(
    ...['eval', model, '--tasks', task, '--data', resolve(data), '--output', output, '--quiet'],
    ...options,
  );
  expect(call.stderr).toBe('');
  expect(call.code).toBe(0);
  const items = readFileSync(join(output, 'items.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ItemEvidence);
  return {
    record: JSON.parse(call.stdout) as EvalRecord,
    byId: new Map(items.map((item) => [item.id, item])),
  };
}

/** lm_eval's own result of a metric as it prints it; six digits of what is larger than it is precise. */
function printed(value: number | string | null): string {
  if (typeof value !== 'number') return 'N/A';
  return value < 1e4 ? value.toFixed(4) : value.toPrecision(6);
}

describe.each(Object.entries(golden.runs))('%s', (name, run) => {
  const made = evaluate(name, run);

  test('asks the same, byte by byte, and gets the same answers', { timeout: 600_000 }, async () => {
    const { byId } = await made;
    let worst = 0;
    for (const [task, { items }] of Object.entries(run.tasks)) {
      for (const wanted of items) {
        const got = byId.get(`${task}/${wanted.doc}`)!;
        expect(got.prompt, `prompt of ${got.id}`).toBe(wanted.prompt);
        for (const [at, logProb] of (wanted.logProbs ?? []).entries()) {
          worst = Math.max(
            worst,
            Math.abs(got.logProbs![at]! - logProb) / Math.max(1, Math.abs(logProb) / 1000),
          );
        }
        if (wanted.greedy !== undefined) expect(got.greedy!.map(Number)).toEqual(wanted.greedy);
        if (wanted.text !== undefined) {
          expect(got.text, got.id).toBe(wanted.text);
          expect(got.answers).toEqual(wanted.answers);
        } else if (wanted.metrics !== undefined)
          expect(got.metrics, got.id).toEqual(wanted.metrics);
      }
    }
    expect(worst).toBeLessThanOrEqual(1e-3);
  });

  test('comes to the same scores and standard errors', { timeout: 600_000 }, async () => {
    const { record } = await made;
    const expected = Object.entries(run.tasks).flatMap(([task, { metrics, version }]) =>
      Object.entries(metrics).flatMap(([key, value]) =>
        key.includes(',') && !key.includes('_stderr')
          ? [[task, Number(version), key, printed(value)]]
          : [],
      ),
    );
    const errors = Object.entries(run.tasks).flatMap(([task, { metrics }]) =>
      Object.entries(metrics).flatMap(([key, value]) =>
        key.includes('_stderr,') ? [[task, key.replace('_stderr', ''), printed(value)]] : [],
      ),
    );
    const got = record.tasks.flatMap((score) =>
      score.metrics.map((metric) => ({ ...score, metric })),
    );
    expect(
      got.map(({ task, version, metric }) => [
        task,
        Number(version),
        `${metric.metric},${metric.filter}`,
        printed(metric.value),
      ]),
    ).toEqual(expect.arrayContaining(expected));
    // Of perplexities lm_eval gives no error; ours is marked as ours.
    const given = got.map(({ task, metric }) => [
      task,
      `${metric.metric},${metric.filter}`,
      metric.stderrBy === 'delta' ? 'N/A' : printed(metric.stderr),
    ]);
    expect(given).toEqual(expect.arrayContaining(errors));
    for (const [group, metrics] of Object.entries(run.groups)) {
      const own = record.groups.find((score) => score.group === group)!;
      for (const { metric, filter, value, stderr } of own.metrics) {
        expect(printed(value), group).toBe(printed(metrics[`${metric},${filter}`]!));
        expect(printed(stderr), group).toBe(printed(metrics[`${metric}_stderr,${filter}`]!));
      }
    }
  });
});
