// Does an engine end as quietly as it should, however its process or thread ends? Each case runs in a process of its
// own, straight against the addon, and must exit by itself with the expected code and no signal.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { goldenFolder, makeOptions } from './golden-model.js';

const addonPath = join(
  dirname(fileURLToPath(import.meta.url)),
  '../../native/build/Release/loadmark.node',
);
const options = {
  ...makeOptions('float32', { maxSequenceTokens: 512, maxBatch: 64 }),
  modelPath: join(goldenFolder, 'float32'),
  weightFormat: 'checkpoint',
  cudaGraphs: true,
  tensorParallelDevices: [],
  faultAtStep: 0,
  faultKind: 'exception',
  faultRank: -1,
  stepLag: 0,
};

const prelude = `
  const { Worker, isMainThread, parentPort } = require('node:worker_threads');
  const { mkdtempSync } = require('node:fs');
  const { join } = require('node:path');
  const { tmpdir } = require('node:os');
  const addon = require(${JSON.stringify(addonPath)});
  const options = ${JSON.stringify(options)};
  const load = (onEvents, onBroken) =>
    addon.loadEngine(options, onEvents ?? (() => {}), onBroken ?? (() => {}));
  const fill = (type, count, value) => new type(count).fill(value);
  const submit = (engine, count, maxNew = 400) => engine.submit({
    ids: Int32Array.from({ length: count }, (_, i) => i),
    promptTokens: fill(Int32Array, count * 4, 7), promptCounts: fill(Int32Array, count, 4),
    stopTokens: new Int32Array(0), stopCounts: new Int32Array(count),
    maxNewTokens: fill(Int32Array, count, maxNew), minNewTokens: new Int32Array(count),
    temperatures: new Float64Array(count), topKs: new Int32Array(count),
    topPs: fill(Float64Array, count, 1), seeds: new BigUint64Array(count),
  });
`;

interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

function runProcess(body: string, flags: string[] = []): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const source = `${prelude}\n(async () => {${body}})();`;
    const child = spawn(process.execPath, [...flags, '-e', source], {
      env: { ...process.env, SOURCE: source },
      timeout: 30_000,
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}

async function expectEnding(body: string, code: number, output: RegExp, flags: string[] = []) {
  // Races show only sometimes.
  for (let round = 0; round < 3; round++) {
    const ending = await runProcess(body, flags);
    expect(ending, ending.output).toMatchObject({ code, signal: null });
    expect(ending.output).toMatch(output);
  }
}

test('an idle engine that nobody closed does not keep the process', () =>
  expectEnding(`globalThis.engine = await load(); console.log('loaded');`, 0, /^loaded\n$/));

test('an engine at work keeps the process until its last answer', () =>
  expectEnding(
    `let last = 0;
     globalThis.engine = await load((batch) => { for (const s of batch.statuses) last += s !== 0; });
     submit(engine, 8, 50);
     process.on('exit', () => console.log('finished', last));`,
    0,
    /^finished 8\n$/,
  ));

test('process.exit() in the middle of the work', () =>
  expectEnding(
    `const engine = await load((batch) => { console.log('at work'); process.exit(7); });
     submit(engine, 64);`,
    7,
    /^at work\n$/,
  ));

test('process.exit() while loading', () =>
  expectEnding(`load(); setImmediate(() => process.exit(3));`, 3, /^$/));

test('an exception in a handler is an uncaught exception of the process', () =>
  expectEnding(
    `const engine = await load(() => { throw new Error('handler failed'); }); submit(engine, 4);`,
    1,
    /handler failed/,
  ));

test('a caught handler exception leaves the engine working', () =>
  expectEnding(
    `let events = 0;
     process.on('uncaughtException', () => {});
     const engine = await load(() => { events++; throw new Error('handler failed'); });
     submit(engine, 1, 5);
     process.on('exit', () => console.log(events));`,
    0,
    /^5\n$/,
  ));

test('an engine that JavaScript forgot is collected', () =>
  expectEnding(
    `for (let i = 0; i < 20; i++) { await load(); }
     for (let i = 0; i < 10; i++) { gc(); await new Promise((r) => setTimeout(r, 5)); }
     const fs = require('node:fs');
     const threads = fs.readdirSync('/proc/self/task').length;
     console.log(threads < 40 ? 'collected' : 'leaked ' + threads);`,
    0,
    /^collected\n$/,
    ['--expose-gc'],
  ));

const workerBody = `
  if (isMainThread) {
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(process.env.SOURCE, { eval: true });
      await new Promise((resolve) => worker.once('message', resolve));
      END
    }
    console.log('ended');
  } else {
    const engine = await load(() => parentPort.postMessage('working'));
    submit(engine, 64);
  }`;

test('terminate() of a worker in the middle of the work', () =>
  expectEnding(workerBody.replace('END', 'await worker.terminate();'), 0, /^ended\n$/));

test('terminate() of a worker while it loads', () =>
  expectEnding(
    `if (isMainThread) {
       for (let i = 0; i < 3; i++) {
         const worker = new Worker(process.env.SOURCE, { eval: true });
         await new Promise((resolve) => worker.once('message', resolve));
         await worker.terminate();
       }
       console.log('ended');
     } else {
       parentPort.postMessage('loading');
       await load();
     }`,
    0,
    /^ended\n$/,
  ));

test.each([
  [
    'refused calls',
    'try { await addon.loadEngine({ modelPath: 4 }, () => {}, () => {}); } catch {}',
  ],
  ['calls that return', 'addon.hostFeatures();'],
])('terminate() of a worker amid %s', (_, call) =>
  expectEnding(
    `if (isMainThread) {
       for (let i = 0; i < 10; i++) {
         const worker = new Worker(process.env.SOURCE, { eval: true });
         await new Promise((resolve) => worker.once('message', resolve));
         await new Promise((resolve) => setTimeout(resolve, i % 4));
         await worker.terminate();
       }
       console.log('ended');
     } else {
       parentPort.postMessage('calling');
       for (;;) { ${call} }
     }`,
    0,
    /^ended\n$/,
  ),
);

const quantizing = `
  const tokens = fill(Int32Array, 400_000, 7);
  const job = addon.startQuantize({
    modelPath: options.modelPath, outputFile: join(mkdtempSync(join(tmpdir(), 'loadmark-')), 'out'),
    method: 'gptq', groupSize: 32, symmetric: true, descAct: false, mse: true, damp: 0.01,
    checkpointFormat: 'gptq', tokens, lengths: fill(Int32Array, 4000, 100), threads: 1,
    instructionSet: 'plain',
  }, () => {});`;

test('process.exit() in the middle of quantizing does not wait for the rest', async () => {
  const started = performance.now();
  const { code, signal, output } = await runProcess(
    `${quantizing} setTimeout(() => process.exit(7), 100);`,
  );
  expect({ code, signal }, output).toEqual({ code: 7, signal: null });
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('terminate() of a worker in the middle of quantizing', () =>
  expectEnding(
    `if (isMainThread) {
       for (let i = 0; i < 3; i++) {
         const worker = new Worker(process.env.SOURCE, { eval: true });
         await new Promise((resolve) => worker.once('message', resolve));
         await new Promise((resolve) => setTimeout(resolve, 20 * i));
         await worker.terminate();
       }
       console.log('ended');
     } else {
       ${quantizing}
       parentPort.postMessage('quantizing');
       await job.promise;
     }`,
    0,
    /^ended\n$/,
  ));

test('engines of several workers and the main thread work side by side', () =>
  expectEnding(
    `const answer = async () => {
       let tokens = '', resolve;
       const done = new Promise((r) => { resolve = r; });
       const engine = await load((batch) => {
         tokens += batch.tokens.join();
         if (batch.statuses.some((s) => s !== 0)) resolve();
       });
       submit(engine, 1, 20);
       await done;
       await engine.close();
       return tokens;
     };
     if (!isMainThread) { parentPort.postMessage(await answer()); return; }
     const workers = [1, 2, 3].map(() => new Worker(process.env.SOURCE, { eval: true }));
     const answers = await Promise.all(workers.map((w) => new Promise((r) => w.once('message', r))));
     answers.push(await answer());
     console.log(new Set(answers).size);`,
    0,
    /^1\n$/,
  ));

test('close() in the middle of the work cancels it and frees the process', () =>
  expectEnding(
    `let cancelled = 0;
     const engine = await load((batch) => { for (const s of batch.statuses) cancelled += s === 4; });
     submit(engine, 100);
     const scored = engine.forwardLogits(Int32Array.of(1, 2, 3)).then(() => 'done', (error) => error.code);
     await engine.close();
     await engine.close();
     let code;
     try { submit(engine, 1); } catch (error) { code = error.code; }
     console.log(cancelled, await scored, code);`,
    0,
    /^100 (ERR_ENGINE_BROKEN|done) ERR_ENGINE_BROKEN\n$/,
  ));
