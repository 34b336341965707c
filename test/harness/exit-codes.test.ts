// Does README say every exit code there is, once, and no other?

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exitCodes } from '../../harness/exit-codes.js';

it('README lists the exit codes that there are', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  const [, list = ''] = /^Exit codes: (.*?130 interrupted)\./ms.exec(readme) ?? [];
  const told = list.split(/,\s+/).map((entry) => Number(/^\d+/.exec(entry)?.[0]));
  expect(told).toEqual(Object.values(exitCodes));
});
