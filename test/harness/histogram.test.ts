import { describe, expect, it } from 'vitest';
import { buildHistogram, nsPerMs } from '../../harness/histogram.js';

describe('buildHistogram', () => {
  it('picks element trunc(n * p), as LoadGen does, and leaves NaN out', () => {
    const times = Array.from({ length: 1000 }, (_, index) => (999 - index) * 1e6);
    const histogram = buildHistogram([...times, Number.NaN], nsPerMs);
    expect(histogram).toEqual({
      mean: 499.5,
      p50: 500,
      p90: 900,
      p95: 950,
      p97: 970,
      p99: 990,
      p99_9: 999,
      max: 999,
    });
  });

  it('has the maximum for every percentile beyond the last element, and is null for nothing', () => {
    expect(buildHistogram([5], 1)).toMatchObject({ mean: 5, p50: 5, p99_9: 5, max: 5 });
    expect(buildHistogram([], 1)).toBeNull();
    expect(buildHistogram([Number.NaN], 1)).toBeNull();
  });
});
