// What `npm run bench:gpu` keeps: measurements beside the ceilings of the same run, and their share of them.

import type { System } from '../environment.js';
import { computeMbu, type ModelCost } from '../utilisation.js';
import {
  type BatchFigures,
  bindingLimit,
  decodeWork,
  leastBatchSeconds,
  leastSeconds,
  type Peaks,
  type Spread,
  spreadOf,
} from './figures.js';
import { batchedPeer, type DecodePeers, decodePeers } from './peers.js';

/** One decoder layer's INT4 linears at a number of rows, as native/check/cuda_check writes it. */
export interface LinearsLine {
  readonly shape: string;
  readonly rows: number;
  readonly int4Us: number;
  readonly int4GBs: number;
  readonly int4ReadShare: number;
  readonly int4Tflops: number;
  readonly int4MatrixShare: number;
  readonly cublasFp16Us: number | null;
}

export interface Ceilings {
  /** Measured in this run; null where that failed. */
  readonly measured: Peaks | null;
  readonly datasheetReadGBs: number | null;
  readonly datasheetTflops: number | null;
  /** Why `measured` is null; null when it is not. */
  readonly absentBecause: string | null;
}

export interface MeasuredEngine {
  readonly cost: ModelCost;
  readonly weightFormat: string;
  readonly weightBytes: number;
  readonly plannedBytes: number;
  readonly kvPages: number;
  readonly kernels: Readonly<Record<string, string>>;
  readonly maxStepTokens: number;
  readonly loadSeconds: number;
}

/** What the program of one model prints: every measured batch in its order. */
export interface EngineMeasurement {
  readonly engine: MeasuredEngine;
  readonly runs: readonly (BatchFigures & { readonly preemptions: number })[];
}

/** What a model says to one prompt, for a comparison of two engines. */
export interface Answers {
  /** The prompt's last ones. */
  readonly positions: number;
  /** (positions, vocabulary) fp32, base64. */
  readonly logits: string;
  /** Greedy. */
  readonly tokens: readonly number[];
}

export interface FailedLine {
  readonly model: string;
  readonly failed: string;
}

export interface DecodeLine {
  readonly model: string;
  readonly engine: MeasuredEngine;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly tokensPerSecond: Spread;
  readonly firstTokenMs: Spread;
  /** Model bandwidth utilisation at the median, 0..1. */
  readonly mbu: { readonly ofMeasured: number | null; readonly ofDatasheet: number | null };
  readonly peers: DecodePeers | null;
}

export interface BatchedLine {
  readonly model: string;
  readonly engine: MeasuredEngine;
  readonly batch: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  /** Prefill included. */
  readonly tokensPerSecond: Spread;
  /** While the whole batch decodes; null where it never does. */
  readonly decodeTokensPerSecond: Spread | null;
  /** Of the least time, 0..1, at the median repeat. */
  readonly share: number | null;
  readonly decodeShare: number | null;
  readonly decodeLimit: 'read' | 'matrix' | null;
  readonly preemptions: number;
  readonly llamaCpp: number | null;
}

/** `loadmark/bench-gpu/1` */
export interface GpuBenchmark {
  readonly schema: 'loadmark/bench-gpu/1';
  readonly date: string;
  readonly command: readonly string[];
  readonly commit: string | null;
  readonly machine: System;
  readonly gpu: string;
  readonly ceilings: Ceilings;
  readonly linears: readonly LinearsLine[];
  readonly decode: readonly (DecodeLine | FailedLine)[];
  readonly batched: readonly (BatchedLine | FailedLine)[];
}

/** Of single requests one after another. */
export function describeDecodeRuns(
  model: string,
  { engine, runs }: EngineMeasurement,
  ceilings: Ceilings,
): DecodeLine {
  const phases = runs.map(({ decode }) => decode!);
  const tokensPerSecond = spreadOf(phases.map(({ tokens, seconds }) => tokens / seconds));
  const { tokens, readPositions } = phases[0]!;
  const mbu = (peak: number | null): number | null => {
    if (peak === null) return null;
    const kvBytes = (engine.cost.kvBytesPerToken * readPositions) / tokens;
    const seconds = 1 / tokensPerSecond.median;
    return computeMbu({ weightBytes: engine.cost.weightBytesPerStep, kvBytes, seconds }, peak);
  };
  return {
    model,
    engine,
    promptTokens: runs[0]!.promptTokens,
    newTokens: runs[0]!.newTokens,
    tokensPerSecond,
    firstTokenMs: spreadOf(runs.map(({ firstTokenSeconds }) => 1e3 * firstTokenSeconds)),
    mbu: {
      ofMeasured: mbu(ceilings.measured?.readGBs ?? null),
      ofDatasheet: mbu(ceilings.datasheetReadGBs),
    },
    peers: decodePeers(model),
  };
}

/** A line a batch size, in the order of their first repeats. */
export function describeBatchedRuns(
  model: string,
  { engine, runs }: EngineMeasurement,
  { measured }: Ceilings,
): BatchedLine[] {
  const batches = [...new Set(runs.map(({ batch }) => batch))];
  return batches.map((batch) => {
    const repeats = runs.filter((run) => run.batch === batch);
    const { promptTokens, newTokens } = repeats[0]!;
    const seconds = spreadOf(repeats.map((run) => run.seconds)).median;
    return {
      model,
      engine,
      batch,
      promptTokens,
      newTokens,
      tokensPerSecond: spreadOf(repeats.map((run) => (batch * newTokens) / run.seconds)),
      share: measured && leastBatchSeconds(engine.cost, repeats[0]!, measured) / seconds,
      ...describePhases(engine.cost, batch, repeats, measured),
      preemptions: Math.max(...repeats.map((run) => run.preemptions)),
      llamaCpp: batchedPeer(model, batch),
    };
  });
}

function describePhases(
  cost: ModelCost,
  batch: number,
  repeats: readonly BatchFigures[],
  peaks: Peaks | null,
): Pick<BatchedLine, 'decodeTokensPerSecond' | 'decodeShare' | 'decodeLimit'> {
  const phases = repeats.flatMap(({ decode }) => (decode === null ? [] : [decode]));
  if (phases.length < repeats.length) {
    return { decodeTokensPerSecond: null, decodeShare: null, decodeLimit: null };
  }
  const shares = phases.map((phase) =>
    peaks === null
      ? Number.NaN
      : leastSeconds(decodeWork(cost, batch, phase), peaks) / phase.seconds,
  );
  return {
    decodeTokensPerSecond: spreadOf(phases.map(({ tokens, seconds }) => tokens / seconds)),
    decodeShare: peaks && spreadOf(shares).median,
    decodeLimit: peaks && bindingLimit(decodeWork(cost, batch, phases[0]!), peaks),
  };
}
