// Actions at their instants, on either clock: in order, never early, none after they were forgotten.
import { describe, expect, it } from 'vitest';
import { createTimeline } from '../../../harness/sut/timeline.js';
import { type Clock, RealClock, VirtualClock, Wakeup } from '../../../loadgen/index.js';

const clocks: readonly (readonly [string, () => Clock])[] = [
  ['real', () => new RealClock()],
  ['virtual', () => new VirtualClock()],
];

describe.each(clocks)('a timeline on the %s clock', (_name, make) => {
  it('runs actions in the order of their instants, none early, and sees each at its own', async () => {
    const clock = make();
    const timeline = createTimeline(clock);
    const startNs = clock.nowNs();
    const seen: { at: number; own: number; now: number }[] = [];
    for (const at of [9e6, 1e6, 0, 5e6, 5.2e6]) {
      timeline.schedule(startNs + at, () => {
        seen.push({ at, own: timeline.nowNs() - startNs, now: clock.nowNs() - startNs });
        if (at === 1e6)
          timeline.schedule(startNs + 2e6, () => seen.push({ at: 2e6, own: 2e6, now: 2e6 }));
      });
    }
    await clock.sleepUntil(startNs + 20e6, new Wakeup());
    expect(seen.map(({ at }) => at)).toEqual([0, 1e6, 2e6, 5e6, 5.2e6, 9e6]);
    for (const { at, own, now } of seen) {
      expect(own).toBeGreaterThanOrEqual(at);
      expect(own - at).toBeLessThan(1e6);
      expect(now).toBeGreaterThanOrEqual(at);
    }
  });

  it('forgets what was to come', async () => {
    const clock = make();
    const timeline = createTimeline(clock);
    const seen: string[] = [];
    timeline.schedule(clock.nowNs() + 3e6, () => seen.push('forgotten'));
    timeline.clear();
    timeline.schedule(clock.nowNs() + 1e6, () => seen.push('kept'));
    await clock.sleepUntil(clock.nowNs() + 12e6, new Wakeup());
    expect(seen).toEqual(['kept']);
  });

  it('runs alone until a condition holds, or nothing is left', () => {
    const clock = make();
    const timeline = createTimeline(clock);
    let count = 0;
    for (const ms of [1, 2, 3, 4]) timeline.schedule(clock.nowNs() + ms * 1e6, () => count++);
    timeline.runUntil(() => count >= 2);
    expect(count).toBeGreaterThanOrEqual(2);
    timeline.runUntil(() => false);
    expect(count).toBe(4);
  });
});
