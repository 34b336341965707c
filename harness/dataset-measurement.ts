// How long does a dataset's file take to load, and how much memory? One file a process, as bench-datasets.ts calls it;
// prints one JSON object.

import { loadDataset } from '../datasets/index.js';

/** Of one file, loaded once. */
export interface DatasetMeasurement {
  readonly rows: number;
  /** Of prompts that come as tokens. */
  readonly tokens: number;
  readonly wallSeconds: number;
  /** On a busy machine these say more than those of the clock. */
  readonly cpuSeconds: number;
  /** The most that was resident, 10^6 bytes, Node itself among it. */
  readonly peakMegabytes: number;
}

const startMs = performance.now();
const before = process.cpuUsage();
const dataset = await loadDataset(process.argv[2]!, 'test');
const { user, system } = process.cpuUsage(before);
const wallSeconds = (performance.now() - startMs) / 1000;
const cpuSeconds = (user + system) / 1e6;
const peakMegabytes = (process.resourceUsage().maxRSS * 1024) / 1e6;
let tokens = 0;
for (let i = 0; i < dataset.length; i++) {
  const sample = dataset.sample(i);
  if (sample.kind === 'generation') tokens += sample.promptTokens?.length ?? 0;
}
const measured: DatasetMeasurement = {
  rows: dataset.length,
  tokens,
  wallSeconds,
  cpuSeconds,
  peakMegabytes,
};
process.stdout.write(`${JSON.stringify(measured)}\n`);
