// What a person reads from `npm run bench:peers`: a block a file, a line a system with its median, its slowest and fastest
// run, and how many times as fast loadmark is.

import type { FileTimes, PeerBenchmark } from '../peers/record.js';
import { alignColumns } from './columns.js';

/** Without the last newline. */
export function formatPeerBenchmark(record: PeerBenchmark): string {
  const { promptTokens, decodedTokens, threads, files, directAbsentBecause } = record;
  const repeats = files[0]?.systems[0]?.runs.length ?? 0;
  return [
    `One sequence, ${promptTokens} prompt tokens and ${decodedTokens} more; ${threads} threads each; medians of ${repeats} runs in turns`,
    ...files.flatMap((file) => ['', formatFile(file)]),
    ...(directAbsentBecause === null
      ? []
      : ['', `llama.cpp was not measured without its binding: ${directAbsentBecause}`]),
  ].join('\n');
}

function formatFile({ name, bytes, systems }: FileTimes): string {
  const range = (values: readonly number[]) =>
    `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`;
  const ratio = (value: number) => `${value.toFixed(2)}x`;
  const lines = systems.map(
    ({ name: system, runs, prefill, decode, prefillRatio, decodeRatio }) => [
      system,
      prefill.toFixed(1),
      range(runs.map((run) => run.prefillTokensPerSecond)),
      ratio(prefillRatio),
      decode.toFixed(1),
      range(runs.map((run) => run.decodeTokensPerSecond)),
      ratio(decodeRatio),
    ],
  );
  const head = ['prefill tokens/s', 'range', 'loadmark', 'decode tokens/s', 'range', 'loadmark'];
  return alignColumns([[`${name} (${(bytes / 1e6).toFixed(0)} MB)`, ...head], ...lines]);
}
