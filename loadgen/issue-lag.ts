// Was the load generator itself late? Latencies count from the instant a query was due and so include its lag; whoever
// reads them should know when that is a share worth naming. It never decides whether a run counts, and LoadGen's
// own files, which do not know it, stay as they are.

import type { SeriesResult } from './series-result.js';
import { percentileOf } from './statistics.js';
import { ordinal } from './verdict.js';

/** The limit that a Server answer must keep, in ns; null elsewhere, or where there is none. */
function latencyLimit({ settings }: SeriesResult): { name: string; ns: number } | null {
  if (settings.scenario !== 'Server') return null;
  const limit = settings.useTokenLatencies
    ? { name: 'TTFT limit', ns: settings.serverTtftLatencyNs }
    : { name: 'latency limit', ns: settings.targetLatencyNs };
  return limit.ns > 0 ? limit : null;
}

function milliseconds(ns: number): string {
  return `${Number((ns / 1e6).toPrecision(4))} ms`;
}

/** What the verdict has to say of the lag, or null. */
export function remarkOnIssueLag(result: SeriesResult): string | null {
  const limit = latencyLimit(result);
  if (limit === null) return null;
  const { targetLatencyPercentile, issueLagShareLimit } = result.settings;
  const lagNs = percentileOf(result.issueLagNs, targetLatencyPercentile);
  if (lagNs <= issueLagShareLimit * limit.ns) return null;
  return (
    `The load generator was late: the ${ordinal(targetLatencyPercentile)} percentile of its issue lag is ${milliseconds(lagNs)}, ` +
    `more than ${Number((100 * issueLagShareLimit).toPrecision(4))} % of the ${limit.name} of ${milliseconds(limit.ns)}. Latencies include the lag.`
  );
}
