// How does a call of `bench` that failed say so? On stderr and, where JSON was asked for, as one object on stdout.

import type { Streams } from './commands/run.js';
import { BenchError, type Fault, InputError, messageOf } from './errors.js';
import { exitCodes } from './exit-codes.js';

/** Commander has said it on stderr already; a request for help or the version is no error. */
export function tellUsage(
  error: Error & { readonly exitCode: number },
  argv: readonly string[],
  streams: Streams,
): number {
  if (error.exitCode === 0) return exitCodes.ok;
  const message = error.message.replace(/^error: /, '');
  if (argv.includes('--json')) writeErrorObject(exitCodes.badInput, 'BAD_INPUT', message, streams);
  return exitCodes.badInput;
}

/** Says what went wrong, on stderr and, where JSON was asked for, as the one object on stdout. */
export function tellError(error: unknown, argv: readonly string[], streams: Streams): number {
  if (isRefusedWrite(error)) return tellRefusedWrite(error, argv, streams);
  const isKnown = error instanceof BenchError;
  const exitCode = isKnown ? error.exitCode : 1;
  const faults = error instanceof InputError ? error.faults : [];
  if (argv.includes('--json')) {
    const code = isKnown ? error.code : 'BUG';
    writeErrorObject(exitCode, code, messageOf(error), streams, faults);
  }
  const text = isKnown ? error.message.replaceAll(/^(?!bench\b)/gm, 'bench: ') : stackOf(error);
  streams.stderr.write(`${text}\n`);
  return exitCode;
}

/** What a machine may do to a process that writes, at any moment and by nobody's mistake here. */
const refusals = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EFBIG'];

function isRefusedWrite(error: unknown): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || error instanceof BenchError) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code !== undefined && syscall !== undefined && refusals.includes(code);
}

function tellRefusedWrite(
  error: NodeJS.ErrnoException,
  argv: readonly string[],
  streams: Streams,
): number {
  const where = error.path === undefined ? '' : ` ${error.path}`;
  const message = `writing${where} failed: ${messageOf(error)} (${error.code}); what was written before is kept`;
  const exitCode = exitCodes.notWritten;
  if (argv.includes('--json')) writeErrorObject(exitCode, 'NOT_WRITTEN', message, streams);
  streams.stderr.write(`bench: ${message}\n`);
  return exitCode;
}

function writeErrorObject(
  exitCode: number,
  code: string,
  message: string,
  streams: Streams,
  faults: readonly Fault[] = [{ where: 'bench', message }],
): void {
  const object = { schema: 'loadmark/error/1', exitCode, code, message, faults };
  streams.stdout.write(`${JSON.stringify(object, null, 2)}\n`);
}

function stackOf(error: unknown): string {
  const stack = error instanceof Error ? error.stack : undefined;
  return `bench: this is a bug in loadmark: ${stack ?? messageOf(error)}`;
}
