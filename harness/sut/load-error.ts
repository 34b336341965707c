// Whose fault is it when the native engine does not load? What was asked for, or the engine itself.

import { NativeError } from '../../native/index.js';
import { InputError, messageOf, SystemUnderTestError } from '../errors.js';

/** Codes by which the engine says that it was asked for what cannot be. */
const refusals = [
  'ERR_BAD_ARGUMENT',
  'ERR_BAD_CHECKPOINT',
  'ERR_UNSUPPORTED_MODEL',
  'ERR_UNSUPPORTED_CPU',
  'ERR_OUT_OF_MEMORY',
];

/** How the engine says that a model cannot be split over so many devices; to the user these are a number. */
const splitForm = /^tensorParallelDevices names (\d+) devices: /;

/**
 * InputError when the engine refuses what it was asked for, SystemUnderTestError when it is broken.
 * @param worker whose engine it is, where there are several
 */
export function asLoadError(
  error: unknown,
  modelPath: string,
  worker: string | null = null,
): Error {
  const by = worker === null ? '' : `${worker}: `;
  if (error instanceof NativeError && refusals.includes(error.code)) {
    const told = error.message.replace(
      splitForm,
      'engine.tensor_parallel (--tensor-parallel) is $1: ',
    );
    const message = `${by}${told} (${error.code})`;
    return new InputError([{ where: modelPath, message }]);
  }
  const message = `${by}the native engine cannot start: ${messageOf(error)}`;
  return new SystemUnderTestError(message, { cause: error });
}
