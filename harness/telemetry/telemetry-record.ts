// What does run.json say of the machine beside the reported pass? Each device's summary, how well it was sampled, and the
// energy that an answer's token cost.

import type { TelemetryAbsence, TelemetryDevice, TelemetryFault } from '../../native/index.js';
import type { ComputePlace } from '../device.js';
import { type DeviceSummary, summarizeDevice } from './device-summary.js';
import type { Span, TelemetryTrace } from './telemetry-trace.js';

/** A stretch of the run, for telemetry.jsonl. */
export interface Phase extends Span {
  readonly name: 'accuracy' | 'warm-up' | 'idle' | 'performance';
}

/** Where the figures came from, as it was set. */
export interface TelemetrySources {
  readonly nvmlLibrary: string;
  readonly powercapFolder: string;
  readonly cpuFolder: string;
}

/** What was sampled over a whole run. */
export interface TelemetryMaterial {
  readonly trace: TelemetryTrace;
  readonly periodMs: number;
  readonly lostRows: number;
  readonly phases: readonly Phase[];
  readonly absences: readonly TelemetryAbsence[];
  readonly faults: readonly TelemetryFault[];
  readonly driver: string | null;
  readonly sources: TelemetrySources;
  /** What the engine computes on; empty where it computes nothing. */
  readonly compute: readonly ComputePlace[];
}

/** run.json's `telemetry`; times are nanoseconds since the start of the reported pass's test. */
export interface TelemetryRecord {
  readonly periodMs: number;
  readonly driver: string | null;
  readonly sources: TelemetrySources;
  /** The series that is reported: what the figures below are of. */
  readonly window: { readonly startNs: number; readonly endNs: number; readonly seconds: number };
  readonly sampling: {
    /** Within the window. */
    readonly samples: number;
    readonly meanGapMs: number | null;
    readonly maxGapMs: number | null;
    /** Pauses of more than two periods, and their seconds together. */
    readonly gaps: number;
    readonly gapSeconds: number;
    /** The longest that one sample took to read. */
    readonly maxReadMs: number;
    /** Of the run, written over before they were kept. */
    readonly lostSamples: number;
  };
  /** Nothing was outstanding; null where idle power was not measured. */
  readonly idle: {
    readonly startNs: number;
    readonly endNs: number;
    readonly seconds: number;
  } | null;
  readonly devices: readonly DeviceSummary[];
  /** Of the devices that the engine computes on; null where that is not known, for `energyAbsentBecause`. */
  readonly energy: EnergyRecord | null;
  readonly energyAbsentBecause: string | null;
  /** What could not be sampled. */
  readonly absent: readonly TelemetryAbsence[];
}

export interface EnergyRecord {
  /** Whose energy: a GPU's own, or that of processor packages and their memory. What else the machine draws is not in it. */
  readonly of: readonly string[];
  readonly joules: number;
  readonly boundJoules: number;
  readonly joulesAboveIdle: number | null;
  readonly boundJoulesAboveIdle: number | null;
  /** null where answers are not made of tokens. */
  readonly generatedTokens: number | null;
  readonly joulesPerToken: number | null;
  readonly boundJoulesPerToken: number | null;
  readonly joulesPerTokenAboveIdle: number | null;
  readonly boundJoulesPerTokenAboveIdle: number | null;
}

/** Two NVML or CUDA spellings of one address: "0000:0f:00.0" and "00000000:0F:00.0". */
export function isSamePciAddress(a: string, b: string): boolean {
  const numbers = (id: string) => id.split(/[:.]/).map((part) => Number.parseInt(part, 16));
  return numbers(a).join() === numbers(b).join();
}

export function isUsedDevice(
  { kind, pciBusId }: TelemetryDevice,
  compute: TelemetryMaterial['compute'],
): boolean {
  return compute.some((place) =>
    place === 'cpu'
      ? kind === 'rapl' || kind === 'cpu'
      : kind === 'gpu' && pciBusId !== null && isSamePciAddress(pciBusId, place.pciBusId),
  );
}

/** @param reported the reported series by the monotonic clock, and when its test began. */
export function buildTelemetryRecord(
  material: TelemetryMaterial,
  reported: Span & { readonly testStartNs: number; readonly generatedTokens: number | null },
): TelemetryRecord {
  const { trace, periodMs, lostRows, phases, absences, faults, driver, sources } = material;
  const { testStartNs } = reported;
  const since = ({ fromNs, toNs }: Span) => ({
    startNs: fromNs - testStartNs,
    endNs: toNs - testStartNs,
    seconds: (toNs - fromNs) / 1e9,
  });
  const idle = phases.findLast(({ name }) => name === 'idle') ?? null;
  const isUsed = (device: TelemetryDevice) => isUsedDevice(device, material.compute);
  const terms = { trace, span: reported, idle, testStartNs, faults, isUsed };
  const devices = trace.devices.map((device) => summarizeDevice(device, terms));
  const energy = addEnergy(devices, reported.generatedTokens);
  return {
    ...{ periodMs, driver, sources },
    window: since(reported),
    sampling: { ...describeSampling(trace, reported, periodMs), lostSamples: lostRows },
    idle: idle === null ? null : since(idle),
    devices,
    energy,
    energyAbsentBecause: energy === null ? explainNoEnergy(material, devices) : null,
    absent: absences,
  };
}

function describeSampling({ timesNs, tookNs }: TelemetryTrace, span: Span, periodMs: number) {
  const isWithin = (_: number, row: number) =>
    timesNs[row]! >= span.fromNs && timesNs[row]! <= span.toNs;
  const inside = timesNs.filter(isWithin);
  // What lies between the ends of the pass and its first and last sample is a gap as others are.
  const instants = [span.fromNs, ...inside, span.toNs];
  const gapsMs = instants.slice(1).map((atNs, row) => (atNs - instants[row]!) / 1e6);
  const long = gapsMs.filter((gapMs) => gapMs > 2 * periodMs);
  return {
    samples: inside.length,
    meanGapMs: inside.length < 2 ? null : (inside.at(-1)! - inside[0]!) / 1e6 / (inside.length - 1),
    maxGapMs: gapsMs.reduce((most, gapMs) => Math.max(most, gapMs), 0),
    gaps: long.length,
    gapSeconds: long.reduce((sum, gapMs) => sum + gapMs, 0) / 1e3,
    maxReadMs: tookNs.filter(isWithin).reduce((most, ns) => Math.max(most, ns), 0) / 1e6,
  };
}

/** null unless every device that counts has a figure. */
function addEnergy(
  devices: readonly DeviceSummary[],
  generatedTokens: number | null,
): EnergyRecord | null {
  const counted = devices.filter(({ isUsed, kind }) => isUsed && kind !== 'cpu');
  const energies = counted.flatMap(({ energy }) => energy ?? []);
  if (counted.length === 0 || energies.length < counted.length) return null;
  const sum = (read: (energy: (typeof energies)[number]) => number | null) =>
    energies.reduce<number | null>((total, energy) => {
      const value = read(energy);
      return total === null || value === null ? null : total + value;
    }, 0);
  const joules = sum((energy) => energy.joules)!;
  const boundJoules = sum((energy) => energy.boundJoules)!;
  const joulesAboveIdle = sum((energy) => energy.joulesAboveIdle);
  const boundJoulesAboveIdle = sum((energy) => energy.boundJoulesAboveIdle);
  const perToken = (value: number | null) =>
    value === null || !generatedTokens ? null : value / generatedTokens;
  return {
    of: counted.map(({ name }) => name),
    ...{ joules, boundJoules, joulesAboveIdle, boundJoulesAboveIdle, generatedTokens },
    joulesPerToken: perToken(joules),
    boundJoulesPerToken: perToken(boundJoules),
    joulesPerTokenAboveIdle: perToken(joulesAboveIdle),
    boundJoulesPerTokenAboveIdle: perToken(boundJoulesAboveIdle),
  };
}

function explainNoEnergy(
  { compute, absences, faults }: TelemetryMaterial,
  devices: readonly DeviceSummary[],
): string {
  if (compute.length === 0) return 'the system under test computes no model';
  const counted = devices.filter(({ isUsed, kind }) => isUsed && kind !== 'cpu');
  const silent = counted.find(({ energy }) => energy === null);
  if (silent !== undefined) {
    const fault = faults.find(({ device }) => device === silent.name);
    return fault === undefined
      ? `${silent.name} told neither energy nor power over the whole pass`
      : `${silent.name} stopped answering: ${fault.because}`;
  }
  const isOfKind = ({ what }: TelemetryAbsence) =>
    compute.some((place) =>
      place === 'cpu' ? /^(rapl|package-|dram-)/.test(what) : what.startsWith('gpu'),
    );
  const reasons = absences.filter(isOfKind).map(({ because }) => because);
  return reasons.join('; ') || 'no device that the engine computes on was sampled';
}
