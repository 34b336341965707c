// What do a checkpoint's own headers say, whatever form it has? The native reader's answer, in the harness's errors.

import { inspectModel, type ModelInspection } from '../native/index.js';
import { asLoadError } from './sut/load-error.js';

/** @throws InputError when the engine would refuse the model, SystemUnderTestError when there is no engine. */
export function inspectCheckpoint(path: string, verify = false): ModelInspection {
  try {
    return inspectModel(path, verify);
  } catch (error) {
    throw asLoadError(error, path);
  }
}
