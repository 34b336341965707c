// Somebody says how much faster it is. Does that follow from the runs?

import { type Fault, InputError } from '../errors.js';
import { caveatOf, type SpeedRatio } from './speed.js';
import { metricsOf } from './speed-metric.js';

export interface Claim {
  /** As `speed.ts` calls it. */
  readonly metric: string;
  /** For the better, a share: 0.054 for "5.4 % faster". */
  readonly gain: number;
  /** As it was given, "38x" or "5.4 %", and what it is answered in. */
  readonly claimed: string;
  readonly unit: '%' | 'x';
  /** What the digits given may be the rounding of: 0.0535 and 0.0545. */
  readonly rounding: { readonly least: number; readonly most: number };
}

export interface JudgedClaim extends Claim {
  /** What the runs say, a share for the better; null where they allow no ratio. */
  readonly measured: number | null;
  /** cannot tell: there is no ratio, or its interval holds the claim and no change at all. */
  readonly verdict: 'holds' | 'does not follow' | 'cannot tell';
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
      const given =
        unit === 'x'
          ? { claimed: `${digits}x`, unit: 'x' as const }
          : { claimed: `${digits} %`, unit: '%' as const };
      if (unit === '%' || value > 0) return [{ metric, gain: gainOf(value), ...given, rounding }];
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

/**
 * Latencies gain by what is saved of them: 6.45 s to 6.415 s is 0.54 %. A claim holds where the interval shows a change the
 * claim's way and has what was claimed in it; the wider an interval, the more it has in it, and shows nothing.
 * @param notComparable why speeds cannot be compared; empty where they can
 */
export function judgeClaim(
  claim: Claim,
  ratios: readonly SpeedRatio[],
  notComparable: readonly string[],
): JudgedClaim {
  const refuse = (reason: string): JudgedClaim => {
    return { ...claim, measured: null, verdict: 'cannot tell', reason };
  };
  if (notComparable.length > 0) return refuse(`not comparable: ${notComparable.join('; ')}`);
  const ratio = ratios.find(({ metric }) => metric === claim.metric);
  if (ratio?.ratio == null) {
    return refuse(ratio?.absentBecause ?? 'the runs allow no such ratio');
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
  const holdsClaim = most >= lower! && least <= upper!;
  const isOpen = bounds !== null && holdsClaim && lower! <= 0 && upper! >= 0;
  const told = (gain: number) => formatGain(gain, claim.unit, ratio.better);
  const figures = `from ${figure(ratio.baseline!)} to ${figure(ratio.candidate!)} ${ratio.unit} is ${told(measured)}`;
  const caveat = caveatOf([ratio]);
  const single = caveat === null ? '' : `, ${caveat}`;
  const range = bounds === null ? '' : ` (${told(bounds[0]!)} to ${told(bounds[1]!)}${single})`;
  const why = isOpen ? ', which the interval has in it, and no change too' : '';
  return {
    ...claim,
    measured,
    verdict: isOpen ? 'cannot tell' : holdsClaim ? 'holds' : 'does not follow',
    reason: `${figures}${range}; claimed ${claim.claimed}${why}`,
  };
}

/** Digits enough to see the claim in. */
function figure(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** "19.4 %", or how many times as good. */
function formatGain(gain: number, unit: Claim['unit'], better: SpeedRatio['better']): string {
  if (unit === '%') return `${Number((100 * gain).toPrecision(3))} %`;
  const times = better === 'higher' ? 1 + gain : 1 / (1 - gain);
  return `${Number(times.toPrecision(4))}x`;
}
