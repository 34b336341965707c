// Runs native/check/sampler_check: shares of many draws against probabilities, filters, ties, NaN, seeds.

import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const program = join(resolve(import.meta.dirname, '../../..'), 'native/build/check/sampler_check');

test('sampler_check', () => {
  const { status, stdout, error } = spawnSync(program, { encoding: 'utf8', timeout: 60_000 });
  expect(error, 'npm test builds the check programs: node harness/prepare.mjs --checks').toBe(
    undefined,
  );
  expect(status, stdout).toBe(0);
  expect(stdout).toMatch(/^sampler_check: 1[0-9] checks, 0 failures\n$/);
});
