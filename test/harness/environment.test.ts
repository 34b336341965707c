import { existsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  describeSystem,
  measureLoad,
  readCommit,
  takeSnapshot,
} from '../../harness/environment.js';
import { findPackageRoot } from '../../harness/package-root.js';

describe('describeSystem', () => {
  it('names the machine, and its GPUs or the reason there are none', async () => {
    const system = await describeSystem();
    expect(system).toMatchObject({
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      node: process.version,
    });
    expect(system.cpu.length).toBeGreaterThan(2);
    expect(system.gpus.length === 0).toBe(system.gpusAbsentBecause !== null);
  });
});

describe('measureLoad', () => {
  it.runIf(process.platform === 'linux')('sees this process at work', async () => {
    const before = takeSnapshot();
    const end = performance.now() + 300;
    while (performance.now() < end);
    const load = measureLoad(before);
    const fairShare = 1 / availableParallelism();
    expect(load.busyShare).toBeGreaterThan(0.3 * fairShare);
    expect(load.busyShare).toBeLessThanOrEqual(1);
    expect(load.stealShare).toBeGreaterThanOrEqual(0);
    expect(load.loadAverage1m).toBeGreaterThanOrEqual(0);
  });
});

describe('readCommit', () => {
  it('is a commit in a checkout and null elsewhere', async () => {
    const commit = await readCommit(findPackageRoot().folder);
    const isCheckout = existsSync(join(findPackageRoot().folder, '.git'));
    expect(String(commit)).toMatch(isCheckout ? /^[0-9a-f]{40}(-dirty)?$/ : /^null$/);
    expect(await readCommit('/')).toBeNull();
  });
});
