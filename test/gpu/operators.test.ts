// Does every GPU operator compute what its CPU twin computes? The check program draws shapes and inputs afresh in every
// run; the seed it prints repeats them.
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { hasGpu } from './built-in.js';

const program = fileURLToPath(new URL('../../native/build/check/cuda_check', import.meta.url));
const timeout = 300_000;

/** Not spawnSync: a worker that does not answer for a minute is given up by the test runner. */
function runChecks(args: readonly string[]): Promise<{ failure: string | null; output: string }> {
  const options = { encoding: 'utf8', timeout, maxBuffer: 64 << 20 } as const;
  return new Promise((done) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      done({ failure: error?.message ?? null, output: stdout + stderr });
    });
  });
}

describe.skipIf(!hasGpu())('GPU operators', () => {
  test(
    'agree with their CPU twins',
    async () => {
      const seed = String(randomInt(2 ** 31));
      const { failure, output } = await runChecks(['--seed', seed]);
      const summary = /(\d+) checks, (\d+) failures.*/.exec(output);
      console.log(summary?.[0] ?? `no summary, seed ${seed}`);
      expect(failure, output.slice(-4000)).toBeNull();
      expect(Number(summary?.[1])).toBeGreaterThan(0);
      expect(Number(summary?.[2])).toBe(0);
    },
    timeout + 30_000,
  );

  test('give up a rank that does not come', async () => {
    const { failure, output } = await runChecks(['--absent-rank']);
    expect(failure, output).toBeNull();
    expect(output).toContain('rank 0 waited 10 s for rank 1 in add_across');
  }, 60_000);
});
