// Why was something not fetched from a hub?

import { BenchError } from '../errors.js';
import { exitCodes } from '../exit-codes.js';

/** The hub could not be reached, broke off for good, or sent something else than it promised. */
export class HubError extends BenchError {
  override readonly name = 'HubError';
  readonly code = 'NOT_FETCHED';
  readonly exitCode = exitCodes.notFetched;
}

/** A connection that may work the next time. */
export class BrokenConnection extends Error {
  constructor(
    message: string,
    /** How long a server that did answer asks to be left alone; null where none did. */
    readonly waitMs: number | null = null,
  ) {
    super(message);
  }
}
