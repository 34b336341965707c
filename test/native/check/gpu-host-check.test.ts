// Runs native/check/gpu_host_check: what of the engine on a GPU can be checked on any machine.

import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const program = join(root, 'native/build/check/gpu_host_check');
const models = ['tiny', 'tiny-int4'].map((name) => join(root, 'configs/models', name));

test('gpu_host_check', () => {
  const { status, stdout, error } = spawnSync(program, models, {
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(error, 'npm test builds the check programs: node harness/prepare.mjs --checks').toBe(
    undefined,
  );
  expect(status, stdout).toBe(0);
  expect(stdout).toMatch(/^gpu_host_check: \d{3} checks, 0 failures\n$/);
});
