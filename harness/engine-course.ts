// How busy was the engine in the course of a pass? One JSON object a line: what it did since the line before, and what it
// held at that moment.

import { writeFileSync } from 'node:fs';
import type { EngineStats } from '../native/index.js';
import type { EngineReading } from './sut/engine-readings.js';

/** What was done between two readings, and held at the second: by one worker, or by all together. */
export interface IntervalWork {
  readonly steps: number;
  /** Sequences of those steps, added up: divide by `steps` for the mean. */
  readonly sequenceSteps: number;
  readonly promptTokens: number;
  readonly generatedTokens: number;
  readonly preemptions: number;
  /** Samples asked for and not answered, at the end. */
  readonly outstanding: number;
  /** Of the KV cache's pages, in use after the last step, 0..1. */
  readonly kvShare: number;
}

/** A line of engine-accuracy.jsonl or engine-performance.jsonl: sums over the workers. */
export interface EngineInterval extends IntervalWork {
  /** When it ended, in nanoseconds since the start of the test. */
  readonly endNs: number;
  readonly durationNs: number;
  /** Each worker's own; absent where there is one only. */
  readonly workers?: readonly IntervalWork[];
}

interface Holding {
  readonly stats: EngineStats;
  readonly kvShare: number;
  readonly outstanding: number;
}

/** Between each reading and the next; none where nothing was read. */
export function listIntervals(
  readings: readonly EngineReading[],
  startedAtNs: number,
): EngineInterval[] {
  return readings.slice(1).map((reading, i) => {
    const before = readings[i]!;
    const workers = reading.workers.map((one, at) => compare(before.workers[at]!.stats, one));
    return {
      endNs: reading.atNs - startedAtNs,
      durationNs: reading.atNs - before.atNs,
      ...compare(before.stats, reading),
      ...(workers.length > 0 ? { workers } : {}),
    };
  });
}

function compare(before: EngineStats, { stats, outstanding, kvShare }: Holding): IntervalWork {
  return {
    steps: stats.steps - before.steps,
    sequenceSteps: stats.occupancySum - before.occupancySum,
    promptTokens: stats.promptTokens - before.promptTokens,
    generatedTokens: stats.generatedTokens - before.generatedTokens,
    preemptions: stats.preemptions - before.preemptions,
    outstanding,
    kvShare,
  };
}

export function writeIntervals(file: string, intervals: readonly EngineInterval[]): void {
  writeFileSync(file, intervals.map((interval) => `${JSON.stringify(interval)}\n`).join(''));
}

/** Neighbours put together until each lasts a `most`-th of the whole at least; the cache as full as in the fullest. */
export function mergeIntervals(
  intervals: readonly EngineInterval[],
  most: number,
): EngineInterval[] {
  const leastNs = intervals.reduce((sum, { durationNs }) => sum + durationNs, 0) / most;
  const merged: EngineInterval[] = [];
  for (const interval of intervals) {
    const last = merged.at(-1);
    if (last === undefined || last.durationNs >= leastNs) merged.push(interval);
    else merged[merged.length - 1] = join(last, interval);
  }
  return merged;
}

function join(first: EngineInterval, second: EngineInterval): EngineInterval {
  const workers = second.workers?.map((one, at) => add(first.workers![at]!, one));
  return {
    endNs: second.endNs,
    durationNs: first.durationNs + second.durationNs,
    ...add(first, second),
    ...(workers === undefined ? {} : { workers }),
  };
}

function add(first: IntervalWork, second: IntervalWork): IntervalWork {
  return {
    steps: first.steps + second.steps,
    sequenceSteps: first.sequenceSteps + second.sequenceSteps,
    promptTokens: first.promptTokens + second.promptTokens,
    generatedTokens: first.generatedTokens + second.generatedTokens,
    preemptions: first.preemptions + second.preemptions,
    outstanding: Math.max(first.outstanding, second.outstanding),
    kvShare: Math.max(first.kvShare, second.kvShare),
  };
}
