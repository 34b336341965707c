// What is made of a `bench` that ends well, INVALID or not at all: a program in its place writes what a run leaves.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { measureOffline } from '../../../harness/multi-gpu-bench/throughput.js';

const root = mkdtempSync(join(tmpdir(), 'loadmark-throughput-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const model = { name: 'llama-1b', samplesPerWorker: 10, maxBatch: 4, maxStepTokens: 64 };

/** @param record run.json; null: none is left */
function measure(record: object | null, ending: string) {
  mkdirSync(join(root, 'dist', 'harness'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  const leave = `
    const folder = process.argv[process.argv.indexOf('--output') + 1];
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'run.json'), ${JSON.stringify(JSON.stringify(record))});`;
  const program = `
    import { mkdirSync, writeFileSync } from 'node:fs';
    import { join } from 'node:path';
    ${record === null ? '' : leave}
    ${ending}`;
  writeFileSync(join(root, 'dist', 'harness', 'cli.js'), program);
  return measureOffline(root, model, ['cpu', 'cpu']);
}

describe('a run of bench', () => {
  it('is a result where it is INVALID', async () => {
    const performance = { tokensPerSecond: 100, samplesPerSecond: 2, durationSeconds: 5 };
    const worker = { busyShare: null, samples: 5 };
    const sut = { devices: ['cpu', 'cpu'], workers: [worker, worker] };
    const record = { valid: false, invalidReasons: ['too short'], performance, sut };
    expect(await measure(record, 'process.exitCode = 3;')).toEqual({
      devices: 'cpu,cpu',
      valid: false,
      invalidReasons: ['too short'],
      tokensPerSecond: 100,
      samplesPerSecond: 2,
      seconds: 5,
      busyShares: [null, null],
      samples: [5, 5],
    });
  });

  it('that leaves no figures is told by how it ended', async () => {
    await expect(measure(null, 'process.exitCode = 5;')).rejects.toThrow(
      /^bench ended with exit status 5 and left no run.json$/,
    );
    await expect(measure(null, "process.kill(process.pid, 'SIGKILL');")).rejects.toThrow(
      /^bench ended with SIGKILL and left no run.json$/,
    );
    const record = { valid: false, invalidReasons: ['no worker is left'], performance: null };
    await expect(measure(record, 'process.exitCode = 5;')).rejects.toThrow(
      /^bench ended with exit status 5; no worker is left$/,
    );
  });
});
