// When is a hub asked again? After a growing pause, or after the one it asks for; what did not answer at all is told at once.

import { BrokenConnection } from './hub-error.js';

export interface RetryTerms {
  readonly signal: AbortSignal;
  /** Told why a try failed that is followed by another. */
  readonly onRetry: (reason: string) => void;
  /** Before the second try; doubled before each one after that. */
  readonly retryMs: number;
}

/** Tries in a row that bring nothing before something is given up. */
export const maxTries = 5;
const maxWaitMs = 120_000;

/** Retry-After in seconds or as a date (RFC 9110, 10.2.3); 0 where there is none. */
export function readRetryAfter(header: string | null, nowMs = Date.now()): number {
  const seconds = /^\d+$/.test(header ?? '') ? Number(header) : null;
  const ms = seconds !== null ? seconds * 1000 : Date.parse(header ?? '') - nowMs;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), maxWaitMs);
}

/** @throws BrokenConnection of the last try, or at once where nobody answered. */
export async function retryRefused<T>(work: () => Promise<T>, terms: RetryTerms): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const isRefused = error instanceof BrokenConnection && error.waitMs !== null;
      if (!isRefused || tries === maxTries || terms.signal.aborted) throw error;
      terms.onRetry(error.message);
      await pause(tries, error, terms);
    }
  }
}

/** After so many tries in a row; ends at once with the signal. */
export function pause(
  tries: number,
  { waitMs }: BrokenConnection,
  { retryMs, signal }: RetryTerms,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, Math.max(retryMs * 2 ** (tries - 1), waitMs ?? 0));
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
