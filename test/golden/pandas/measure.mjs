// How long does a dataset's file take to load, and how much memory? One file a process; memory is the most that was
// resident, in MB. On a busy machine the seconds of the processor say more than those of the clock.
//
//   npm run build && node test/golden/pandas/measure.mjs FILE [--json]
import { statSync } from 'node:fs';

const { loadDataset } = await import('../../../dist/datasets/index.js');
const [file, form] = process.argv.slice(2);
const startMs = performance.now();
const before = process.cpuUsage();
const dataset = await loadDataset(file, 'test');
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - startMs) / 1000;
const cpuSeconds = (user + system) / 1e6;
const peakMegabytes = process.resourceUsage().maxRSS / 1024;
let tokens = 0;
for (let i = 0; i < dataset.length; i++) tokens += dataset.sample(i).promptTokens?.length ?? 0;
const rows = dataset.length;
if (form === '--json') {
  console.log(JSON.stringify({ rows, tokens, seconds, cpuSeconds, peakMegabytes }));
} else {
  const size = (statSync(file).size / 1e6).toFixed(0);
  console.log(
    `${file}: ${size} MB, ${rows} rows, ${tokens} tokens: ${seconds.toFixed(2)} s (processor ${cpuSeconds.toFixed(2)} s), ${peakMegabytes.toFixed(0)} MB at most`,
  );
}
