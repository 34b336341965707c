// The trace of a run as JSON lines: first what was sampled and from when times count, then one object a sample.

import { closeSync, openSync, writeFileSync } from 'node:fs';
import type { TelemetryMaterial } from './telemetry-record.js';

const writtenAtOnce = 1 << 20;

/** Writes telemetry.jsonl; times are nanoseconds since `testStartNs`, before it negative. Returns the samples. */
export function writeTelemetry(
  file: string,
  material: TelemetryMaterial,
  testStartNs: number,
): number {
  const handle = openSync(file, 'w');
  try {
    let pending = '';
    for (const line of listLines(material, testStartNs)) {
      pending += `${JSON.stringify(line)}\n`;
      if (pending.length < writtenAtOnce) continue;
      writeFileSync(handle, pending);
      pending = '';
    }
    writeFileSync(handle, pending);
    return material.trace.rows;
  } finally {
    closeSync(handle);
  }
}

function* listLines(
  { trace, phases, absences, faults, driver, periodMs }: TelemetryMaterial,
  testStartNs: number,
): Generator<object> {
  const since = (atNs: number) => atNs - testStartNs;
  yield {
    schema: 'loadmark/telemetry/1',
    timesSince: 'start of the test of the reported pass',
    periodMs,
    driver,
    devices: trace.devices,
    phases: phases.map(({ name, fromNs, toNs }) => {
      return { name, startNs: since(fromNs), endNs: since(toNs) };
    }),
    absences,
    faults: faults.map((fault) => ({ ...fault, atNs: since(fault.atNs) })),
  };
  for (let row = 0; row < trace.rows; row++) {
    const atNs = trace.timesNs[row]!;
    const phase = phases.find(({ fromNs, toNs }) => atNs >= fromNs && atNs <= toNs)?.name ?? null;
    const devices: Record<string, Record<string, number | null>> = {};
    for (const { name, channels } of trace.devices) {
      devices[name] = {};
      for (const channel of channels) {
        const value = trace.column(name, channel)![row]!;
        devices[name][channel] = Number.isNaN(value) ? null : value;
      }
    }
    yield { timeNs: since(atNs), tookNs: trace.tookNs[row]!, phase, ...devices };
  }
}
