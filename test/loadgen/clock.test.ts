// Clocks: the virtual one's order of events, the real one's punctuality.

import { expect, test } from 'vitest';
import { LoadgenError, RealClock, VirtualClock, Wakeup } from '../../loadgen/index.js';

test('virtual events happen by instant, then by creation', async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const note = (what: string) => () => seen.push(`${what}@${clock.nowNs()}`);
  clock.schedule(50, note('late'));
  for (let i = 0; i < 20; i++) clock.schedule(10, note(`n${i}`));
  clock.schedule(5, note('early'));
  await clock.sleepUntil(49, new Wakeup());
  expect(seen[0]).toBe('early@5');
  expect(seen.slice(1)).toEqual(Array.from({ length: 20 }, (_, i) => `n${i}@10`));
  expect(clock.nowNs()).toBe(49);
  await clock.sleepUntil(50, new Wakeup());
  expect(seen.at(-1)).toBe('late@50');
});

test('a virtual clock tells what comes next, and can be brought forward', () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  expect(clock.nextAtNs).toBe(Number.POSITIVE_INFINITY);
  for (const at of [30, 10, 20]) clock.schedule(at, () => seen.push(at));
  expect(clock.nextAtNs).toBe(10);
  clock.advanceTo(25);
  expect([clock.nowNs(), clock.nextAtNs, ...seen]).toEqual([25, 30, 10, 20]);
  clock.advanceTo(5);
  expect(clock.nowNs()).toBe(25);
});

test('simulated time that never ends can be interrupted', async () => {
  const clock = new VirtualClock();
  const wakeup = new Wakeup();
  const goOn = () => clock.schedule(clock.nowNs() + 1, goOn);
  goOn();
  setTimeout(() => wakeup.ring(), 20);
  await clock.sleepUntil(Number.POSITIVE_INFINITY, wakeup);
  expect(wakeup.rung).toBe(true);
  expect(clock.nowNs()).toBeGreaterThan(1000);
});

test('a ring ends a virtual sleep at its instant', async () => {
  const clock = new VirtualClock();
  const wakeup = new Wakeup();
  clock.schedule(7, () => wakeup.ring());
  await clock.sleepUntil(100, wakeup);
  expect(clock.nowNs()).toBe(7);
});

test('waiting for ever with nothing to come is an error', async () => {
  const attempt = new VirtualClock().sleepUntil(Number.POSITIVE_INFINITY, new Wakeup());
  await expect(attempt).rejects.toThrow(LoadgenError);
});

test('a real sleep never ends early, and hardly late', async () => {
  const clock = new RealClock();
  const medians: number[] = [];
  // Other work on the machine makes a sleep late, never early: the best of a few rounds is the clock's own.
  for (let round = 0; round < 8 && !(Math.min(...medians) < 1e6); round++) {
    const lateNs: number[] = [];
    for (const ms of [0.02, 0.3, 1, 2.5, 4.9, 10, 3, 1.7, 0.9]) {
      const at = clock.nowNs() + ms * 1e6;
      await clock.sleepUntil(at, new Wakeup());
      lateNs.push(clock.nowNs() - at);
    }
    expect(Math.min(...lateNs)).toBeGreaterThanOrEqual(0);
    lateNs.sort((a, b) => a - b);
    medians.push(lateNs[4]!);
  }
  console.log(`real clock: woke ${medians.join(', ')} ns late (medians of 9)`);
  expect(Math.min(...medians)).toBeLessThan(2e6);
});

test('a ring ends a real sleep', async () => {
  const clock = new RealClock();
  const wakeup = new Wakeup();
  const started = clock.nowNs();
  setTimeout(() => wakeup.ring(), 10);
  await clock.sleepUntil(Number.POSITIVE_INFINITY, wakeup);
  await clock.sleepUntil(started + 60e9, wakeup);
  expect(clock.nowNs() - started).toBeLessThan(5e9);
});

test('readings turn into UTC', () => {
  const clock = new RealClock();
  expect(Math.abs(clock.unixMs(clock.nowNs()) - Date.now())).toBeLessThan(50);
});
