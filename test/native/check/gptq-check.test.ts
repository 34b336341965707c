// Runs native/check/gptq_check: GPTQ against a plain reading of the paper, factors, grids and errors against theirs.

import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const program = join(resolve(import.meta.dirname, '../../..'), 'native/build/check/gptq_check');

test('gptq_check', () => {
  const { status, stdout, error } = spawnSync(program, { encoding: 'utf8', timeout: 60_000 });
  expect(error, 'npm test builds the check programs: node harness/prepare.mjs --checks').toBe(
    undefined,
  );
  console.log(stdout);
  expect(status, stdout).toBe(0);
  expect(stdout).toMatch(/all equal\n$/);
});
