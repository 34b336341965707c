// Runs native/check/engine_check: requests, scores, cancellations, closing and faults of one rank or several, in an order that
// a seed draws, against an engine of drawn options; every request must end once.

import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const program = join(root, 'native/build/check/engine_check');
const model = join(root, 'test/golden/transformers/float32');

test('engine_check', () => {
  const { status, stdout, error } = spawnSync(program, [model, '--iterations', '60'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(error, 'npm test builds the check programs: node harness/prepare.mjs --checks').toBe(
    undefined,
  );
  expect(status, stdout).toBe(0);
  expect(stdout).toBe('engine: 60 rounds, every request ended once\n');
});
