// `bench eval` over several workers: the answers of one, also where one of them fails on the way.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { loadTokenizer } from '../../../datasets/index.js';
import type { EvalRecord } from '../../../harness/commands/eval.js';
import { EvalEngine } from '../../../harness/eval/eval-engine.js';
import { makeTextEncoder } from '../../../harness/eval/text-encoder.js';
import { findPackageRoot } from '../../../harness/package-root.js';
import type { WorkerOptions } from '../../../harness/worker-options.js';
import { callBench } from '../bench-call.js';

const data = join(dirname(fileURLToPath(import.meta.url)), '../../golden/lm-eval/data');
const model = join(findPackageRoot().folder, 'configs', 'models', 'tiny-int4');
const work = mkdtempSync(join(tmpdir(), 'loadmark-eval-workers-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function callEval(device: string, folder: string, ...more: string[]) {
  return callBench(
    ...['eval', 'tiny', '--tasks', 'winogrande,gsm8k', '--shots', '0', '--limit', '12'],
    ...['--data', data, '--device', device, '--output', join(work, folder)],
    ...['--quiet', '--json', ...more],
  );
}

async function evaluate(device: string): Promise<EvalRecord> {
  const { code, stdout, stderr } = await callEval(device, device);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

test('two workers score what one does, and go on with what it has kept', async () => {
  const one = await evaluate('cpu');
  const two = await evaluate('cpu,cpu');
  expect(two.tasks).toEqual(one.tasks);
  expect([one.workers, two.workers]).toEqual([[['cpu']], [['cpu'], ['cpu']]]);
  expect(two.remarks).toEqual([]);
  expect(two.settingsDigest).toBe(one.settingsDigest);
});

test('what devices computed together is not gone on with by one alone', async () => {
  const together = await callEval('cpu,cpu', 'together', '--tensor-parallel', '2');
  expect(together).toMatchObject({ code: 0, stderr: '' });
  const { settings, workers } = JSON.parse(together.stdout) as EvalRecord;
  expect({ tensorParallel: settings.tensorParallel, workers }).toEqual({
    tensorParallel: '2',
    workers: [['cpu', 'cpu']],
  });
  const alone = await callEval('cpu', 'together');
  expect(alone.code).toBe(2);
  expect(alone.stderr).toContain(
    'holds an evaluation with other settings (tensorParallel); allowed: the same command',
  );
});

const options: WorkerOptions = {
  modelPath: model,
  device: 'cpu',
  threads: 1,
  maxBatch: 4,
  maxSequenceTokens: 128,
  maxStepTokens: 32,
  pageTokens: 16,
  kvCacheBytes: 0,
  kvCacheType: 'fp32',
  instructionSet: 'auto',
  activationType: 'fp32',
};

/** What 24 calls and 12 generations come to on these workers. */
async function answer(workers: readonly Partial<WorkerOptions>[]) {
  const encoder = makeTextEncoder(await loadTokenizer(model));
  const notes: string[] = [];
  const all = workers.map((changes) => ({ ...options, ...changes }));
  const engine = await EvalEngine.load(all, encoder, (remark) => notes.push(remark));
  try {
    const texts = Array.from({ length: 24 }, (_, at) => encoder.encode(`Item ${at} of a list`));
    const weighed = texts.map((prompt) =>
      engine.weigh([[{ prompt, continuation: encoder.encodePlain(' and what follows it') }]]),
    );
    const ends = { maxNewTokens: 12, stopTokens: new Int32Array(0), stops: ['\n'] };
    const generated = texts.slice(0, 12).map((prompt) => engine.generate({ prompt, ...ends }));
    const results = await Promise.allSettled([...weighed, ...generated]);
    return { results, notes, remarks: engine.remarks, brokenBy: engine.brokenBy };
  } finally {
    await engine.close();
  }
}

// A worker that the machine leaves no time for takes two steps all the same: with what it holds from the start.
test('what a failed worker had not answered is answered by the other, and told', async () => {
  const one = await answer([{}]);
  const two = await answer([{}, { faultAtStep: 2 }]);
  expect(one.results.every(({ status }) => status === 'fulfilled')).toBe(true);
  expect(two.results).toEqual(one.results);
  expect(two.brokenBy).toBeNull();
  expect(two.remarks).toEqual([
    expect.stringMatching(
      /^worker 1 \(cpu\) failed at step 2: .*; \d+ unfinished requests were sent again to the others$/,
    ),
  ]);
  expect(two.notes).toEqual(two.remarks);
});

test('with no worker left every promise is rejected with the reason', async () => {
  const { results, brokenBy } = await answer([{ faultAtStep: 9 }, { faultAtStep: 2 }]);
  expect(brokenBy?.message).toMatch(/^no worker is left: worker 0 .*step 9.*; worker 1 .*step 2/);
  const rejected = results.filter(({ status }) => status === 'rejected');
  expect(rejected.length).toBeGreaterThan(0);
  for (const { reason } of rejected as PromiseRejectedResult[]) {
    expect(reason).toBe((brokenBy as Error).cause);
  }
});
