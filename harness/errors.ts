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

  /** Each once, although two configurations may have the same. */
  readonly faults: readonly Fault[];

  constructor(found: readonly Fault[]) {
    const faults = new Map(found.map((fault) => [`${fault.where}: ${fault.message}`, fault]));
    super([...faults.keys()].join('\n'));
    this.faults = [...faults.values()];
  }
}

/** The system under test could not be started, or broke while it was measured. */
export class SystemUnderTestError extends BenchError {
  override readonly name = 'SystemUnderTestError';
  readonly code = 'SUT_FAILED';
  readonly exitCode = exitCodes.sutFailed;
}

/** A file that was asked for cannot be written, whoever does not allow it. */
export class NotWrittenError extends BenchError {
  override readonly name = 'NotWrittenError';
  readonly code = 'NOT_WRITTEN';
  readonly exitCode = exitCodes.notWritten;
}

/** Ctrl-C before there was anything to keep. */
export class InterruptedError extends BenchError {
  override readonly name = 'InterruptedError';
  readonly code = 'INTERRUPTED';
  readonly exitCode = exitCodes.interrupted;
}

/** The text of anything that was thrown; what the operating system says of files is put into words. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isOfSystem = 'code' in error && typeof error.code === 'string' && 'syscall' in error;
  if (isOfSystem && error.code === 'ENOENT' && error.syscall === 'mkdir') {
    return 'no folder can be made there';
  }
  // What JSON.parse quotes may have lines of its own.
  if (error instanceof SyntaxError) return error.message.replaceAll('\n', String.raw`\n`);
  return (isOfSystem ? fileSentences[error.code as string] : undefined) ?? error.message;
}

/** What is wrong with a file that the message has named already. */
const fileSentences: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of its path is a file and not a folder',
  EISDIR: 'it is a folder and not a file',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'its file system may not be written to',
  ENOSPC: 'its file system is full',
  EDQUOT: "this user's share of its file system is used up",
  EFBIG: 'its file system allows no file so large',
  EIO: 'its device fails',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'its links lead in a circle',
};
