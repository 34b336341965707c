// What a person reads from `npm run bench:gpu`: the ceilings measured in this run, then a line a measurement with its
// share of the ceiling that binds it, and beside it what others reach.

import type { Spread } from '../gpu-bench/figures.js';
import { peersMachine } from '../gpu-bench/peers.js';
import type {
  BatchedLine,
  Ceilings,
  DecodeLine,
  FailedLine,
  GpuBenchmark,
  LinearsLine,
} from '../gpu-bench/record.js';
import { alignColumns } from './columns.js';

/** Without the last newline. */
export function formatGpuBenchmark(record: GpuBenchmark): string {
  const { gpu, ceilings, linears, decode, batched } = record;
  const tables = [
    ...(linears.length > 0 ? [formatLinears(linears)] : []),
    ...(decode.length > 0 ? [formatDecode(decode)] : []),
    ...(batched.length > 0 ? [formatBatched(batched)] : []),
  ];
  const hasPeers = decode.length + batched.length > 0;
  const note = `gpt-fast and llama.cpp were measured on ${peersMachine}, not in this run.`;
  const parts = [formatCeilings(gpu, ceilings), ...tables, ...(hasPeers ? [note] : [])];
  return parts.join('\n\n');
}

function formatCeilings(gpu: string, ceilings: Ceilings): string {
  const { measured, datasheetReadGBs, datasheetTflops, absentBecause } = ceilings;
  const sheet =
    datasheetReadGBs === null || datasheetTflops === null
      ? 'no datasheet listed'
      : `datasheet: ${datasheetReadGBs} GB/s, ${datasheetTflops} TFLOP/s`;
  if (measured === null) return `${gpu}; ceilings not measured: ${absentBecause}; ${sheet}`;
  const { readGBs, matrixTflops } = measured;
  return (
    `Ceilings, ${gpu}: plain read ${readGBs.toFixed(0)} GB/s, fp16 8192^3 ` +
    `${matrixTflops.toFixed(0)} TFLOP/s (${sheet})`
  );
}

function formatLinears(lines: readonly LinearsLine[]): string {
  const header = ['int4 linears of a layer', 'rows', 'us', 'GB/s', 'TFLOP/s', 'cuBLAS fp16 us'];
  return alignColumns([
    [...header, 'share of ceiling'],
    ...lines.map((line) => [
      line.shape,
      String(line.rows),
      line.int4Us.toFixed(1),
      line.int4GBs.toFixed(0),
      line.int4Tflops.toFixed(1),
      line.cublasFp16Us === null ? '' : line.cublasFp16Us.toFixed(1),
      // The ceiling that is nearer is the one that binds.
      line.int4ReadShare >= line.int4MatrixShare
        ? `${percent(line.int4ReadShare)} of read`
        : `${percent(line.int4MatrixShare)} of matrix`,
    ]),
  ]);
}

function formatDecode(lines: readonly (DecodeLine | FailedLine)[]): string {
  const measured = lines.find((line) => 'mbu' in line);
  const sizes =
    measured === undefined ? '' : `, ${measured.promptTokens} + ${measured.newTokens} tokens`;
  const header = [`decode, batch 1${sizes}`, 'tokens/s: min', 'median', 'max', 'first token ms'];
  return alignColumns([
    [...header, 'gpt-fast', 'llama.cpp', 'share of ceiling (MBU)'],
    ...lines.map((line) =>
      'failed' in line
        ? [line.model, '', '', '', '', '', '', line.failed]
        : [
            line.model,
            ...spreadCells(line.tokensPerSecond),
            line.firstTokenMs.median.toFixed(1),
            line.peers === null ? '' : String(line.peers.gptFast),
            line.peers === null ? '' : String(line.peers.llamaCpp),
            describeMbu(line.mbu),
          ],
    ),
  ]);
}

function describeMbu({ ofMeasured, ofDatasheet }: DecodeLine['mbu']): string {
  const shares = [
    ...(ofMeasured === null ? [] : [`${percent(ofMeasured)} of read`]),
    ...(ofDatasheet === null ? [] : [`${percent(ofDatasheet)} of the datasheet's`]),
  ];
  return shares.length > 0 ? shares.join(', ') : 'no ceiling';
}

function formatBatched(lines: readonly (BatchedLine | FailedLine)[]): string {
  const measured = lines.find((line) => 'batch' in line);
  const sizes =
    measured === undefined ? '' : `, ${measured.promptTokens} + ${measured.newTokens} tokens`;
  const header = [`static batches${sizes}`, 'batch', 'tokens/s', 'share', 'decode tokens/s'];
  return alignColumns([
    [...header, 'llama.cpp tokens/s', 'decode share of ceiling'],
    ...lines.map((line) =>
      'failed' in line
        ? [line.model, '', '', '', '', '', line.failed]
        : [
            line.model,
            String(line.batch),
            rate(line.tokensPerSecond.median),
            line.share === null ? '' : percent(line.share),
            line.decodeTokensPerSecond === null ? '' : rate(line.decodeTokensPerSecond.median),
            line.llamaCpp === null ? '' : String(line.llamaCpp),
            describeDecodeShare(line),
          ],
    ),
  ]);
}

function describeDecodeShare({ decodeShare, decodeLimit, preemptions }: BatchedLine): string {
  const share = decodeShare === null ? 'no ceiling' : `${percent(decodeShare)} of ${decodeLimit}`;
  return preemptions === 0 ? share : `${share}; ${preemptions} preempted for want of memory`;
}

function spreadCells({ min, median, max }: Spread): string[] {
  return [min, median, max].map(rate);
}

function rate(value: number): string {
  return value.toFixed(value < 1000 ? 1 : 0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
