// How fast do this machine's threads read memory? The ceiling of a CPU that reads its weights from there, measured right
// behind the load, before anything is timed.

import { type EngineInfo, measureReadRate } from '../native/index.js';

/** The best of five reads of 256 MiB, each thread its share (`native/engine/read_rate`). */
export interface MemoryRead {
  /** 10^9 bytes a second. */
  readonly gbs: number;
  readonly threads: number;
  /** What it took of the load, the block's first touch included. */
  readonly seconds: number;
}

export interface MemoryReadRecord {
  readonly memoryRead: MemoryRead | null;
  /** Why it was not measured; null where it was. */
  readonly memoryReadAbsentBecause: string | null;
}

/** Fewer weights a step may lie in a processor's cache, which reads faster than memory does. */
const leastBytes = 64 * 2 ** 20;
/** Beside the block of 256 MiB, so that nothing else is driven out. */
const leastFreeBytes = 2 ** 30;

/** On a CPU, where the step reads enough for memory to be what bounds it. */
export function measureMemoryRead(
  { weightBytesPerToken }: Pick<EngineInfo, 'weightBytesPerToken'>,
  { devices, threads }: { readonly devices: readonly string[]; readonly threads: number },
  availableBytes = process.availableMemory(),
): MemoryReadRecord {
  const refuse = (memoryReadAbsentBecause: string) => ({
    memoryRead: null,
    memoryReadAbsentBecause,
  });
  if (devices.some((device) => device !== 'cpu')) return refuse('a GPU computes');
  if (weightBytesPerToken < leastBytes) {
    return refuse(
      `a step reads ${weightBytesPerToken} bytes of weights, which a cache may hold: memory is no ceiling`,
    );
  }
  if (availableBytes < leastFreeBytes) {
    return refuse(`${availableBytes} bytes of memory are left: too few to read some beside them`);
  }
  const startMs = performance.now();
  const gbs = measureReadRate(threads);
  const seconds = (performance.now() - startMs) / 1e3;
  return { memoryRead: { gbs, threads, seconds }, memoryReadAbsentBecause: null };
}
