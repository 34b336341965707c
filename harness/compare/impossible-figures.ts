// Which of a run's figures cannot be? Units that were mixed up, shares above 1, samples that went missing, a name that
// its tensors contradict: mistakes that have been published. Each is told with the figures that give it away.

import type { SampleEvidence } from '../evidence.js';
import type { RunRecord } from '../run-record.js';
import { countWorkers, listSteps } from '../sut-record.js';
import { addSample, computeMbu, describeStep, type ModelCost, noWork } from '../utilisation.js';
import { findUnlikeSamples } from './sample-figures.js';
import type { ComparedRun } from './side.js';

export interface Impossibility {
  /** run.json's path of the figure, or what is wrong. */
  readonly figure: string;
  readonly reason: string;
}

/** Figures that are recomputed may differ by rounding. */
const tolerance = 0.005;

/** Each figure once, by the first of the checks that it fails, whose reason says most. */
export function findImpossible(run: ComparedRun): Impossibility[] {
  const found = findByRule(run);
  const told = (path: string) =>
    found.some(({ figure }) => path === figure || path.startsWith(`${figure}.`));
  return [...found, ...findUnlikeSamples(run).filter(({ figure }) => !told(figure))];
}

function findByRule(run: ComparedRun): Impossibility[] {
  return [
    ...findShares(run.record),
    ...findLostSamples(run),
    ...findWrongUnits(run),
    ...findWrongRates(run.record),
    ...findWrongMbu(run),
    ...findWrongName(run.record),
  ];
}

function findShares({ performance }: RunRecord): Impossibility[] {
  return (['mbu', 'mfu'] as const).flatMap((name) => {
    const share = performance?.[name] ?? null;
    if (share === null || (share >= 0 && share <= 1)) return [];
    const reason = `${name.toUpperCase()} is ${percent(share)}: no run reads or computes more than the hardware can`;
    return [{ figure: `performance.${name}`, reason }];
  });
}

/** Issued = completed = told, each once. */
function findLostSamples({ record, performance }: ComparedRun): Impossibility[] {
  const { issuedSamples, completedSamples, failedSamples } = record.performance ?? {};
  const found: Impossibility[] = [];
  if (issuedSamples !== undefined && completedSamples !== issuedSamples) {
    const reason = `${completedSamples} of ${issuedSamples} issued samples were completed (${failedSamples} failed): a rate over those that came back leaves the slow ones out`;
    found.push({ figure: 'performance.completedSamples', reason });
  }
  if (performance === null || issuedSamples === undefined) return found;
  const ids = new Set(performance.map(({ sampleId }) => sampleId));
  if (ids.size !== performance.length || performance.length !== issuedSamples) {
    const reason = `${issuedSamples} samples were issued; the evidence has ${performance.length} lines of ${ids.size} samples`;
    found.push({ figure: 'samples-performance.jsonl', reason });
  }
  return found;
}

/** The mean latency again, from the samples' own times. */
function findWrongUnits({ record, performance }: ComparedRun): Impossibility[] {
  const told = record.performance?.latencyMs?.mean;
  const series = lastSeries(performance ?? []);
  if (told === undefined || record.scenario === 'MultiStream' || series.length === 0) return [];
  const times = series.flatMap(({ scheduledNs, completedNs }) =>
    scheduledNs === null || completedNs === null ? [] : [(completedNs - scheduledNs) / 1e6],
  );
  if (times.length === 0) return [];
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  const ratio = told / mean;
  if (Math.abs(ratio - 1) <= tolerance) return [];
  const power = Math.round(Math.log10(ratio) / 3) * 3;
  const isUnit = power !== 0 && Math.abs(ratio / 10 ** power - 1) < 0.05;
  const units: Readonly<Record<number, string>> = { 3: 'us', 6: 'ns', [-3]: 's' };
  const reason = isUnit
    ? `its mean is ${told}, and ${mean.toPrecision(6)} ms by the samples' own times: these are ${units[power] ?? `10^${-power} ms`}, not ms`
    : `its mean is ${told}, and ${mean.toPrecision(6)} ms by the samples' own times`;
  return [{ figure: 'performance.latencyMs', reason }];
}

/** find-peak tries several rates; the last one that was kept is reported. */
function lastSeries(samples: readonly SampleEvidence[]): readonly SampleEvidence[] {
  const series = new Set(samples.map((sample) => sample.series));
  return series.size > 1 ? [] : samples;
}

function findWrongRates({ performance, scenario }: RunRecord): Impossibility[] {
  const { tokensPerSecond, generatedTokens, durationSeconds } = performance ?? {};
  // Server's rate leaves the start and the end out, as LoadGen does.
  if (scenario !== 'Offline' || !tokensPerSecond || !generatedTokens || !durationSeconds) return [];
  const recomputed = generatedTokens / durationSeconds;
  if (Math.abs(tokensPerSecond / recomputed - 1) <= tolerance) return [];
  const reason = `is ${tokensPerSecond.toPrecision(6)}, and ${generatedTokens} tokens in ${durationSeconds} s are ${recomputed.toPrecision(6)}`;
  return [{ figure: 'performance.tokensPerSecond', reason }];
}

/** MBU again, from the samples' own lengths: what a step reads at least over what the GPU could have read. */
function findWrongMbu({ record, performance: samples }: ComparedRun): Impossibility[] {
  const { performance, model, sut, system } = record;
  const { cost } = model;
  const tpotMs = performance?.tpotMs?.mean;
  const gpu = system.gpus.find(({ peakBandwidthGBs }) => peakBandwidthGBs !== null);
  const devices = sut?.devices ?? [];
  const areGpus = devices.length > 0 && devices.every((device) => device.startsWith('cuda'));
  if (!cost || !tpotMs || !areGpus || !gpu?.peakBandwidthGBs) return [];
  const seconds = tpotMs / 1000;
  const workers = sut === null ? 1 : countWorkers(sut);
  const peak = devices.length * gpu.peakBandwidthGBs;
  // In the time of a step each worker that makes one reads its weights, by the peak of its own devices.
  const weightBytes = workers * cost.weightBytesPerStep;
  const share = computeMbu({ weightBytes, kvBytes: 0, seconds }, peak);
  if (share > 1) {
    const rate = weightBytes / (seconds * 1e9);
    const whose = devices.length === 1 ? gpu.name : `${devices.length} ${gpu.name}`;
    const reason = `${tpotMs} ms a token would read the weights at ${rate.toFixed(0)} GB/s, ${percent(share)} of what ${whose} can`;
    return [{ figure: 'performance.tpotMs', reason }];
  }
  const told = performance?.mbu ?? null;
  if (told === null || told > 1 || samples === null || !sut?.steps) return [];
  const work = samples.reduce(
    (sum, { promptTokenCount, outputTokenCount }) =>
      addSample(cost, sum, promptTokenCount ?? 0, outputTokenCount ?? 0),
    noWork,
  );
  const measured = { steps: listSteps(sut), seconds: performance?.durationSeconds ?? 0 };
  const step = describeStep(cost, work, { ...measured, meanTpotSeconds: seconds });
  const recomputed = computeMbu(step, peak);
  if (Math.abs(told / recomputed - 1) <= tolerance) return [];
  const least = computeMbu({ ...step, kvBytes: 0 }, peak);
  const kvTimes = (told - least) / (recomputed - least);
  const sharing = headsPerKvHead(cost, sut.kvCache?.dtype);
  const isByHeads = sharing !== null && sharing > 1 && Math.abs(kvTimes / sharing - 1) < 0.02;
  const why = isByHeads
    ? `: it counts the KV cache ${sharing} times, as if each of the ${cost.heads} heads had K and V of its own, which share ${cost.heads / sharing}`
    : '';
  const reason = `MBU is ${percent(told)}, and ${percent(recomputed)} by the model's bytes and the samples' lengths${why}`;
  return [{ figure: 'performance.mbu', reason }];
}

const kvElementBytes: Readonly<Record<string, number>> = { fp32: 4, fp16: 2, bf16: 2, fp8: 1 };

/** heads / KV heads, by the bytes that a token's K and V have in all layers; null where they tell no such number. */
function headsPerKvHead(cost: ModelCost, dtype: string | undefined): number | null {
  const bytes = kvElementBytes[dtype ?? ''];
  if (bytes === undefined) return null;
  // A vector of fp8 has a scale in fp32.
  const vectorBytes = cost.headDim * bytes + (dtype === 'fp8' ? 4 : 0);
  const sharing = (2 * cost.layers * cost.heads * vectorBytes) / cost.kvBytesPerToken;
  return Number.isInteger(sharing) ? sharing : null;
}

const types = ['fp32', 'fp16', 'bf16', 'int8', 'int4', 'fp8'] as const;

/** A run that calls itself fp32 and whose weights are not. */
function findWrongName({ name, model }: RunRecord): Impossibility[] {
  if (model.weightFormat === null) return [];
  const words = name.toLowerCase().split(/[^a-z0-9]+/);
  const claimed = types.filter((type) => words.includes(type));
  const held = types.filter((type) => model.weightFormat?.toLowerCase().includes(type));
  if (claimed.length === 0 || claimed.some((type) => held.includes(type))) return [];
  const reason = `the run calls itself ${name}; its tensors are ${model.weightFormat}`;
  return [{ figure: 'name', reason }];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
