// Which limits does a run's scenario set to its times, and were they kept? As LoadGen was asked, in its settings.

import type { Histogram } from '../../../histogram.js';
import type { RunRecord } from '../../../run-record.js';
import type { Limit } from '../charts/distribution.js';
import { formatNumber } from '../number-text.js';

export type LimitedTime = 'latencyMs' | 'ttftMs' | 'tpotMs';

export interface TimeLimit extends Limit {
  readonly time: LimitedTime;
  /** "time to first token" */
  readonly what: string;
  /** Which percentile has to keep it: "p99", a key of the histogram. */
  readonly percentile: keyof Histogram;
  readonly measured: number | null;
  readonly isKept: boolean | null;
}

const whatOf: Readonly<Record<LimitedTime, string>> = {
  latencyMs: 'latency',
  ttftMs: 'time to first token',
  tpotMs: 'time per output token',
};

/** Server's only; the other scenarios have none. */
export function listLimits({ settings, performance, scenario }: RunRecord): TimeLimit[] {
  if (settings === null || performance === null || scenario !== 'Server') return [];
  const { effective } = settings;
  const given: readonly (readonly [LimitedTime, number])[] = effective.useTokenLatencies
    ? [
        ['ttftMs', effective.serverTtftLatencyNs],
        ['tpotMs', effective.serverTpotLatencyNs],
      ]
    : [['latencyMs', effective.targetLatencyNs]];
  const share = effective.targetLatencyPercentile;
  const percentile = percentileOf(share);
  return given
    .filter(([, ns]) => ns > 0)
    .map(([time, ns]) => {
      const value = ns / 1e6;
      const measured = performance[time]?.[percentile] ?? null;
      return {
        time,
        what: whatOf[time],
        value,
        name: `limit ${formatNumber(value)}\u00a0ms`,
        percentile,
        measured,
        isKept: measured === null ? null : measured <= value,
      };
    });
}

/** The histograms hold the percentiles that MLPerf asks for; another is shown by the next one above. */
function percentileOf(share: number): keyof Histogram {
  const known = [
    [0.5, 'p50'],
    [0.9, 'p90'],
    [0.95, 'p95'],
    [0.97, 'p97'],
    [0.99, 'p99'],
    [0.999, 'p99_9'],
  ] as const;
  return known.find(([least]) => share <= least + 1e-9)?.[1] ?? 'max';
}

/** "p99_9" -> "p99.9" */
export function percentileName(key: keyof Histogram): string {
  return key.replace('_', '.');
}
