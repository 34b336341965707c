// What does run.json say of the model and of the system under test? What they tell of themselves, and what the engine did
// in the pass that is reported.

import type { RunConfig } from './config.js';
import { digestFolder } from './model-digest.js';
import type { PassResult } from './pass.js';
import type { MeasuredSut, SutDescription, WorkerWork } from './sut/measured-sut.js';
import type { ModelCost } from './utilisation.js';

/** One worker in the pass that is reported. */
export type WorkerRecord = Omit<WorkerWork, 'stepsBefore' | 'outstanding' | 'kvUsedShare'>;

/**
 * Steps, and what they held, of the performance pass, or of the accuracy pass where there is no other. After find-peak
 * they are null: counted over all rates that were tried, while the other figures are of one.
 */
export interface SutRecord extends Omit<SutDescription, 'model' | 'workers'> {
  /** In the order of `devices`; null where nothing computes, or nothing was asked, and after find-peak. */
  readonly workers: readonly WorkerRecord[] | null;
  readonly steps: number | null;
  readonly occupancy: number | null;
  /** The fullest a worker's KV cache has been since it was loaded, warm-up and earlier passes included, 0..1. */
  readonly kvPeakShare: number | null;
  readonly preemptions: number | null;
  readonly deviceBusyShare: number | null;
}

export interface ModelRecord {
  readonly name: string;
  readonly path: string;
  /** Random weights in the shape of `name`: nothing that it answers means anything. */
  readonly synthetic: boolean;
  readonly architecture: string | null;
  readonly parameters: number | null;
  /** As all workers hold them, each its own copy; `cost.weightBytesPerStep` is what a step of one reads. */
  readonly weightBytes: number | null;
  readonly weightFormat: string | null;
  /** What its utilisation is reckoned from; null when it was not loaded. */
  readonly cost: ModelCost | null;
  /** sha256 over the checkpoint's files; null when no checkpoint was used. */
  readonly digest: string | null;
}

export async function describeModel(
  config: RunConfig,
  sut: MeasuredSut | null,
): Promise<ModelRecord> {
  const known = sut?.description.model ?? null;
  const hasFiles = known !== null && !config.model.synthetic;
  return {
    name: config.model.name,
    path: config.model.folder,
    synthetic: config.model.synthetic,
    architecture: known?.architecture ?? null,
    parameters: known?.parameters ?? null,
    weightBytes: known?.weightBytes ?? null,
    weightFormat: known?.weightFormat ?? null,
    cost: known?.cost ?? null,
    digest: hasFiles ? await digestFolder(config.model.folder) : null,
  };
}

export function describeSut(sut: MeasuredSut, reported: PassResult | null): SutRecord {
  const { model: _model, workers: _workers, ...description } = sut.description;
  const work = reported?.work ?? null;
  const isSearch = reported !== null && reported.outcome.peakSearch !== null;
  const counted = isSearch ? null : work;
  return {
    ...description,
    workers: counted?.workers.map(recordWorker) ?? null,
    steps: counted?.steps ?? null,
    occupancy: counted?.occupancy ?? null,
    kvPeakShare: work?.kvPeakShare ?? null,
    preemptions: counted?.preemptions ?? null,
    deviceBusyShare: counted?.deviceBusyShare ?? null,
  };
}

/** Engines side by side, whether or not each one's figures are there; 0 where nothing computes. */
export function countWorkers({
  devices,
  tensorParallel,
}: Pick<SutRecord, 'devices' | 'tensorParallel'>): number {
  return devices.length / (tensorParallel ?? 1);
}

/** Steps of each worker; of all together where a record has no more. */
export function listSteps({ steps, workers }: SutRecord): readonly number[] {
  const each = (workers ?? []).map((worker) => worker.steps);
  return each.length > 0 ? each : [steps ?? 0];
}

function recordWorker({
  stepsBefore: _before,
  outstanding: _outstanding,
  kvUsedShare: _used,
  ...worker
}: WorkerWork): WorkerRecord {
  return worker;
}
