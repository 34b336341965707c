// Somebody says how much faster it is. Does that follow from the runs?

import { type Fault, InputError } from '../errors.js';
import type { SpeedRatio } from './speed.js';

export interface Claim {
  /** As `speed.ts` calls it. */
  readonly metric: string;
  /** For the better, a share: 0.054 for "5.4 % faster". */
  readonly gain: number;
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
      return [{ metric, gain: unit === 'x' ? value - 1 : value / 100 }];
    }
    const message = `"${text}" is no claim; allowed: METRIC=5.4% or METRIC=38x, with METRIC of ${names.join(', ')}`;
    faults.push({ where: '--claim', message });
    return [];
  });
  if (faults.length > 0) throw new InputError(faults);
  return claims;
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
  // Without an interval, as many digits as the claim has.
  const isNear = Math.abs(measured - claim.gain) <= Math.max(0.0005, 0.05 * claim.gain);
  const holds = bounds === null ? isNear : claim.gain >= bounds[0]! && claim.gain <= bounds[1]!;
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
