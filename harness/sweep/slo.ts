// Latency limits at a percentile: which were asked for, and do a run's samples keep them?

import { type Fault, InputError } from '../errors.js';
import type { SampleEvidence } from '../evidence.js';
import type { Override } from '../overrides.js';
import { quote } from '../setting-fields.js';

export const limitedTimes = ['ttft', 'tpot', 'latency'] as const;
export type LimitedTime = (typeof limitedTimes)[number];

export interface Slo {
  /** 50..99.9; of every limit. */
  readonly percentile: number;
  /** In ms, from the scheduled instant on; tpot is a mean over an answer's tokens behind its first. */
  readonly limitsMs: Readonly<Partial<Record<LimitedTime, number>>>;
}

export interface SloResult {
  /** All limits are kept at the percentile. */
  readonly met: boolean;
  /** The time at the percentile by LoadGen's rule, in ms; null where that sample was never answered. */
  readonly reachedMs: Readonly<Partial<Record<LimitedTime, number | null>>>;
  /** SLO attainment (DistServe, 2024): the share of the samples that keep all limits at once, 0..1. */
  readonly attainment: number;
}

/**
 * "ttft_p99=500,tpot_p99=50"
 * @throws InputError with every part that cannot be read.
 */
export function parseSlo(text: string): Slo {
  const faults: Fault[] = [];
  const refuse = (message: string) => faults.push({ where: '--slo', message });
  const percentiles = new Set<number>();
  const limitsMs: Partial<Record<LimitedTime, number>> = {};
  for (const part of text.split(',')) {
    const [, name, percentile, limit] = /^(\w+?)_p([\d.]+)=([\d.]+)$/.exec(part.trim()) ?? [];
    const known = limitedTimes.find((time) => time === name);
    const [share, ms] = [Number(percentile), Number(limit)];
    if (known === undefined || !(share >= 50 && share <= 99.9) || !(ms > 0 && ms <= 3_600_000)) {
      refuse(
        `${quote(part)} is no limit; allowed: ${limitedTimes.join(', ')} with _p50 to _p99.9 and ms above 0, such as ttft_p99=500`,
      );
    } else if (limitsMs[known] !== undefined) {
      refuse(`${known} has two limits; allowed: one each`);
    } else {
      percentiles.add(share);
      limitsMs[known] = ms;
    }
  }
  if (percentiles.size > 1) {
    refuse(`has the percentiles ${[...percentiles].join(', ')}; allowed: one, as LoadGen has`);
  }
  if (faults.length > 0) throw new InputError(faults);
  return { percentile: [...percentiles][0]!, limitsMs };
}

/** So that LoadGen judges by the same limits; it has none of whole latencies of answers made of tokens. */
export function overridesOfSlo({ percentile, limitsMs }: Slo): Override[] {
  const set = (key: string, value: number | undefined): Override[] =>
    value === undefined ? [] : [{ path: ['server', key], value, where: '--slo' }];
  return [
    ...set('target_percentile', percentile),
    ...set('ttft_ms', limitsMs.ttft),
    ...set('tpot_ms', limitsMs.tpot),
    ...set('query_ms', limitsMs.latency),
  ];
}

/** A sample that was never answered keeps no limit. */
export function judgeSlo(
  { percentile, limitsMs }: Slo,
  samples: readonly SampleEvidence[],
): SloResult {
  const reachedMs: Partial<Record<LimitedTime, number | null>> = {};
  const names = limitedTimes.filter((name) => limitsMs[name] !== undefined);
  for (const name of names) {
    const reached = timeAtPercentile(timesOf(samples, name).sort(), percentile);
    reachedMs[name] = Number.isFinite(reached) ? reached : null;
  }
  const kept = samples.filter((sample) =>
    names.every((name) => timeOf(sample, name) <= limitsMs[name]!),
  );
  return {
    met: names.every((name) => {
      const reached = reachedMs[name];
      return reached != null && reached <= limitsMs[name]!;
    }),
    reachedMs,
    attainment: samples.length === 0 ? 0 : kept.length / samples.length,
  };
}

/** In ms; infinite where it never came. */
export function timesOf(samples: readonly SampleEvidence[], name: LimitedTime): Float64Array {
  return Float64Array.from(samples, (sample) => timeOf(sample, name));
}

/** By LoadGen's rule, element trunc(n p) of the sorted times; infinite of none. */
export function timeAtPercentile(sorted: Float64Array, percentile: number): number {
  const index = Math.min(sorted.length - 1, Math.trunc((sorted.length * percentile) / 100));
  return sorted[index] ?? Number.POSITIVE_INFINITY;
}

function timeOf(sample: SampleEvidence, name: LimitedTime): number {
  const { scheduledNs, firstTokenNs, completedNs, outputTokenCount, failure } = sample;
  const never = Number.POSITIVE_INFINITY;
  if (scheduledNs === null || completedNs === null || failure !== null) return never;
  if (name === 'latency') return (completedNs - scheduledNs) / 1e6;
  if (firstTokenNs === null) return never;
  if (name === 'ttft') return (firstTokenNs - scheduledNs) / 1e6;
  return (completedNs - firstTokenNs) / 1e6 / Math.max(1, (outputTokenCount ?? 0) - 1);
}
