// loadmark's part of `npm run bench:peers`, in a process of its own: the engine on the CPU, asked twice, measured once.
//
//   node own-speed.js FILE.gguf THREADS

import { Engine } from '../../native/index.js';
import { TokenTimes } from '../token-times.js';
import { contextTokens, decodedTokens, makePrompt, promptTokens, speedOf } from './workload.js';

const [modelPath = '', threads = ''] = process.argv.slice(2);
const times = new TokenTimes();
const engine = await Engine.load(
  {
    modelPath,
    device: 'cpu',
    threads: Number(threads),
    maxBatch: 1,
    maxSequenceTokens: contextTokens,
    maxStepTokens: promptTokens,
    pageTokens: 16,
    kvCacheBytes: 0,
    kvCacheType: 'fp16',
    instructionSet: 'auto',
    activationType: 'int8',
  },
  { onEvents: (batch) => times.take(batch), onBroken: (error) => times.break(error) },
);

async function answer() {
  const answered = times.expect(1);
  const askedMs = Number(process.hrtime.bigint()) / 1e6;
  engine.submit([
    {
      id: 0,
      promptTokens: Int32Array.from(makePrompt()),
      maxNewTokens: decodedTokens + 1,
      minNewTokens: 0,
      stopTokens: new Int32Array(0),
      temperature: 0,
      topK: 0,
      topP: 1,
      seed: 0n,
    },
  ]);
  const [tokenNs = []] = await answered;
  const { weightFormat, instructionSet } = engine.info;
  const tokenMs = tokenNs.map((ns) => ns / 1e6);
  return speedOf(askedMs, tokenMs, `${instructionSet}, ${weightFormat}`);
}

await answer();
const speed = await answer();
await engine.close();
process.stdout.write(`${JSON.stringify(speed)}\n`);
