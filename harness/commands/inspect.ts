// `bench inspect`: what does a checkpoint hold, what would the engine make of it here, and what is doubtful? Told top to
// bottom; formats are the native room's business.

import { availableParallelism } from 'node:os';
import { inspectModel, type ModelInspection, measureReadRate } from '../../native/index.js';
import { loadModel } from '../config.js';
import { describeSystem, measureLoad, type System, takeSnapshot } from '../environment.js';
import { type Fault, InputError } from '../errors.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { type DeviceLimit, findDeviceLimits } from '../model-limits.js';
import { findPackageRoot } from '../package-root.js';
import { formatInspection } from '../report/inspection.js';
import { asLoadError } from '../sut/load-error.js';
import { findTokenizerDoubts } from '../tokenizer-doubts.js';
import type { Streams } from './run.js';

export interface InspectFlags {
  readonly verify?: boolean;
  readonly json?: boolean;
}

/** What --json prints. */
export interface InspectRecord extends ModelInspection {
  readonly schema: 'loadmark/inspect/1';
  readonly version: string;
  readonly model: string;
  readonly path: string;
  /** Whether every weight was read, or the headers alone. */
  readonly verified: boolean;
  readonly storedBytes: number;
  readonly devices: readonly DeviceLimit[];
}

/** `checkFailed` where the engine would refuse the model. */
export async function runInspect(
  model: string,
  options: InspectFlags,
  streams: Streams,
): Promise<ExitCode> {
  const { name, folder } = findModel(model);
  const verified = options.verify === true;
  const inspection = inspect(folder, verified);
  const system = await describeSystem();
  const record: InspectRecord = {
    schema: 'loadmark/inspect/1',
    version: findPackageRoot().version,
    model: name,
    path: folder,
    verified,
    storedBytes: inspection.tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    ...inspection,
    doubts: [...inspection.doubts, ...(await findTokenizerDoubts(folder, inspection.vocabSize))],
    devices: findLimits(inspection, system),
  };
  streams.stdout.write(
    options.json === true
      ? `${JSON.stringify(record, null, 2)}\n`
      : formatInspection(record, streams.stdout.isTTY === true),
  );
  return record.faults.length > 0 ? exitCodes.checkFailed : exitCodes.ok;
}

function findModel(model: string) {
  const faults: Fault[] = [];
  const found = loadModel(model, 'MODEL', true, findPackageRoot().folder, faults);
  if (found === null || faults.length > 0) throw new InputError(faults);
  return found;
}

function inspect(folder: string, verify: boolean): ModelInspection {
  try {
    return inspectModel(folder, verify);
  } catch (error) {
    throw asLoadError(error, folder);
  }
}

function findLimits(inspection: ModelInspection, system: System): DeviceLimit[] {
  // The load first: reading raises it.
  const { loadAverage1m } = measureLoad(takeSnapshot());
  const gbs = measureReadRate(availableParallelism());
  return findDeviceLimits(inspection, system, { gbs, loadAverage1m });
}
