// How busy was the engine in the course of a pass? One JSON object a line: what it did since the line before, and what it
// held at that moment.

import { writeFileSync } from 'node:fs';
import type { EngineReading } from './sut/engine-readings.js';

/** A line of engine-accuracy.jsonl or engine-performance.jsonl. */
export interface EngineInterval {
  /** When it ended, in nanoseconds since the start of the test. */
  readonly endNs: number;
  readonly durationNs: number;
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

/** Between each reading and the next; none where nothing was read. */
export function listIntervals(
  readings: readonly EngineReading[],
  startedAtNs: number,
): EngineInterval[] {
  return readings.slice(1).map(({ atNs, stats, outstanding, kvShare }, i) => {
    const { atNs: beforeNs, stats: before } = readings[i]!;
    return {
      endNs: atNs - startedAtNs,
      durationNs: atNs - beforeNs,
      steps: stats.steps - before.steps,
      sequenceSteps: stats.occupancySum - before.occupancySum,
      promptTokens: stats.promptTokens - before.promptTokens,
      generatedTokens: stats.generatedTokens - before.generatedTokens,
      preemptions: stats.preemptions - before.preemptions,
      outstanding,
      kvShare,
    };
  });
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
  return {
    endNs: second.endNs,
    durationNs: first.durationNs + second.durationNs,
    steps: first.steps + second.steps,
    sequenceSteps: first.sequenceSteps + second.sequenceSteps,
    promptTokens: first.promptTokens + second.promptTokens,
    generatedTokens: first.generatedTokens + second.generatedTokens,
    preemptions: first.preemptions + second.preemptions,
    outstanding: Math.max(first.outstanding, second.outstanding),
    kvShare: Math.max(first.kvShare, second.kvShare),
  };
}
