// How did a worker fail, and how is it called? Reads what a broken engine says of itself.

import { NativeError } from '../../native/index.js';
import { devicesOf, type WorkerOptions } from '../worker-options.js';

export interface WorkerFailure {
  /** Of its engine, counted from the load; null where the engine does not name one. */
  readonly step: number | null;
  readonly message: string;
  /** Jobs that it had not finished and that the others were given. */
  readonly resent: number;
}

/** How the engine says that it broke, with the step and the reason. */
const brokenForm = /^the engine broke at step (\d+): /;

export function readFailure({ message }: Error, resent: number): WorkerFailure {
  const step = brokenForm.exec(message)?.[1];
  return {
    step: step === undefined ? null : Number(step),
    message: message.replace(brokenForm, ''),
    resent,
  };
}

export function nameWorker(index: number, options: WorkerOptions): string {
  return `worker ${index} (${devicesOf(options).join(', ')})`;
}

/** "worker 1 (cuda:1) failed at step 812: out of memory" */
export function describeFailure(
  { index, devices }: { readonly index: number; readonly devices: readonly string[] },
  { step, message }: WorkerFailure,
): string {
  const at = step === null ? '' : ` at step ${step}`;
  return `worker ${index} (${devices.join(', ')}) failed${at}: ${message}`;
}

export function isBroken(error: unknown): error is NativeError {
  return error instanceof NativeError && error.code === 'ERR_ENGINE_BROKEN';
}
