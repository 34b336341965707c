// Workers on GPUs that are made to fail amid a run, through the real command in a process of its own, since a GPU that has
// failed serves its process no more: the failed worker is named, every sample is answered once or named, the process ends.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPackageRoot } from '../../harness/package-root.js';
import { hostFeatures } from '../../native/index.js';
import { hasGpu } from './built-in.js';

const available = hasGpu();
const gpus = available ? hostFeatures().cuda.devices.length : 0;
if (available && gpus < 4) {
  console.warn(`skipped what needs 2 GPUs, or 4 of two groups, of which there are ${gpus}`);
}

const kinds = ['exception', 'out-of-memory', 'device-fault', 'thread-death'] as const;
const told = {
  exception: 'fault injected at step \\d+',
  'out-of-memory': 'GPU memory: 1125899906842624 bytes .* were asked for, .* are free on the GPU',
  'device-fault': '(a kernel|a kernel before [^:]*|trap_kernel) failed on the GPU: cudaError.*',
  'thread-death': 'its thread has ended without a word',
} as const;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-faults-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The command's exit code and run.json; it is killed where it does not end by itself. */
function runFaulty(samples: number, devices: string, ranks: number, fault: string) {
  const output = join(folder, `${devices}-${ranks}-${fault}`.replaceAll(/\W+/g, '-'));
  const program = join(findPackageRoot().folder, 'dist', 'harness', 'cli.js');
  const argv = [
    ...['--model', 'tiny-int4', '--dataset', `synthetic:16x32:${samples}`, '--max-batch', '32'],
    ...['--device', devices, '--tensor-parallel', String(ranks), '--mode', 'performance'],
    ...['--target-qps', '1', '--min-duration', '0', '--json', '--quiet', '--output', output],
    ...['--set', `engine.fault=${fault}`, 'loadgen.accuracy_log_probability=1'],
  ];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, ...argv], {
    encoding: 'utf8',
    timeout: 100_000,
    maxBuffer: 2 ** 28,
  });
  expect(signal, stderr).toBeNull();
  const log = join(output, 'performance', 'run_1', 'mlperf_log_accuracy.json');
  const ids = JSON.parse(readFileSync(log, 'utf8')).map(
    ({ seq_id }: { readonly seq_id: number }) => seq_id,
  );
  return { status, run: JSON.parse(stdout), ids: ids as readonly number[] };
}

/** No worker is left: what was not answered is named, once. */
function expectEnd(devices: string, ranks: number, fault: string, failure: string) {
  const samples = 2000;
  const { status, run, ids } = runFaulty(samples, devices, ranks, fault);
  expect(status).toBe(5);
  expect(run.valid).toBe(false);
  const reasons = run.invalidReasons.join('\n');
  expect(reasons).toMatch(new RegExp(`(engine broke|\\) failed) at step \\d+: ${failure}`));
  expect(reasons).toMatch(/\d+ samples failed, first sample \d+: /);
  const { issuedSamples, completedSamples, failedSamples } = run.performance;
  expect(completedSamples).toBeGreaterThanOrEqual(samples / 2);
  expect([issuedSamples, completedSamples + failedSamples]).toEqual([samples, samples]);
  expect([ids.length, new Set(ids).size]).toEqual([completedSamples, completedSamples]);
  return { run };
}

/** Worker 1 of two fails: worker 0 answers what is left. */
function expectOther(devices: string, ranks: number, fault: string, failure: string) {
  const samples = 10_000;
  const { status, run, ids } = runFaulty(samples, devices, ranks, fault);
  expect(status).toBe(3);
  expect(run.performance).toMatchObject({
    ...{ issuedSamples: samples, completedSamples: samples, failedSamples: 0 },
  });
  expect([ids.length, new Set(ids).size]).toEqual([samples, samples]);
  const [ok, failed] = run.sut.workers;
  expect([ok.state, failed.state]).toEqual(['ok', 'failed']);
  expect(failed.failure).toMatch(
    new RegExp(`^worker 1 \\(cuda:.*\\) failed at step \\d+: ${failure}`),
  );
  expect(run.invalidReasons.join('\n')).toContain(failed.failure);
  expect(ok.samples + failed.samples).toBe(samples);
}

describe.skipIf(!available)('one GPU', () => {
  test.each(kinds)('%s: the run ends by itself', (kind) => {
    expectEnd('cuda:0', 1, `worker=0,after=50%,kind=${kind}`, told[kind]);
  });
});

describe.skipIf(gpus < 2)('two GPUs', () => {
  test.each(kinds.filter((kind) => kind !== 'device-fault'))(
    '%s: the other worker takes over',
    (kind) => {
      expectOther('cuda:0,1', 1, `worker=1,after=50%,kind=${kind}`, told[kind]);
    },
  );

  // "The process must be terminated and relaunched" (CUDA Runtime API, cudaErrorLaunchFailure).
  test('device-fault: CUDA serves neither worker any more', () => {
    const fault = 'worker=1,after=50%,kind=device-fault';
    const failure = told['device-fault'];
    const { run } = expectEnd('cuda:0,1', 1, fault, failure);
    for (const worker of [0, 1]) {
      expect(run.sut.workers[worker].failure).toMatch(
        new RegExp(`^worker ${worker} \\(cuda:${worker}\\) failed at step \\d+: ${failure}`),
      );
    }
  });

  test.each(kinds)('%s of one rank of two: the group ends by name', (kind) => {
    const failure = `rank 1 of 2 \\(cuda:1\\): ${told[kind]}`;
    expectEnd('cuda:0,1', 2, `worker=0,after=50%,kind=${kind},rank=1`, failure);
  });
});

describe.skipIf(gpus < 4)('two groups of two GPUs', () => {
  test.each(kinds)('%s of one rank: the other group takes over', (kind) => {
    const failure = `rank 1 of 2 \\(cuda:3\\): ${told[kind]}`;
    expectOther('cuda:0,1,2,3', 2, `worker=1,after=50%,kind=${kind},rank=1`, failure);
  });
});
