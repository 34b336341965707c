// What a user reads when the machine itself refuses: a full disk is no bug, and a closed pipe ends nothing.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { tellError } from '../../harness/error-report.js';

const root = resolve(import.meta.dirname, '../..');

function told(error: unknown, ...argv: string[]) {
  const out = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      out[name] += text;
      return true;
    },
    isTTY: false,
  });
  const streams = { stdout: stream('stdout'), stderr: stream('stderr') };
  return { exitCode: tellError(error, argv, streams as never), ...out };
}

function thrownBy(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

it('says that a disk is full, and exits with a status of its own', () => {
  const error = thrownBy(() => writeFileSync('/dev/full', 'evidence'));
  const message =
    'writing failed: its file system is full (ENOSPC); what was written before is kept';
  expect(told(error)).toEqual({ exitCode: 11, stdout: '', stderr: `bench: ${message}\n` });
  const asked = told(error, '--json');
  expect(JSON.parse(asked.stdout)).toMatchObject({ exitCode: 11, code: 'NOT_WRITTEN', message });
});

it('calls what nobody foresaw a bug, with its stack', () => {
  const { exitCode, stderr } = told(new TypeError('x is not a function'));
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /^bench: this is a bug in loadmark: TypeError: x is not a function\n +at /,
  );
});

it('goes on where nobody reads on', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loadmark-pipe-'));
  const bench = join(root, 'dist/harness/cli.js');
  const run = `--sut null --clock virtual --mode performance --scenario Offline --output ${folder}/run`;
  const shell = `(node ${bench} ${run}; echo $? > ${folder}/status) | true`;
  const { stderr } = spawnSync('bash', ['-c', shell], { cwd: root, encoding: 'utf8' });
  expect(stderr).not.toMatch(/EPIPE|Unhandled/);
  // Answered in no time at all, which is INVALID.
  expect(readFileSync(join(folder, 'status'), 'utf8')).toBe('3\n');
  expect(existsSync(join(folder, 'run/run.json'))).toBe(true);
  rmSync(folder, { recursive: true });
});
