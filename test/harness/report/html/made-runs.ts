// Runs for tests of pages: made by the real command, in folders of their own.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { callBench } from '../../bench-call.js';

/** What a page must not be moved by, in prompts, answers, ids and names. */
export const hostileText = `</script></pre><img src=x onerror="alert('1')"><script>alert(2)</script>&amp;<!-- ]]>`;

/** A run of `bench`; resolves to its folder. */
export async function makeRun(folder: string, name: string, ...argv: string[]): Promise<string> {
  const output = join(folder, name);
  const { code, stderr } = await callBench('--output', output, '--quiet', ...argv);
  expect(stderr).toBe('');
  // Few samples may miss a target or be too few: the page is to say so.
  expect([0, 3, 4]).toContain(code);
  return output;
}

/** A Server run whose texts are hostile, by a script that spoils its answers. */
export function makeHostileRun(folder: string): Promise<string> {
  const rows = Array.from({ length: 24 }, (_, i) => ({
    id: `${hostileText} ${i}`,
    prompt: `Say it: ${hostileText}`,
    reference: `${hostileText} ${'and so on '.repeat(1 + (i % 5))} to the end of answer ${i}`,
  }));
  const dataset = join(folder, 'hostile.jsonl');
  writeFileSync(dataset, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const script = join(folder, 'hostile.yaml');
  writeFileSync(
    script,
    'time_to_first_token: { base_ms: 20, spread_ms: 30 }\ntime_per_output_token: { base_ms: 5, spread_ms: 3 }\nslots: 8\nanswers: { degrade: 0.2 }\n',
  );
  const rate = ['--target-qps', '20', '--set', 'server.min_duration_s=10'];
  const system = ['--sut', 'scripted', '--script', script, '--clock', 'virtual'];
  return makeRun(
    folder,
    'hostile',
    ...system,
    '--dataset',
    dataset,
    '--scenario',
    'Server',
    ...rate,
  );
}

export function readPage(run: string): string {
  return readFileSync(join(run, 'report.html'), 'utf8');
}
