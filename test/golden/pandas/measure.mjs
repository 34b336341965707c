// How long does a dataset's file take to load, and how much memory? One file a process, in MB of peak resident memory.
//
//   npm run build && node test/golden/pandas/measure.mjs FILE
import { statSync } from 'node:fs';

const { loadDataset } = await import('../../../dist/datasets/index.js');
const [file] = process.argv.slice(2);
const before = process.resourceUsage().maxRSS / 1024;
const startMs = performance.now();
const dataset = await loadDataset(file, 'test');
const seconds = (performance.now() - startMs) / 1000;
const rss = process.resourceUsage().maxRSS / 1024;
const megabytes = (statSync(file).size / 1e6).toFixed(0);
let tokens = 0;
for (let i = 0; i < dataset.length; i++) tokens += dataset.sample(i).promptTokens?.length ?? 0;
console.log(
  `${file}: ${megabytes} MB, ${dataset.length} rows, ${tokens} tokens: ${seconds.toFixed(2)} s, ${rss.toFixed(0)} MB at most (${before.toFixed(0)} before)`,
);
