// Does every CPU operator compute what its contract says, on every instruction set of this machine? The check program
// compares them with double-precision computations.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../native/build/check/ops_check', import.meta.url));
/** Far below what a quick run makes on the plain path alone: it guards against a program that checks nothing. */
const leastChecks = 4000;

beforeAll(() => {
  if (!existsSync(program)) {
    throw new Error(`${program} is missing; npm test builds it: node harness/prepare.mjs --checks`);
  }
});

describe('CPU operators', () => {
  it('agree with double-precision computations', () => {
    const run = spawnSync(program, ['--quick'], { encoding: 'utf8', timeout: 120_000 });
    const summary = /(\d+) checks, (\d+) failures/.exec(run.stdout);
    expect(run.stdout + run.stderr).not.toContain('FAIL');
    expect(run.status).toBe(0);
    expect(Number(summary?.[1])).toBeGreaterThan(leastChecks);
    expect(Number(summary?.[2])).toBe(0);
  }, 130_000);

  it('refuses an unknown option with a sentence and exit code 2', () => {
    const run = spawnSync(program, ['--slow'], { encoding: 'utf8' });
    expect(run.status).toBe(2);
    expect(run.stderr).toContain('unknown option --slow');
  });
});
