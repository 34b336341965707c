// A ladder and sweeps for tests of their pages: runs of known speeds, made in the test's own process.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runLadder } from '../../../../harness/commands/ladder.js';
import { runSweep } from '../../../../harness/commands/sweep.js';
import type { RunConfig } from '../../../../harness/config.js';
import type { RunStarter } from '../../../../harness/experiment/run-starter.js';
import { collectLadderOptions } from '../../../../harness/ladder-options.js';
import { collectSweepOptions } from '../../../../harness/sweep-options.js';
import { callBench } from '../../bench-call.js';
import { makeSamples } from '../../compare/made-runs.js';
import { makeStarter } from '../../ladder/made-starter.js';

/** A percent up and down, never in step with what is run in turn. */
const noise = [1, 1.01, 0.99, 1.005, 0.995, 1.01, 0.99];

const quiet = { write: () => {} };
const streams = { stdout: quiet, stderr: quiet };

/** Three steps, of which the last gives more behind the second than alone; resolves to its folder. */
export async function makeLadder(
  folder: string,
  remarksOf: (config: RunConfig) => readonly string[] = () => [],
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const [slow, fast] = ['slow', 'fast'].map((name) => join(folder, `${name}.yaml`));
  const text = (name: string, batch: number, page: number) =>
    `name: ${name}\nsut: scripted\nclock: virtual\nscripted: { script: steady }\nengine: { threads: ${batch}, max_batch: ${batch}, page_tokens: ${page} }\n`;
  writeFileSync(slow!, text('slow', 1, 8));
  writeFileSync(fast!, text('fast', 64, 32));
  const output = join(folder, 'ladder');
  const request = collectLadderOptions(slow!, fast!, { quiet: true, repeats: '4', output }, []);
  const { start } = makeStarter(({ engine }, count) => {
    const isBatched = engine.maxBatch === 64;
    const pages = engine.pageTokens === 32 ? (isBatched ? 3 : 1.5) : 1;
    const speed = (engine.threads === 64 ? 2 : 1) * (isBatched ? 4 : 1) * pages;
    const each = 100 / (speed * noise[count % noise.length]!);
    return makeSamples(60, each, (i) => ({ rouge1: isBatched ? 0.8 - (i % 7) / 50 : 0.8 }));
  }, remarksOf);
  await runLadder(request, streams, new AbortController().signal, start);
  return output;
}

/** Of a system with 16 slots and times that scatter; `name` is that of the folder. */
export async function makeSweep(
  folder: string,
  name: string,
  options: Readonly<Record<string, unknown>>,
  start: RunStarter = (argv) => callBench(...argv, '--no-report'),
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const script = join(folder, 'sixteen.yaml');
  const times = [
    'time_to_first_token: { base_ms: 20, spread_ms: 30 }',
    'time_per_output_token: { base_ms: 5, spread_ms: 3 }',
  ];
  writeFileSync(script, `${times.join('\n')}\nslots: 16\n`);
  const output = join(folder, name);
  const scripted = { sut: 'scripted', script, clock: 'virtual', samples: '80', quiet: true };
  const request = collectSweepOptions('optimized', { ...scripted, ...options, output }, []);
  await runSweep(request, streams, new AbortController().signal, start);
  return output;
}

const limits = { slo: 'ttft_p99=500,tpot_p99=20', minDuration: '20' };
/** Long enough that the first rates are shown to be inside. */
export const rateSweep = { ...limits, minDuration: '120', rates: '10,40,60,100' };
export const concurrencySweep = { ...limits, concurrency: '1,4,16,32,64' };

/** Batch sizes and page sizes, three repeats that scatter. */
export function makeGrid(folder: string): Promise<string> {
  const { start } = makeStarter(({ engine }, count) => {
    const speed = Math.sqrt(engine.maxBatch) * (1 + engine.pageTokens / 64);
    return makeSamples(60, (20 / speed) * noise[count % noise.length]!);
  });
  const vary = ['max-batch=1,8', 'engine.page_tokens=16,32'];
  return makeSweep(folder, 'grid', { vary, repeats: '3', mode: 'performance' }, start);
}
