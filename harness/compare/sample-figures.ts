// Are the figures of a record those of its samples? Whatever a ratio is made of and samples tell too is computed again: a
// ratio of one and an interval of the other would speak of two different runs.

import type { SampleEvidence } from '../evidence.js';
import type { RunRecord } from '../run-record.js';
import { comparedPercentiles, sampleTimes, type TimeField } from './sample-times.js';
import type { ComparedRun } from './side.js';

/** A figure of run.json, what it says, and between what it lies by the samples. */
interface Recomputed {
  /** run.json's path. */
  readonly figure: string;
  readonly told: number;
  readonly low: number;
  readonly high: number;
  readonly unit: string;
}

/** Figures that are recomputed may differ by rounding, a share. */
const tolerance = 0.005;
/** Times are kept in whole ns; in ms. */
const grain = 2e-6;

/** Figures that disagree, each with both values; none where samples were not kept or are of several rates. */
export function findUnlikeSamples({ record, performance }: ComparedRun) {
  const samples = performance ?? [];
  if (samples.length === 0 || new Set(samples.map(({ series }) => series)).size > 1) return [];
  return [...listTimes(record, samples), ...listRates(record, samples)]
    .filter(
      ({ told, low, high }) =>
        told < low * (1 - tolerance) - grain || told > high * (1 + tolerance) + grain,
    )
    .map(({ figure, told, high, unit }) => {
      const reason = `is ${told.toPrecision(6)} ${unit}, and ${high.toPrecision(6)} ${unit} by the samples' own times and lengths`;
      return { figure, reason };
    });
}

/** A percentile by LoadGen's rule is element trunc(n p) of the ascending list; other rules take the one before it. */
function listTimes({ performance, scenario }: RunRecord, samples: readonly SampleEvidence[]) {
  // MultiStream's latencies are those of queries.
  const fields: readonly TimeField[] =
    scenario === 'MultiStream' ? ['ttftMs', 'tpotMs'] : ['ttftMs', 'tpotMs', 'latencyMs'];
  return fields.flatMap((field): Recomputed[] => {
    const times = samples.map(sampleTimes[field]).filter((time) => time !== null);
    times.sort((a, b) => a - b);
    return comparedPercentiles.flatMap(([name, share]) => {
      const told = performance?.[field]?.[name] ?? null;
      if (told === null || times.length === 0) return [];
      const at = Math.trunc(times.length * share);
      const [low, high] = [times[Math.max(0, at - 1)]!, times[at]!];
      return [{ figure: `performance.${field}.${name}`, told, low, high, unit: 'ms' }];
    });
  });
}

/** Offline's rates; Server's leave the start and the end out, as LoadGen does. */
function listRates(
  { performance, scenario }: RunRecord,
  samples: readonly SampleEvidence[],
): Recomputed[] {
  const done = samples.filter(
    ({ scheduledNs, completedNs }) => scheduledNs !== null && completedNs !== null,
  );
  if (scenario !== 'Offline' || done.length === 0) return [];
  const [start, end] = done.reduce(
    ([first, last], { scheduledNs, completedNs }) => [
      Math.min(first, scheduledNs!),
      Math.max(last, completedNs!),
    ],
    [Number.POSITIVE_INFINITY, 0] as readonly [number, number],
  );
  const seconds = (end - start) / 1e9;
  if (!(seconds > 0)) return [];
  const tokens = done.reduce((sum, { outputTokenCount }) => sum + (outputTokenCount ?? 0), 0);
  return (
    [
      ['tokensPerSecond', tokens, 'tokens/s'],
      ['samplesPerSecond', done.length, 'samples/s'],
    ] as const
  ).flatMap(([name, work, unit]) => {
    const told = performance?.[name] ?? null;
    const rate = work / seconds;
    // Without the answers' lengths there is nothing to go by.
    if (told === null || rate === 0) return [];
    return [{ figure: `performance.${name}`, told, low: rate, high: rate, unit }];
  });
}
