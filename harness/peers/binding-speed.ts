// node-llama-cpp's part of `npm run bench:peers`, in a process of its own: asked twice, measured once.
//
//   node binding-speed.js INSTALLED_FOLDER FILE.gguf THREADS

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { contextTokens, decodedTokens, makePrompt, promptTokens, speedOf } from './workload.js';

/** As much of the binding's interface as is used. */
interface Binding {
  getLlama(options: object): Promise<{
    readonly systemInfo: string;
    loadModel(options: object): Promise<{
      createContext(options: object): Promise<{ getSequence(): Sequence }>;
    }>;
  }>;
}
interface Sequence {
  clearHistory(): Promise<void>;
  evaluate(tokens: readonly number[], options: object): AsyncIterable<number>;
}

const [folder = '', modelPath = '', given = ''] = process.argv.slice(2);
const threads = Number(given);
const entry = join(folder, 'node_modules', 'node-llama-cpp', 'dist', 'index.js');
const { getLlama }: Binding = await import(pathToFileURL(entry).href);
const llama = await getLlama({
  gpu: false,
  build: 'never',
  logLevel: 'error',
  progressLogs: false,
  maxThreads: threads,
});
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({
  contextSize: contextTokens,
  batchSize: promptTokens,
  sequences: 1,
  threads: { ideal: threads, min: threads },
});
const sequence = context.getSequence();

async function answer() {
  await sequence.clearHistory();
  const tokenMs: number[] = [];
  const askedMs = performance.now();
  for await (const _ of sequence.evaluate(makePrompt(), { temperature: 0, yieldEogToken: true })) {
    if (tokenMs.push(performance.now()) > decodedTokens) break;
  }
  return speedOf(askedMs, tokenMs, llama.systemInfo);
}

await answer();
process.stdout.write(`${JSON.stringify(await answer())}\n`);
process.exit(0);
