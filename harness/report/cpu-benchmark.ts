// What a person reads from `npm run bench:cpu`: the limits measured in this run, then a line a kernel or engine
// configuration with its share of the limit that binds it.

import type { EngineTimes, OperatorTimes } from '../bench-cpu.js';
import { alignColumns } from './columns.js';

/** Without the last newline. */
export function formatCpuBenchmark(
  { limits, operators, isa, threads }: OperatorTimes,
  engine: readonly EngineTimes[],
): string {
  const rows = [
    ['operator', 'median us', 'best us', 'GB/s', 'GOP/s', 'share of limit'],
    ...operators.map((line) => [
      line.kernel === '' ? line.name : `${line.name}, ${line.kernel}`,
      line.medianUs.toFixed(1),
      line.bestUs.toFixed(1),
      line.gigabytesPerSecond.toFixed(1),
      line.gigaopsPerSecond.toFixed(0),
      describeShare(line, limits),
    ]),
  ];
  const engineRows = [
    ['engine (every repeat)', 'generated tokens/s', 'GOP/s', 'share of limit'],
    ...engine.map((line) => [
      line.name,
      line.tokensPerSecond.map((value) => value.toFixed(0)).join(' '),
      line.gigaopsPerSecond.toFixed(0),
      `${(100 * line.share).toFixed(1)} % of ${line.limit}`,
    ]),
  ];
  return [
    `Limits, ${threads} threads, ${isa}: memory read ${limits.memoryReadGBs.toFixed(1)} GB/s, ` +
      `fp32 multiply-add ${limits.fp32MultiplyAddGops.toFixed(0)} GOP/s, ` +
      `int8 dot product ${limits.int8DotGops.toFixed(0)} GOP/s`,
    '',
    alignColumns(rows),
    '',
    alignColumns(engineRows),
  ].join('\n');
}

/**
 * Of memory twice: of a plain read beside each repetition, which drifts with a shared machine as the operator does, and
 * of the best read of the whole run.
 */
function describeShare(
  { share, limit, gigabytesPerSecond, medianUs, readMedianUs }: OperatorTimes['operators'][number],
  { memoryReadGBs }: OperatorTimes['limits'],
): string {
  if (share === null) return '';
  const percent = `${(100 * share).toFixed(1)} %`;
  if (readMedianUs === undefined) return `${percent} of ${limit}`;
  const beside = (gigabytesPerSecond * medianUs) / readMedianUs;
  const ofBest = ((100 * gigabytesPerSecond) / memoryReadGBs).toFixed(1);
  return `${percent} of a read beside it (${beside.toFixed(1)} GB/s), ${ofBest} % of the best read`;
}
