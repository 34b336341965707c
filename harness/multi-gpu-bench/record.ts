// What `npm run bench:multi-gpu` keeps: what several devices give over one, both measured in one run.

import type { System } from '../environment.js';
import { type BatchFigures, type Spread, spreadOf } from '../gpu-bench/figures.js';
import type {
  Answers,
  EngineMeasurement,
  FailedLine,
  MeasuredEngine,
} from '../gpu-bench/record.js';

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

/** Server at rising rates up to the first INVALID one, on one worker and on all. */
export interface ServerLine {
  readonly model: string;
  /** Each rate was kept for so long, by runs of either kind. */
  readonly seconds: number;
  readonly one: readonly ServerRun[];
  /** From 1.9 / 2 of as many workers' highest VALID rate on; empty where one was VALID at no rate. */
  readonly all: readonly ServerRun[];
  /** Of the highest VALID rates; null where one worker has none, or none above it that is INVALID, or all have none. */
  readonly factor: number | null;
}

/** One model split over all devices, beside the same on one. */
export interface TensorParallelLine {
  readonly model: string;
  readonly ranks: number;
  /** Tokens a second of one request at a time; the first token left out. */
  readonly decode: {
    readonly promptTokens: number;
    readonly newTokens: number;
    readonly one: Spread;
    readonly all: Spread;
    readonly factor: number;
    readonly engines: EnginePair;
  };
  /** Milliseconds to the first token. */
  readonly prefill: {
    readonly promptTokens: number;
    readonly oneMs: Spread;
    readonly allMs: Spread;
    readonly factor: number;
    readonly engines: EnginePair;
  };
  readonly agreement: RankAgreement;
}

export interface EnginePair {
  readonly one: MeasuredEngine;
  readonly all: MeasuredEngine;
}

/** How far what ranks say together is from what one device says, to the same prompt. */
export interface RankAgreement {
  readonly positions: number;
  readonly largestLogitDifference: number;
  /** Standard deviation of one device's logits, which says what a difference is worth. */
  readonly logitDeviation: number;
  readonly tokens: number;
  /** Greedy tokens until the first that differs. */
  readonly sameTokens: number;
}

/** `loadmark/bench-multi-gpu/2` */
export interface MultiGpuBenchmark {
  readonly schema: 'loadmark/bench-multi-gpu/2';
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

/** @param one,all at rising rates */
export function describeServers(
  facts: Pick<ServerLine, 'model' | 'seconds'>,
  one: readonly ServerRun[],
  all: readonly ServerRun[],
): ServerLine {
  const [oneQps, allQps] = [highestValidQps(one), highestValidQps(all)];
  const isBounded = one.at(-1)?.valid === false;
  const factor = isBounded && oneQps !== null && allQps !== null ? allQps / oneQps : null;
  return { ...facts, one, all, factor };
}

export function highestValidQps(runs: readonly ServerRun[]): number | null {
  const rates = runs.filter(({ valid }) => valid).map(({ targetQps }) => targetQps);
  return rates.length > 0 ? Math.max(...rates) : null;
}

/** What one engine did in a decode and in a prefill measurement, and what it said. */
export interface LatencyMeasurement {
  readonly decode: EngineMeasurement;
  readonly prefill: EngineMeasurement;
  readonly answers: Answers;
}

export function describeTensorParallel(
  model: string,
  ranks: number,
  one: LatencyMeasurement,
  all: LatencyMeasurement,
): TensorParallelLine {
  const decode = { one: decodeRates(one.decode), all: decodeRates(all.decode) };
  const prefill = { oneMs: firstTokenMs(one.prefill), allMs: firstTokenMs(all.prefill) };
  const { promptTokens, newTokens } = all.decode.runs[0]!;
  const enginesOf = (kind: 'decode' | 'prefill') => ({
    one: one[kind].engine,
    all: all[kind].engine,
  });
  return {
    model,
    ranks,
    decode: {
      ...{ promptTokens, newTokens, ...decode },
      factor: decode.all.median / decode.one.median,
      engines: enginesOf('decode'),
    },
    prefill: {
      promptTokens: all.prefill.runs[0]!.promptTokens,
      ...prefill,
      factor: prefill.oneMs.median / prefill.allMs.median,
      engines: enginesOf('prefill'),
    },
    agreement: describeAgreement(one.answers, all.answers),
  };
}

function describeAgreement(one: Answers, all: Answers): RankAgreement {
  const [want, got] = [floatsOf(one.logits), floatsOf(all.logits)];
  let [largest, sum, squares] = [0, 0, 0];
  for (const [i, logit] of want.entries()) {
    largest = Math.max(largest, Math.abs(got[i]! - logit)); // NaN stays
    sum += logit;
    squares += logit * logit;
  }
  const mean = sum / want.length;
  const differs = one.tokens.findIndex((token, at) => token !== all.tokens[at]);
  return {
    positions: one.positions,
    largestLogitDifference: largest,
    logitDeviation: Math.sqrt(squares / want.length - mean * mean),
    tokens: one.tokens.length,
    sameTokens: differs === -1 ? one.tokens.length : differs,
  };
}

function floatsOf(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function decodeRates({ runs }: EngineMeasurement): Spread {
  return spreadOf(runs.map(({ decode }) => decode!.tokens / decode!.seconds));
}

function firstTokenMs({ runs }: { readonly runs: readonly BatchFigures[] }): Spread {
  return spreadOf(runs.map(({ firstTokenSeconds }) => 1000 * firstTokenSeconds));
}
