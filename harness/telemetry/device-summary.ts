// What did one device do during a pass? Means, extremes and drifts of its channels, seconds by throttle reason, energy.

import type { TelemetryDevice, TelemetryFault } from '../../native/index.js';
import { type Energy, energyByCounter, energyByPower, powerOfCounter } from './energy.js';
import type { Series, Span, TelemetryTrace } from './telemetry-trace.js';
import { nameThrottleReasons } from './throttle-reasons.js';

/** Of the samples within a pass. */
export interface Spread {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

/** A clock, whose drift tells of throttling and of a machine that was not warm. */
export interface ClockSpread extends Spread {
  readonly firstThirdMean: number | null;
  readonly lastThirdMean: number | null;
  /** (last - first) / first; null where a third has no sample. */
  readonly driftShare: number | null;
}

/** An entry of run.json's `telemetry.devices`; null: the device has no such figure, or none was sampled. */
export interface DeviceSummary {
  readonly name: string;
  readonly kind: TelemetryDevice['kind'];
  readonly model: string | null;
  readonly uuid: string | null;
  readonly pciBusId: string | null;
  readonly powerLimitWatts: number | null;
  /** The engine computes on it. */
  readonly isUsed: boolean;
  readonly powerWatts: Spread | null;
  readonly smClockMhz: ClockSpread | null;
  readonly memoryClockMhz: ClockSpread | null;
  /** Of processors. */
  readonly clockMhz: ClockSpread | null;
  readonly temperatureC: Spread | null;
  readonly utilizationShare: Spread | null;
  readonly memoryUsedBytes: Spread | null;
  readonly residentBytes: Spread | null;
  /** Seconds of the pass by reason; more than one may hold at a time. */
  readonly throttleSeconds: Readonly<Record<string, number>> | null;
  /** Thermal throttle events of processors during the pass. */
  readonly throttleCount: number | null;
  /** Uncorrected ECC errors during the pass. */
  readonly eccUncorrected: number | null;
  readonly energy: DeviceEnergy | null;
  /** Why it stopped answering, and when, ns since the start of the test; null where it did not. */
  readonly lost: { readonly because: string; readonly atNs: number } | null;
}

export interface DeviceEnergy {
  readonly joules: number;
  readonly boundJoules: number;
  readonly from: Energy['from'];
  /** Mean power while nothing was asked; null where that was not measured. */
  readonly idleWatts: number | null;
  readonly idleBoundWatts: number | null;
  /** joules less idleWatts for as long as the pass. */
  readonly joulesAboveIdle: number | null;
  readonly boundJoulesAboveIdle: number | null;
}

/** RAPL's counters are renewed about every millisecond (Intel's manual, volume 3B, "RAPL interfaces"). */
const raplRenewedNs = 1e6;

export interface SummaryTerms {
  readonly trace: TelemetryTrace;
  /** The pass. */
  readonly span: Span;
  readonly idle: Span | null;
  readonly testStartNs: number;
  readonly faults: readonly TelemetryFault[];
  readonly isUsed: (device: TelemetryDevice) => boolean;
}

export function summarizeDevice(device: TelemetryDevice, terms: SummaryTerms): DeviceSummary {
  const { trace, span, faults, testStartNs } = terms;
  const { name, kind, model, uuid, pciBusId, powerLimitWatts } = device;
  const within = (channel: Parameters<TelemetryTrace['within']>[1]) =>
    trace.within(name, channel, span);
  const fault = faults.find((candidate) => candidate.device === name);
  return {
    ...{ name, kind, model, uuid, pciBusId, powerLimitWatts },
    isUsed: terms.isUsed(device),
    powerWatts: spreadOf(findPower(device, terms)),
    smClockMhz: clockSpreadOf(within('smClockMhz'), span),
    memoryClockMhz: clockSpreadOf(within('memoryClockMhz'), span),
    clockMhz: clockSpreadOf(within('clockMhz'), span),
    temperatureC: spreadOf(within('temperatureC')),
    utilizationShare: spreadOf(within('utilizationShare')),
    memoryUsedBytes: spreadOf(within('memoryUsedBytes')),
    residentBytes: spreadOf(within('residentBytes')),
    throttleSeconds: countThrottling(trace.around(name, 'throttleReasons', span), span),
    throttleCount: countRise(trace.around(name, 'throttleCount', span)),
    eccUncorrected: countRise(trace.around(name, 'eccUncorrected', span)),
    energy: measureEnergy(device, terms),
    lost: fault === undefined ? null : { because: fault.because, atNs: fault.atNs - testStartNs },
  };
}

function findPower({ name }: TelemetryDevice, { trace, span }: SummaryTerms): Series | null {
  const sampled = trace.within(name, 'powerWatts', span);
  if (sampled !== null) return sampled;
  const counted = trace.within(name, 'energyJoules', span);
  return counted === null ? null : powerOfCounter(counted);
}

function measureEnergy(device: TelemetryDevice, terms: SummaryTerms): DeviceEnergy | null {
  const { span, idle } = terms;
  const energy = energyIn(device, span, terms);
  if (energy === null) return null;
  const idleEnergy = idle === null ? null : energyIn(device, idle, terms);
  if (idle === null || idleEnergy === null) {
    const unknown = { idleWatts: null, idleBoundWatts: null };
    return { ...energy, ...unknown, joulesAboveIdle: null, boundJoulesAboveIdle: null };
  }
  const idleSeconds = (idle.toNs - idle.fromNs) / 1e9;
  const seconds = (span.toNs - span.fromNs) / 1e9;
  const idleWatts = idleEnergy.joules / idleSeconds;
  const idleBoundWatts = idleEnergy.boundJoules / idleSeconds;
  return {
    ...energy,
    idleWatts,
    idleBoundWatts,
    joulesAboveIdle: energy.joules - idleWatts * seconds,
    boundJoulesAboveIdle: energy.boundJoules + idleBoundWatts * seconds,
  };
}

/** By the counter, where it counts. */
function energyIn({ name, kind }: TelemetryDevice, span: Span, { trace }: SummaryTerms) {
  const counter = trace.around(name, 'energyJoules', span);
  const readingNs = trace.readNs(span);
  const renewedNs = kind === 'rapl' ? raplRenewedNs : null;
  const counted = counter && energyByCounter(counter, span, { renewedNs, readingNs });
  // Some virtual machines have counters that never count.
  if (counted !== null && counted.joules > 0) return counted;
  const power = trace.around(name, 'powerWatts', span);
  return power && energyByPower(power, span);
}

function knownOf(series: Series | null): number[] {
  return series === null ? [] : [...series.values].filter((value) => !Number.isNaN(value));
}

function spreadOf(series: Series | null): Spread | null {
  const known = knownOf(series);
  if (known.length === 0) return null;
  let [min, max] = [known[0]!, known[0]!];
  for (const value of known) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { mean: meanOf(known)!, min, max };
}

function clockSpreadOf(series: Series | null, { fromNs, toNs }: Span): ClockSpread | null {
  const spread = spreadOf(series);
  if (series === null || spread === null) return null;
  const third = (toNs - fromNs) / 3;
  const meanWhere = (isIn: (atNs: number) => boolean) =>
    meanOf([...series.values].filter((v, row) => !Number.isNaN(v) && isIn(series.timesNs[row]!)));
  const firstThirdMean = meanWhere((atNs) => atNs <= fromNs + third);
  const lastThirdMean = meanWhere((atNs) => atNs >= toNs - third);
  const isKnown = firstThirdMean !== null && lastThirdMean !== null && firstThirdMean > 0;
  const driftShare = isKnown ? lastThirdMean / firstThirdMean - 1 : null;
  return { ...spread, firstThirdMean, lastThirdMean, driftShare };
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, v) => sum + v, 0) / values.length;
}

/** A reason is held to last from the sample that saw it to the next. */
function countThrottling(series: Series | null, { fromNs, toNs }: Span) {
  if (series === null || knownOf(series).length === 0) return null;
  const seconds: Record<string, number> = {};
  for (const [row, bits] of series.values.entries()) {
    const start = Math.max(series.timesNs[row]!, fromNs);
    const end = Math.min(series.timesNs[row + 1] ?? toNs, toNs);
    if (Number.isNaN(bits) || end <= start) continue;
    for (const name of nameThrottleReasons(bits)) {
      seconds[name] = (seconds[name] ?? 0) + (end - start) / 1e9;
    }
  }
  return seconds;
}

/** Of a counter, from the sample before the pass to the one behind it. */
function countRise(series: Series | null): number | null {
  const known = knownOf(series);
  return known.length === 0 ? null : known.at(-1)! - known[0]!;
}
