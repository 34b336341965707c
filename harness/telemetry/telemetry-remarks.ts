// What did telemetry see that a reader of the run's figures should know? A slowed-down GPU, clocks that drifted, memory
// errors, a device that went away, samples that are missing, figures that are not the system's own.

import { telemetrySources } from '../../native/index.js';
import type { ClockSpread, DeviceSummary } from './device-summary.js';
import type { TelemetryRecord } from './telemetry-record.js';
import { isThrottleFault } from './throttle-reasons.js';

export function listTelemetryRemarks(record: TelemetryRecord, driftShareLimit: number): string[] {
  const { devices, window } = record;
  return [
    ...remarkOnSources(record),
    ...devices.flatMap((device) => [
      ...remarkOnThrottling(device, window.seconds),
      ...remarkOnDrift(device, driftShareLimit),
      ...remarkOnErrors(device),
    ]),
    ...remarkOnGaps(record),
  ];
}

function remarkOnSources({ sources }: TelemetryRecord): string[] {
  const own: Readonly<Record<string, string>> = telemetrySources;
  const others = Object.entries(sources).filter(([key, value]) => value !== own[key]);
  if (others.length === 0) return [];
  const list = others.map(([, value]) => value).join(', ');
  return [`Telemetry was read from ${list}, which is not where this system keeps it.`];
}

function remarkOnThrottling(device: DeviceSummary, seconds: number): string[] {
  const { name, throttleSeconds, throttleCount } = device;
  const remarks = Object.entries(throttleSeconds ?? {})
    .filter(([reason]) => isThrottleFault(reason))
    .map(
      ([reason, held]) =>
        `${name} was throttled for ${round(held)} of ${round(seconds)} s: ${reason}.`,
    );
  if (throttleCount !== null && throttleCount > 0) {
    const times = throttleCount === 1 ? 'once' : `${throttleCount} times`;
    remarks.push(`The processors were throttled for their temperature ${times}.`);
  }
  return remarks;
}

/** Of GPUs, and of the processors where the engine computes on them. */
function remarkOnDrift(device: DeviceSummary, limit: number): string[] {
  const { name, kind, isUsed, smClockMhz, memoryClockMhz, clockMhz } = device;
  if (kind !== 'gpu' && !isUsed) return [];
  const clocks: readonly (readonly [string, ClockSpread | null])[] = [
    ['SM clock', smClockMhz],
    ['memory clock', memoryClockMhz],
    ['clock', clockMhz],
  ];
  return clocks.flatMap(([clock, spread]) => {
    const drift = spread?.driftShare ?? 0;
    if (spread === null || Math.abs(drift) <= limit) return [];
    const percent = `${drift > 0 ? '+' : ''}${round(100 * drift)} %`;
    const from = Math.round(spread.firstThirdMean!);
    const to = Math.round(spread.lastThirdMean!);
    return [
      `The ${clock} of ${name} drifted by ${percent} between the first and the last third of the pass (${from} to ${to} MHz; limit ${round(100 * limit)} %).`,
    ];
  });
}

function remarkOnErrors({ name, eccUncorrected, lost }: DeviceSummary): string[] {
  const remarks: string[] = [];
  if (eccUncorrected !== null && eccUncorrected > 0) {
    const errors = eccUncorrected === 1 ? 'error' : 'errors';
    remarks.push(`${name} counted ${eccUncorrected} uncorrected ECC ${errors} during the pass.`);
  }
  if (lost !== null) {
    remarks.push(`${name} stopped answering ${round(lost.atNs / 1e9)} s in: ${lost.because}.`);
  }
  return remarks;
}

/** Where no power is sampled nothing hangs on the gaps. */
function remarkOnGaps({ sampling, periodMs, devices }: TelemetryRecord): string[] {
  const { gaps, gapSeconds, maxGapMs, lostSamples } = sampling;
  if (!devices.some(({ kind }) => kind === 'gpu' || kind === 'rapl')) return [];
  const remarks: string[] = [];
  if (gaps > 0) {
    const paused = gaps === 1 ? 'paused once' : `paused ${gaps} times`;
    remarks.push(
      `Telemetry ${paused} for more than two periods of ${periodMs} ms: ${round(gapSeconds)} s in all, ${round(maxGapMs ?? 0)} ms at most.`,
    );
  }
  if (lostSamples > 0) remarks.push(`Telemetry lost ${lostSamples} samples.`);
  return remarks;
}

function round(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
