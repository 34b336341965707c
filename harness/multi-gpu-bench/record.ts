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

/** A Server run, and the queries a second that it was asked for. */
export type ServerRun = ThroughputRun & { readonly targetQps: number };

/** Server on one worker at rising rates up to the first INVALID one, and on all at a multiple of the highest VALID one. */
export interface ServerLine {
  readonly model: string;
  /** Each rate was kept for so long, by runs of either kind. */
  readonly seconds: number;
  readonly one: readonly ServerRun[];
  /** Null where one worker was VALID at no rate. */
  readonly all: ServerRun | null;
  /** Rate of all over the highest VALID rate of one; null where either is none. */
  readonly factor: number | null;
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

/** @param one at rising rates */
export function describeServers(
  facts: Pick<ServerLine, 'model' | 'seconds'>,
  one: readonly ServerRun[],
  all: ServerRun | null,
): ServerLine {
  const best = highestValidQps(one);
  const factor = best !== null && all?.valid === true ? all.targetQps / best : null;
  return { ...facts, one, all, factor };
}

export function highestValidQps(runs: readonly ServerRun[]): number | null {
  const rates = runs.filter(({ valid }) => valid).map(({ targetQps }) => targetQps);
  return rates.length > 0 ? Math.max(...rates) : null;
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
