// What `npm run bench:multi-gpu` keeps: what several devices give over one, each pair measured in turns in one run.

import type { System } from '../environment.js';
import { type BatchFigures, type Spread, spreadOf } from '../gpu-bench/figures.js';
import type { EngineMeasurement, FailedLine, MeasuredEngine } from '../gpu-bench/record.js';

/** What one run of `bench` came to. */
export interface ThroughputRun {
  /** As `--device` has them. */
  readonly devices: string;
  readonly valid: boolean;
  readonly invalidReasons: readonly string[];
  readonly tokensPerSecond: number;
  readonly samplesPerSecond: number;
  readonly seconds: number;
  /** Of each worker, the share of the pass in which its GPU computed; null on a CPU. */
  readonly busyShares: readonly (number | null)[];
  /** Samples that each worker answered. */
  readonly samples: readonly number[];
}

/** Whole models side by side, one a device: Offline with so many samples a worker. */
export interface ReplicasLine {
  readonly model: string;
  readonly samplesPerWorker: number;
  readonly maxBatch: number;
  /** In the order they were made. */
  readonly one: readonly ThroughputRun[];
  readonly all: readonly ThroughputRun[];
  /** Of the median tokens a second; null where a run is INVALID. */
  readonly factor: number | null;
}

/** Server at a rate for one worker, and at as much more as is asked of all. */
export interface ServerLine {
  readonly model: string;
  readonly one: ThroughputRun & { readonly targetQps: number };
  readonly all: ThroughputRun & { readonly targetQps: number };
}

/** One model split over all devices, beside the same on one. */
export interface TensorParallelLine {
  readonly model: string;
  readonly ranks: number;
  readonly engine: MeasuredEngine;
  /** Tokens a second of one request at a time; the first token left out. */
  readonly decode: { readonly one: Spread; readonly all: Spread; readonly factor: number };
  /** Milliseconds to the first token. */
  readonly prefill: {
    readonly promptTokens: number;
    readonly oneMs: Spread;
    readonly allMs: Spread;
    readonly factor: number;
  };
}

/** `loadmark/bench-multi-gpu/1` */
export interface MultiGpuBenchmark {
  readonly schema: 'loadmark/bench-multi-gpu/1';
  readonly date: string;
  readonly command: readonly string[];
  readonly commit: string | null;
  readonly machine: System;
  readonly devices: readonly string[];
  readonly replicas: readonly (ReplicasLine | FailedLine)[];
  readonly server: readonly (ServerLine | FailedLine)[];
  readonly tensorParallel: readonly (TensorParallelLine | FailedLine)[];
}

/** @param runs of one worker and of all, at least one each */
export function describeReplicas(
  facts: Pick<ReplicasLine, 'model' | 'samplesPerWorker' | 'maxBatch'>,
  one: readonly ThroughputRun[],
  all: readonly ThroughputRun[],
): ReplicasLine {
  const rate = (runs: readonly ThroughputRun[]) =>
    spreadOf(runs.map(({ tokensPerSecond }) => tokensPerSecond)).median;
  const areValid = [...one, ...all].every(({ valid }) => valid);
  return { ...facts, one, all, factor: areValid ? rate(all) / rate(one) : null };
}

/** What one engine did in a decode and in a prefill measurement. */
export interface LatencyMeasurement {
  readonly decode: EngineMeasurement;
  readonly prefill: EngineMeasurement;
}

export function describeTensorParallel(
  model: string,
  ranks: number,
  one: LatencyMeasurement,
  all: LatencyMeasurement,
): TensorParallelLine {
  const decode = { one: decodeRates(one.decode), all: decodeRates(all.decode) };
  const prefill = { oneMs: firstTokenMs(one.prefill), allMs: firstTokenMs(all.prefill) };
  return {
    model,
    ranks,
    engine: all.decode.engine,
    decode: { ...decode, factor: decode.all.median / decode.one.median },
    prefill: {
      promptTokens: all.prefill.runs[0]!.promptTokens,
      ...prefill,
      factor: prefill.oneMs.median / prefill.allMs.median,
    },
  };
}

function decodeRates({ runs }: EngineMeasurement): Spread {
  return spreadOf(runs.map(({ decode }) => decode!.tokens / decode!.seconds));
}

function firstTokenMs({ runs }: { readonly runs: readonly BatchFigures[] }): Spread {
  return spreadOf(runs.map(({ firstTokenSeconds }) => 1000 * firstTokenSeconds));
}
