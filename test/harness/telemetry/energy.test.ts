import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  energyByCounter,
  energyByPower,
  powerOfCounter,
} from '../../../harness/telemetry/energy.js';

const second = 1e9;

function series(rows: readonly (readonly [seconds: number, value: number])[]) {
  return {
    timesNs: Float64Array.from(rows, ([seconds]) => seconds * second),
    values: Float64Array.from(rows, ([, value]) => value),
  };
}

const exact = { renewedNs: 0, readingNs: 0 };

describe('energy by a counter', () => {
  const counter = series([
    [0, 1000],
    [1, 1100],
    [2, 1300],
    [3, 1350],
  ]);

  it('is the difference of two readings, without a bound where both ends are readings', () => {
    const energy = energyByCounter(counter, { fromNs: 0, toNs: 2 * second }, exact);
    expect(energy).toEqual({ joules: 300, boundJoules: 0, from: 'energy counter' });
  });

  it('interpolates at both ends, off by the longer side of the interval', () => {
    const span = { fromNs: 0.25 * second, toNs: 2.5 * second };
    const energy = energyByCounter(counter, span, exact);
    expect(energy?.joules).toBeCloseTo(1325 - 1025, 9);
    expect(energy?.boundJoules).toBeCloseTo(0.75 * 100 + 0.5 * 50, 9);
  });

  it('adds what the counter may lag behind, and what went by while it was read', () => {
    const span = { fromNs: 0, toNs: 3 * second };
    const coarse = energyByCounter(counter, span, { renewedNs: null, readingNs: 0 });
    expect(coarse?.boundJoules).toBe(100);
    const known = energyByCounter(counter, span, { renewedNs: 1e6, readingNs: 2e6 });
    expect(known?.boundJoules).toBeCloseTo(200 * (0.001 + 2 * 0.002), 9);
  });

  it('passes over readings that failed, and is absent where they do not reach both ends', () => {
    const holey = series([
      [0, 0],
      [1, Number.NaN],
      [2, 200],
    ]);
    expect(energyByCounter(holey, { fromNs: 0, toNs: 2 * second }, exact)?.joules).toBe(200);
    expect(energyByCounter(holey, { fromNs: 0, toNs: 2.1 * second }, exact)).toBeNull();
    expect(energyByCounter(holey, { fromNs: -1, toNs: second }, exact)).toBeNull();
    const lost = series([
      [0, 0],
      [1, Number.NaN],
    ]);
    expect(energyByCounter(lost, { fromNs: 0, toNs: second }, exact)).toBeNull();
  });

  it('holds its bound, whatever the load, the period and how stale the counter is', () => {
    const loads = fc.array(fc.double({ min: 50, max: 700, noNaN: true }), {
      minLength: 40,
      maxLength: 40,
    });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        loads,
        share,
        share,
        fc.integer({ min: 1, max: 100 }),
        (watts, a, b, renewedMs) => {
          // Steps of 100 ms at one power each: its integral, of which the counter shows the last renewal.
          const integral = (ms: number) => {
            let joules = 0;
            for (let step = 0; step < watts.length && 100 * step < ms; step++) {
              joules += (watts[step]! * Math.min(100, ms - 100 * step)) / 1000;
            }
            return joules;
          };
          const shown = (ms: number) => integral(Math.floor(ms / renewedMs) * renewedMs);
          const rows = Array.from({ length: 55 }, (_, row) => 7 + 70 * row);
          const sampled = series(rows.map((ms) => [ms / 1000, shown(ms)] as const));
          const [fromMs, toMs] = [200 + 1000 * a, 2000 + 1500 * b];
          const span = { fromNs: fromMs * 1e6, toNs: toMs * 1e6 };
          const terms = { renewedNs: renewedMs * 1e6, readingNs: 0 };
          const energy = energyByCounter(sampled, span, terms)!;
          // Higher power than any two readings tell is the one thing that the bound leaves out.
          const seen = Math.max(...powerOfCounter(sampled).values);
          const stale = (renewedMs / 1000) * Math.max(0, Math.max(...watts) - seen);
          const off = Math.abs(energy.joules - (integral(toMs) - integral(fromMs)));
          expect(off).toBeLessThanOrEqual(energy.boundJoules + stale + 1e-6);
        },
      ),
    );
  });
});

describe('energy by samples of power', () => {
  it('is the area of the trapezoids, cut at both ends', () => {
    const power = series([
      [0, 100],
      [1, 300],
      [2, 300],
    ]);
    const whole = energyByPower(power, { fromNs: 0, toNs: 2 * second });
    expect(whole).toEqual({ joules: 500, boundJoules: 100, from: 'power samples' });
    const cut = energyByPower(power, { fromNs: 0.5 * second, toNs: 1.5 * second });
    expect(cut?.joules).toBeCloseTo(0.5 * 250 + 150, 9);
    expect(cut?.boundJoules).toBeCloseTo(0.5 * 200, 9);
  });

  it('holds its bound for any power that goes one way between two samples', () => {
    const value = fc.double({ min: 0, max: 700, noNaN: true });
    const steps = fc.array(value, { minLength: 3, maxLength: 30 });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(steps, share, share, share, (watts, jump, from, to) => {
        // Power jumps somewhere in each interval: the worst that is monotone.
        const integral = (seconds: number) => {
          let joules = 0;
          for (let row = 0; row + 1 < watts.length && row < seconds; row++) {
            const length = Math.min(1, seconds - row);
            joules += watts[row]! * Math.min(length, jump);
            joules += watts[row + 1]! * Math.max(0, length - jump);
          }
          return joules;
        };
        const last = watts.length - 1;
        const [start, end] = [from, last - to];
        const sampled = series(watts.map((watt, row) => [row, watt] as const));
        const energy = energyByPower(sampled, { fromNs: start * second, toNs: end * second })!;
        const off = Math.abs(energy.joules - (integral(end) - integral(start)));
        expect(off).toBeLessThanOrEqual(energy.boundJoules + 1e-6);
      }),
    );
  });

  it('is absent where a sample is missing or the span is not covered', () => {
    const holey = series([
      [0, 100],
      [1, Number.NaN],
      [2, 100],
    ]);
    expect(energyByPower(holey, { fromNs: 0, toNs: 2 * second })).toBeNull();
    const short = series([
      [0, 100],
      [1, 100],
    ]);
    expect(energyByPower(short, { fromNs: 0, toNs: 1.5 * second })).toBeNull();
    expect(energyByPower(short, { fromNs: -0.5 * second, toNs: second })).toBeNull();
  });
});

it('reads watts off a counter, interval by interval', () => {
  const counter = series([
    [0, 0],
    [2, 100],
    [3, Number.NaN],
    [4, 400],
  ]);
  expect([...powerOfCounter(counter).values]).toEqual([50, 150]);
});
