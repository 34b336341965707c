// The read of memory behind a load: where it is a ceiling it is measured, elsewhere it is said why not.
import { describe, expect, it } from 'vitest';
import { measureMemoryRead } from '../../harness/memory-read.js';

const cpu = { devices: ['cpu'], threads: 2 } as const;
const large = { weightBytesPerToken: 500e6 };
const gib = 2 ** 30;

describe('measureMemoryRead', () => {
  it('reads on a CPU whose weights fit no cache', () => {
    const { memoryRead, memoryReadAbsentBecause } = measureMemoryRead(large, cpu, 8 * gib);
    expect(memoryReadAbsentBecause).toBeNull();
    const { gbs, threads, seconds } = memoryRead!;
    expect(threads).toBe(2);
    // Any machine reads more than a disk and less than all of an H200's memory.
    expect(gbs).toBeGreaterThan(0.2);
    expect(gbs).toBeLessThan(4800);
    // Five reads of 256 MiB, the best of which is the figure.
    expect(seconds * gbs).toBeGreaterThan(5 * 0.268435456);
  });

  it.each([
    [large, { threads: 2, devices: ['cuda:0'] as const }, 8 * gib, 'a GPU computes'],
    [
      { weightBytesPerToken: 3e6 },
      cpu,
      8 * gib,
      'a step reads 3000000 bytes of weights, which a cache may hold: memory is no ceiling',
    ],
    [large, cpu, gib / 2, '536870912 bytes of memory are left: too few to read some beside them'],
  ])('says why not: %j, %j, %d bytes left', (info, options, bytes, why) => {
    expect(measureMemoryRead(info, options, bytes)).toEqual({
      memoryRead: null,
      memoryReadAbsentBecause: why,
    });
  });
});
