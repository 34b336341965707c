// Readings of the engine's counters: bounded however long a pass is, and nothing is lost between them.
import { describe, expect, it } from 'vitest';
import { listIntervals, mergeIntervals } from '../../harness/engine-course.js';
import { EngineReadings } from '../../harness/sut/engine-readings.js';
import type { EngineStats } from '../../native/index.js';

/** An engine that has done `steps` steps of four sequences, each with two tokens. */
function statsAfter(steps: number): EngineStats {
  return {
    steps,
    occupancySum: 4 * steps,
    promptTokens: 2 * steps,
    generatedTokens: 3 * steps,
    usedKvPages: steps % 7,
    peakKvPages: 6,
    preemptions: Math.floor(steps / 100),
    deviceNs: 0,
    rankDeviceNs: new Float64Array(0),
    deviceGapNs: 0,
  };
}

/** Readings over `steps` steps, one a millisecond. */
function takeReadings(steps: number, most?: number) {
  let step = 0;
  let reads = 0;
  const readings = new EngineReadings(
    () => {
      reads++;
      return {
        stats: statsAfter(step),
        outstanding: step % 3,
        kvShare: (step % 7) / 7,
        workers: [],
      };
    },
    () => 1e6 * step,
    most,
  );
  for (step = 1; step <= steps; step++) readings.note(1e6 * step);
  step = steps;
  return { taken: readings.end(), reads };
}

describe('the course of the engine', () => {
  it('reads at most every 5 ms, keeps no more than was said, and reads less the longer it lasts', () => {
    const short = takeReadings(100);
    expect(short.taken).toHaveLength(22);
    const long = takeReadings(100_000, 64);
    expect(long.taken.length).toBeGreaterThan(32);
    expect(long.taken.length).toBeLessThanOrEqual(65);
    expect(long.reads).toBeLessThan(64 * 12);
    const times = long.taken.map(({ atNs }) => atNs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect([times[0], times.at(-1)]).toEqual([0, 1e11]);
  });

  it('tells what happened between readings, all of it, merged or not', () => {
    const { taken } = takeReadings(10_000, 128);
    const intervals = listIntervals(taken, 500);
    expect(intervals[0]!.endNs).toBe(taken[1]!.atNs - 500);
    for (const some of [intervals, mergeIntervals(intervals, 10)]) {
      const sum = (
        field: 'steps' | 'sequenceSteps' | 'generatedTokens' | 'preemptions' | 'durationNs',
      ) => some.reduce((total, interval) => total + interval[field], 0);
      expect(sum('steps')).toBe(10_000);
      expect(sum('sequenceSteps')).toBe(40_000);
      expect(sum('generatedTokens')).toBe(30_000);
      expect(sum('preemptions')).toBe(100);
      expect(sum('durationNs')).toBe(1e10);
    }
    expect(mergeIntervals(intervals, 10).length).toBeLessThanOrEqual(10);
    expect(mergeIntervals([], 10)).toEqual([]);
    expect(listIntervals([], 0)).toEqual([]);
  });
});
