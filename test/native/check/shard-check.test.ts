// Runs native/check/shard_check: parts of linears of every format against the same ranges of the whole, and how ranks meet.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const program = join(root, 'native/build/check/shard_check');
const formats = join(root, 'test/golden/formats');
const checkpoints = readdirSync(formats)
  .filter((name) => existsSync(join(formats, name, 'golden.json')))
  .map((name) => join(formats, name))
  .map((folder) => {
    const file = join(folder, 'model.gguf');
    return existsSync(file) ? file : folder;
  });

test('shard_check', () => {
  expect(checkpoints).toHaveLength(17);
  const { status, stdout, error } = spawnSync(program, checkpoints, {
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(error, 'npm test builds the check programs: node harness/prepare.mjs --checks').toBe(
    undefined,
  );
  expect(status, stdout).toBe(0);
  expect(stdout).toMatch(/^shard_check: \d{4,} checks, 0 failures\n$/);
});
