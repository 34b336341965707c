// Ctrl-C: the first asks the work to end and to write what it has, the second ends the process at once.

import { exitCodes } from './exit-codes.js';
import type { TextStream } from './report/progress.js';

/** npm passes a terminal's Ctrl-C on a second time: what comes this soon is the same one. */
const sameKeystrokeMs = 500;

/** Runs work with a signal that SIGINT and SIGTERM abort. */
export async function withInterrupt<T>(
  stderr: TextStream,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let firstMs: number | undefined;
  const interrupt = () => {
    const nowMs = performance.now();
    if (firstMs === undefined) {
      firstMs = nowMs;
      stderr.write('\nbench: interrupted, coming to an end (again: stop at once)\n');
      controller.abort();
    } else if (nowMs - firstMs > sameKeystrokeMs) {
      process.exit(exitCodes.interrupted);
    }
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
