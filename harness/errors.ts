// The errors a user can cause or meet, each with a code and an exit status. Anything else that is thrown is a bug.

import { type ExitCode, exitCodes } from './exit-codes.js';

/** One thing wrong with the input: where it was said, and what would be right. */
export interface Fault {
  /** "configs/runs/mine.yaml:3:9", "--target-qps", ... */
  readonly where: string;
  /** A sentence quoting the value and what is allowed. */
  readonly message: string;
}

/** An error that ends `bench` with a message instead of a stack. */
export abstract class BenchError extends Error {
  abstract readonly code: string;
  abstract readonly exitCode: ExitCode;
}

/** Input that cannot be used: every fault found, before anything was started. */
export class InputError extends BenchError {
  override readonly name = 'InputError';
  readonly code = 'BAD_INPUT';
  readonly exitCode = exitCodes.badInput;

  constructor(readonly faults: readonly Fault[]) {
    super(faults.map((fault) => `${fault.where}: ${fault.message}`).join('\n'));
  }
}

/** The system under test could not be started, or broke while it was measured. */
export class SystemUnderTestError extends BenchError {
  override readonly name = 'SystemUnderTestError';
  readonly code = 'SUT_FAILED';
  readonly exitCode = exitCodes.sutFailed;
}

/** Ctrl-C before there was anything to keep. */
export class InterruptedError extends BenchError {
  override readonly name = 'InterruptedError';
  readonly code = 'INTERRUPTED';
  readonly exitCode = exitCodes.interrupted;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
