import { describe, expect, it } from 'vitest';
import { openDataset } from '../../datasets/index.js';
import { DatasetLibrary } from '../../harness/sample-library.js';
import { NullSut } from '../../harness/sut/null.js';
import { warmUp } from '../../harness/warm-up.js';
import { VirtualClock } from '../../loadgen/index.js';

const library = new DatasetLibrary(openDataset('tiny-orca', 'test'), null, 10);

describe('warmUp', () => {
  it('finds the rate of a system of known speed', async () => {
    const sut = new NullSut({ delayMs: 5, outputTokens: 2 });
    const found = await warmUp(sut, library, new AbortController().signal, 60_000);
    expect(found.samplesPerSecond).toBeGreaterThan(100);
    expect(found.samplesPerSecond).toBeLessThanOrEqual(201);
    expect(found.seconds).toBeGreaterThanOrEqual(1);
    expect(found.samples).toBeGreaterThan(150);
  });

  it('ends with a system that answers at once', async () => {
    const sut = new NullSut({ delayMs: 0, outputTokens: 2 });
    const found = await warmUp(sut, library, new AbortController().signal, 60_000);
    expect(found.samples).toBeGreaterThan(65_536);
  });

  it('measures nothing where no time goes by', async () => {
    const clock = new VirtualClock();
    const sut = new NullSut({ delayMs: 0, outputTokens: 2 }, clock);
    const found = await warmUp(sut, library, new AbortController().signal, 60_000, clock);
    expect(found).toMatchObject({ samples: 4, seconds: 0, samplesPerSecond: null });
  });

  it('stops at once when it is told to', async () => {
    const sut = new NullSut({ delayMs: 60_000, outputTokens: 2 });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const found = await warmUp(sut, library, controller.signal, 60_000);
    expect(found).toMatchObject({ samples: 0, samplesPerSecond: null });
    expect(found.seconds).toBeLessThan(30);
  });

  it('gives up on a system that goes silent', async () => {
    const sut = new NullSut({ delayMs: 60_000, outputTokens: 2 });
    const found = await warmUp(sut, library, new AbortController().signal, 50);
    expect(found).toMatchObject({ samples: 0, samplesPerSecond: null });
    expect(found.seconds).toBeLessThan(30);
  });
});
