// Somebody says how much faster it is. Does that follow from the runs?

import { type Fault, InputError } from '../errors.js';
import type { SpeedRatio } from './speed.js';
import { metricsOf } from './speed-metric.js';

export interface Claim {
  /** As `speed.ts` calls it. */
  readonly metric: string;
  /** For the better, a share: 0.054 for "5.4 % faster". */
  readonly gain: number;
  /** What the digits given may be the rounding of: 0.0535 and 0.0545. */
  readonly rounding: { readonly least: number; readonly most: number };
}

export interface JudgedClaim extends Claim {
  /** What the runs say; null where they allow no ratio. */
  readonly measured: number | null;
  readonly holds: boolean;
  readonly reason: string;
}

const claimForm = /^([a-z_]+[a-z0-9_/ ]*)=\+?(\d+(?:\.\d+)?)(%|x)$/;

/** Reads `tokens/s=38x` or `ttft p50=5.4%`. @throws InputError when it is neither */
export function parseClaims(given: readonly string[], names: readonly string[]): Claim[] {
  const faults: Fault[] = [];
  const claims = given.flatMap((text): Claim[] => {
    const [, metric = '', digits, unit] = claimForm.exec(text.trim()) ?? [];
    if (names.includes(metric)) {
      const value = Number(digits);
      const half = 0.5 / 10 ** (digits!.split('.')[1] ?? '').length;
      const gainOf = (given: number) => readGain(metric, given, unit!);
      const rounding = { least: gainOf(value - half), most: gainOf(value + half) };
      if (unit !== 'x' || value > 0) return [{ metric, gain: gainOf(value), rounding }];
    }
    const message = `"${text}" is no claim; allowed: METRIC=5.4% or METRIC=38x, with METRIC of ${names.join(', ')}`;
    faults.push({ where: '--claim', message });
    return [];
  });
  if (faults.length > 0) throw new InputError(faults);
  return claims;
}

/** "2x" of a time is half of it: baseline over candidate, as of a rate candidate over baseline. */
function readGain(metric: string, value: number, unit: string): number {
  if (unit === '%') return value / 100;
  const better = metricsOf('Offline').find(({ name }) => name === metric)?.better;
  return better === 'lower' ? 1 - 1 / value : value - 1;
}

/** Latencies gain by what is saved of them: 6.45 s to 6.415 s is 0.54 %. */
export function judgeClaim(claim: Claim, ratios: readonly SpeedRatio[]): JudgedClaim {
  const ratio = ratios.find(({ metric }) => metric === claim.metric);
  if (ratio?.ratio == null) {
    const reason = ratio?.absentBecause ?? 'the runs allow no such ratio';
    return { ...claim, measured: null, holds: false, reason };
  }
  const gainOf = (value: number) => (ratio.better === 'higher' ? value - 1 : 1 - value);
  const measured = gainOf(ratio.ratio);
  const { interval } = ratio;
  const bounds =
    interval === null
      ? null
      : [gainOf(interval.lower), gainOf(interval.upper)].sort((a, b) => a - b);
  // Without an interval, what was measured must round to the digits claimed.
  const { least, most } = claim.rounding;
  const [lower, upper] = bounds ?? [measured, measured];
  const holds = most >= lower! && least <= upper!;
  const figures = `from ${figure(ratio.baseline!)} to ${figure(ratio.candidate!)} ${ratio.unit} is ${percent(measured)}`;
  const range = bounds === null ? '' : ` (${percent(bounds[0]!)} to ${percent(bounds[1]!)})`;
  return {
    ...claim,
    measured,
    holds,
    reason: `${figures}${range}; claimed ${percent(claim.gain)}`,
  };
}

/** Digits enough to see the claim in. */
function figure(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
