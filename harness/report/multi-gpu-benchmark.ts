// What a person reads from `npm run bench:multi-gpu`: a line a model, and what several devices gave over one.

import type { FailedLine } from '../gpu-bench/record.js';
import type {
  MultiGpuBenchmark,
  RankAgreement,
  ReplicasLine,
  ServerLine,
  ServerRun,
  TensorParallelLine,
  ThroughputRun,
} from '../multi-gpu-bench/record.js';
import { alignColumns } from './columns.js';

/** Without the last newline. */
export function formatMultiGpuBenchmark(record: MultiGpuBenchmark): string {
  const { devices, replicas, server, tensorParallel } = record;
  const tables = [
    ...(replicas.length > 0 ? [formatReplicas(replicas, devices.length)] : []),
    ...(server.length > 0 ? [formatServer(server)] : []),
    ...(tensorParallel.length > 0 ? [formatTensorParallel(tensorParallel)] : []),
  ];
  return [`Devices: ${devices.join(', ')}`, ...tables].join('\n\n');
}

function formatReplicas(lines: readonly (ReplicasLine | FailedLine)[], count: number): string {
  const header = ['replicas, Offline, tokens/s', 'one', `${count} workers`, 'factor'];
  return alignColumns([
    [...header, 'busy'],
    ...lines.map((line) =>
      'failed' in line
        ? [line.model, '', '', '', line.failed]
        : [
            line.model,
            line.one.map(({ tokensPerSecond }) => rate(tokensPerSecond)).join(' '),
            line.all.map(({ tokensPerSecond }) => rate(tokensPerSecond)).join(' '),
            formatFactor(line.factor),
            [...line.all.map(describeBusy), ...listReasons([...line.one, ...line.all])].join('; '),
          ],
    ),
  ]);
}

/** Where there is none, a run was INVALID. */
function formatFactor(factor: number | null): string {
  return factor === null ? '-' : `${factor.toFixed(2)}x`;
}

/** Why runs are INVALID, each reason once. */
function listReasons(runs: readonly ThroughputRun[]): string[] {
  return [...new Set(runs.flatMap(({ invalidReasons }) => invalidReasons))];
}

function describeBusy({ busyShares, valid }: ThroughputRun): string {
  const shares = busyShares.map((share) =>
    share === null ? 'not timed' : `${(100 * share).toFixed(1)} %`,
  );
  return `${shares.join(' ')}${valid ? '' : ' (INVALID)'}`;
}

function formatServer(lines: readonly (ServerLine | FailedLine)[]): string {
  return alignColumns([
    ['Server, queries/s', 'one', 'all', 'factor', ''],
    ...lines.map((line) =>
      'failed' in line
        ? [line.model, '', '', '', line.failed]
        : [
            line.model,
            line.one.map(describeRate).join(', '),
            line.all.map(describeRate).join(', '),
            formatFactor(line.factor),
            [
              `${line.seconds} s each`,
              ...(line.one.at(-1)?.valid === true ? ['one worker had no INVALID rate'] : []),
              ...listReasons([...line.one, ...line.all]),
            ].join('; '),
          ],
    ),
  ]);
}

function describeRate({ targetQps, valid }: ServerRun): string {
  return `${Number(targetQps.toPrecision(6))} ${valid ? 'VALID' : 'INVALID'}`;
}

function formatTensorParallel(lines: readonly (TensorParallelLine | FailedLine)[]): string {
  const header = ['tensor parallel', 'ranks', 'decode tokens/s: one', 'all', 'factor'];
  return alignColumns([
    [...header, 'first token ms: one', 'all', 'factor', ''],
    ...lines.map((line) =>
      'failed' in line
        ? [line.model, '', '', '', '', '', '', '', line.failed]
        : [
            line.model,
            String(line.ranks),
            rate(line.decode.one.median),
            rate(line.decode.all.median),
            `${line.decode.factor.toFixed(2)}x`,
            line.prefill.oneMs.median.toFixed(1),
            line.prefill.allMs.median.toFixed(1),
            `${line.prefill.factor.toFixed(2)}x`,
            [
              `decode ${line.decode.promptTokens} in, ${line.decode.newTokens} out`,
              `prefill ${line.prefill.promptTokens}`,
              describeAgreement(line.agreement),
            ].join('; '),
          ],
    ),
  ]);
}

function describeAgreement(agreement: RankAgreement): string {
  const { largestLogitDifference, logitDeviation, positions, sameTokens, tokens } = agreement;
  const share = (largestLogitDifference / logitDeviation).toExponential(1);
  return `logits of ${positions} positions within ${largestLogitDifference.toExponential(1)} (${share} of their deviation), ${sameTokens} of ${tokens} tokens the same`;
}

function rate(value: number): string {
  return value.toFixed(value < 1000 ? 1 : 0);
}
