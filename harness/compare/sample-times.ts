// What did one sample take? The three times whose percentiles run.json has, from the evidence of a sample.

import type { SampleEvidence } from '../evidence.js';

/** Where run.json has the percentiles of a time. */
export type TimeField = 'ttftMs' | 'tpotMs' | 'latencyMs';

/** Of each time: run.json's name, and the share. */
export const comparedPercentiles = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p99', 0.99],
] as const;

/** One sample's time in ms, from the scheduled instant on; null where it has none. */
export const sampleTimes: Readonly<Record<TimeField, (sample: SampleEvidence) => number | null>> = {
  ttftMs: (sample) => since(sample, sample.firstTokenNs),
  tpotMs: perOutputToken,
  latencyMs: (sample) => since(sample, sample.completedNs),
};

function since({ scheduledNs }: SampleEvidence, ns: number | null): number | null {
  return scheduledNs === null || ns === null ? null : (ns - scheduledNs) / 1e6;
}

function perOutputToken({
  firstTokenNs,
  completedNs,
  outputTokenCount,
}: SampleEvidence): number | null {
  if (firstTokenNs === null || completedNs === null || (outputTokenCount ?? 0) < 2) return null;
  return (completedNs - firstTokenNs) / 1e6 / (outputTokenCount! - 1);
}
