// Ctrl-C on `bench eval` with as many places in the batch as it has by default: what was answered is kept, what is with the
// engine is given up, what was not asked yet never is; and the same command goes on.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import type { EvalRecord } from '../../../harness/commands/eval.js';
import { findPackageRoot } from '../../../harness/package-root.js';

const program = join(findPackageRoot().folder, 'dist', 'harness', 'cli.js');
const data = join(dirname(fileURLToPath(import.meta.url)), '../../golden/lm-eval/data');
const work = mkdtempSync(join(tmpdir(), 'loadmark-eval-interrupt-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function startEval(tasks: string, output: string) {
  const settings = ['--device', 'cpu', '--threads', '1', '--max-batch', '64', '--json'];
  const asked = ['eval', 'tiny', '--tasks', tasks, '--data', data, '--output', output];
  const child = spawn(process.execPath, [program, ...asked, ...settings]);
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (text) => {
      written[name] += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, written, ended };
}

function countLines(file: string): number {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
}

test.each([
  ['hellaswag,winogrande', 230],
  ['gsm8k', 100],
])('%s: keeps what is answered and goes on', { timeout: 120_000 }, async (tasks, total) => {
  const output = join(work, tasks);
  const items = join(output, 'items.jsonl');
  const { child, written, ended } = startEval(tasks, output);
  while (countLines(items) === 0 && child.exitCode === null) await sleep(1);
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  const kept = countLines(items);
  expect(written.stderr).toContain(`interrupted: ${kept} of ${total} items are kept in`);
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(total / 2);
  const again = startEval(tasks, output);
  expect(await again.ended).toBe(0);
  const record = JSON.parse(again.written.stdout) as EvalRecord;
  expect(record).toMatchObject({ items: total, itemsKept: kept });
  expect(countLines(items)).toBe(total);
});
