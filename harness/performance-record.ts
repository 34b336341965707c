// How fast was the performance pass? LoadGen's figures in run.json's units, and those that LoadGen leaves out: prompt
// tokens, and the token times of Offline, which the system under test saw.

import type { PeakSearch, TestOutcome } from '../loadgen/index.js';
import type { MachineLoad } from './environment.js';
import { buildHistogram, type Histogram, nsPerMs, nsPerUs, toHistogram } from './histogram.js';
import type { PassResult } from './pass.js';
import type { PeakRates } from './peak-rates.js';
import type { DatasetLibrary } from './sample-library.js';
import type { TelemetryRecord } from './telemetry/telemetry-record.js';
import {
  addSample,
  computeMbu,
  computeMfu,
  countFlops,
  describeStep,
  type ModelCost,
  noWork,
  type TokenWork,
} from './utilisation.js';
import type { WarmUp } from './warm-up.js';

export type { PeakSearch } from '../loadgen/index.js';

/** run.json's `performance`. */
export interface PerformanceRecord {
  readonly samplesPerSecond: number | null;
  readonly tokensPerSecond: number | null;
  readonly promptTokensPerSecond: number | null;
  readonly scheduledSamplesPerSecond: number | null;
  readonly issuedSamples: number;
  readonly completedSamples: number;
  readonly failedSamples: number;
  readonly generatedTokens: number | null;
  readonly promptTokens: number | null;
  readonly durationSeconds: number | null;
  /** Of samples; in MultiStream of whole queries. */
  readonly latencyMs: Histogram | null;
  readonly ttftMs: Histogram | null;
  readonly tpotMs: Histogram | null;
  /** Issued minus scheduled instant: how late the client itself was. */
  readonly issueLagUs: Histogram | null;
  /** Shares of the devices' peak bandwidth and arithmetic rate together, 0..1: utilisation.ts says of what. */
  readonly mbu: number | null;
  readonly mfu: number | null;
  /** Of the devices that the engine computes on; run.json's `telemetry.energy` says which, and how wrong it can be. */
  readonly joulesPerToken: number | null;
  /** Less what they draw while nothing is asked of them. */
  readonly joulesPerTokenAboveIdle: number | null;
  /** Why mbu, mfu and joulesPerToken are null; null where they are not. */
  readonly absentBecause: Readonly<Record<'mbu' | 'mfu' | 'joulesPerToken', string | null>>;
  /** find-peak: the rate found and those tried, in queries/s; the other figures are of the last rate that passed. */
  readonly peakSearch: PeakSearch | null;
  readonly warmUp: WarmUp | null;
  readonly load: MachineLoad;
}

/** What utilisation is measured against. */
export interface Hardware {
  readonly peaks: PeakRates;
  /** null where nothing is computed. */
  readonly cost: ModelCost | null;
  /** Why figures of speed are not those of the hardware; null where they are. */
  readonly refusal: string | null;
}

export function buildPerformance(
  pass: PassResult,
  warmUp: WarmUp | null,
  library: DatasetLibrary,
  hardware: Hardware,
  telemetry: TelemetryRecord | null,
): PerformanceRecord {
  const { metrics, peakSearch } = pass.outcome;
  const own = collectTokenTimes(pass, library, hardware.cost);
  const seconds = metrics === null ? null : metrics.durationNs / 1e9;
  const histogram = (unit: number, of: 'latency' | 'ttft' | 'tpot' | 'issueLag') => {
    const distribution = metrics?.[of];
    return distribution == null ? null : toHistogram(distribution, unit);
  };
  const tpotMs = histogram(nsPerMs, 'tpot') ?? buildHistogram(own.tpotNs, nsPerMs);
  const used = measureUtilisation(pass, own.work, { seconds, tpotMs, ...hardware });
  return {
    samplesPerSecond: metrics?.samplesPerSecond ?? null,
    tokensPerSecond: findTokenRate(pass.outcome),
    promptTokensPerSecond:
      own.promptTokens === null || !seconds ? null : own.promptTokens / seconds,
    scheduledSamplesPerSecond: metrics?.scheduledSamplesPerSecond ?? null,
    issuedSamples: own.issued,
    completedSamples: own.completed,
    failedSamples: own.failed,
    generatedTokens: metrics?.tokenCount ?? null,
    promptTokens: own.promptTokens,
    durationSeconds: seconds,
    latencyMs: histogram(nsPerMs, 'latency'),
    ttftMs: histogram(nsPerMs, 'ttft') ?? buildHistogram(own.ttftNs, nsPerMs),
    tpotMs,
    issueLagUs: histogram(nsPerUs, 'issueLag'),
    mbu: used.mbu,
    mfu: used.mfu,
    ...energyFigures(telemetry),
    absentBecause: {
      ...used.absentBecause,
      joulesPerToken: explainNoJoules(telemetry),
    },
    peakSearch,
    warmUp,
    load: pass.load,
  };
}

function energyFigures(telemetry: TelemetryRecord | null) {
  const { joulesPerToken = null, joulesPerTokenAboveIdle = null } = telemetry?.energy ?? {};
  return { joulesPerToken, joulesPerTokenAboveIdle };
}

function explainNoJoules(telemetry: TelemetryRecord | null): string | null {
  if (telemetry === null) return 'nothing was sampled beside this run';
  if (telemetry.energy === null) return telemetry.energyAbsentBecause;
  return telemetry.energy.joulesPerToken === null ? 'no answers made of tokens came back' : null;
}

interface Utilisation {
  readonly mbu: number | null;
  readonly mfu: number | null;
  readonly absentBecause: Readonly<Record<'mbu' | 'mfu', string | null>>;
}

function measureUtilisation(
  { work: engine, outcome }: PassResult,
  tokens: TokenWork,
  terms: Hardware & { readonly seconds: number | null; readonly tpotMs: Histogram | null },
): Utilisation {
  const { peaks, cost, seconds, tpotMs, refusal } = terms;
  const refuse = (why: string) => ({
    mbu: null,
    mfu: null,
    absentBecause: { mbu: why, mfu: why },
  });
  if (cost === null) return refuse('the system under test computes no model');
  if (refusal !== null) return refuse(refusal);
  if (peaks.bandwidthGBs === null || peaks.tflops === null) {
    return refuse(peaks.absentBecause ?? 'the peak rates are not known');
  }
  if (!seconds || tokens.generatedTokens === 0)
    return refuse('no answers made of tokens came back');
  const mfu = computeMfu(countFlops(cost, tokens), seconds, peaks.tflops);
  if (engine === null || engine.steps === 0 || outcome.peakSearch !== null) {
    const why = 'the steps of this pass alone were not counted';
    return { mbu: null, mfu, absentBecause: { mbu: why, mfu: null } };
  }
  const meanTpotSeconds = tpotMs === null ? null : tpotMs.mean / 1e3;
  const steps = engine.workers.map((worker) => worker.steps);
  const step = describeStep(cost, tokens, { steps, seconds, meanTpotSeconds });
  const mbu = computeMbu(step, peaks.bandwidthGBs);
  return { mbu, mfu, absentBecause: { mbu: null, mfu: null } };
}

/** LoadGen's rate; in streams, where its own divides by a mean latency, the tokens over the time they took. */
function findTokenRate({ metrics, effective }: TestOutcome): number | null {
  if (metrics === null || metrics.tokenCount === null) return null;
  const isStream = effective.scenario === 'SingleStream' || effective.scenario === 'MultiStream';
  if (!isStream) return metrics.tokensPerSecond;
  return metrics.durationNs > 0 ? (metrics.tokenCount * 1e9) / metrics.durationNs : null;
}

/** Of the series that is reported. */
interface TokenTimes {
  readonly issued: number;
  readonly failed: number;
  readonly completed: number;
  /** null when prompts were not tokenized. */
  readonly promptTokens: number | null;
  /** Of completed samples whose prompts and answers are made of tokens; none where nothing is computed. */
  readonly work: TokenWork;
  readonly ttftNs: readonly number[];
  readonly tpotNs: readonly number[];
}

/** What the answers of completed samples tell, by their sample ids. */
function collectTokenTimes(
  { outcome, answers }: PassResult,
  library: DatasetLibrary,
  model: ModelCost | null,
): TokenTimes {
  const { samples, startedAtNs, reported } = outcome;
  const first = reported?.firstSampleId ?? 0;
  const issued = reported?.sampleCount ?? 0;
  const end = first + issued;
  const failed = outcome.failed.filter((f) => f.sampleId >= first && f.sampleId < end).length;
  const ttftNs: number[] = [];
  const tpotNs: number[] = [];
  let completed = 0;
  let promptTokens: number | null = null;
  let work = noWork;
  for (let id = first; id < end; id++) {
    const completedNs = samples.completedNs[id]!;
    if (Number.isNaN(completedNs)) continue;
    completed++;
    const count = library.promptTokenCount(samples.sampleIndex[id]!);
    if (count !== null) promptTokens = (promptTokens ?? 0) + count;
    const answer = answers.get(id);
    if (answer === undefined || answer.tokens.length === 0) continue;
    if (count !== null && model !== null)
      work = addSample(model, work, count, answer.tokens.length);
    const firstNs = answer.firstTokenNs - startedAtNs;
    ttftNs.push(firstNs - samples.scheduledNs[id]!);
    if (answer.tokens.length > 1) {
      tpotNs.push((completedNs - firstNs) / (answer.tokens.length - 1));
    }
  }
  return { issued, failed, completed, promptTokens, work, ttftNs, tpotNs };
}
