// Keeps what the native sampler samples beside a run, and knows when which part of the run was. Rows are fetched a few
// times a minute: a copy of some kilobytes on the thread that issues.

import { setTimeout as sleep } from 'node:timers/promises';
import { openTelemetry, type Telemetry, telemetryRowTimes } from '../../native/index.js';
import type { RunConfig } from '../config.js';
import type { Phase, TelemetryMaterial } from './telemetry-record.js';
import { TelemetryTrace } from './telemetry-trace.js';

const ringRows = 4096;
const fetchedAtMostEveryMs = 10_000;
/** A sample that does not come in this time is left to the period. */
const sampleWaitMs = 1000;

/** A device's newest figures by channel, NaN where absent. */
export interface LiveDevice {
  readonly name: string;
  readonly kind: string;
  readonly values: Readonly<Record<string, number>>;
}

export class TelemetryRecorder {
  readonly #native: Telemetry;
  readonly #config: RunConfig['telemetry'];
  readonly #compute: TelemetryMaterial['compute'];
  readonly #chunks: Float64Array[] = [];
  readonly #phases: Phase[] = [];
  readonly #timer: NodeJS.Timeout;
  #lastNs = 0;

  private constructor(config: RunConfig['telemetry'], compute: TelemetryMaterial['compute']) {
    const { periodMs, gpus, nvmlLibrary, powercapFolder, cpuFolder } = config;
    const own = compute.flatMap((place) => (place === 'cpu' ? [] : [place.pciBusId]));
    this.#config = config;
    this.#compute = compute;
    this.#native = openTelemetry({
      ...{ periodMs, ringRows, nvmlLibrary, powercapFolder, cpuFolder },
      gpus: gpus !== 'auto' ? gpus : own.length > 0 ? own : 'none',
    });
    const fillMs = (ringRows * periodMs) / 4;
    this.#timer = setInterval(() => this.#fetch(), Math.min(fetchedAtMostEveryMs, fillMs));
    this.#timer.unref();
  }

  /** null where nothing is to be sampled: simulated times have nothing beside them. */
  static start(
    { telemetry, clock }: RunConfig,
    compute: TelemetryMaterial['compute'],
  ): TelemetryRecorder | null {
    if (telemetry.periodMs === 0 || clock === 'virtual') return null;
    return new TelemetryRecorder(telemetry, compute);
  }

  /** Runs a part of the run with a sample at its start and one behind its end. */
  async during<T>(name: Phase['name'], part: () => Promise<T>): Promise<T> {
    await this.#sampleNow();
    const fromNs = nowNs();
    try {
      return await part();
    } finally {
      this.#phases.push({ name, fromNs, toNs: nowNs() });
      await this.#sampleNow();
    }
  }

  /** Lets the machine be for as long as is set, where there is power to measure. */
  async measureIdle(signal: AbortSignal): Promise<void> {
    const hasPower = this.#native.devices.some(({ kind }) => kind === 'gpu' || kind === 'rapl');
    if (!hasPower || this.#config.idleS === 0) return;
    const fromNs = await this.#sampleNow();
    await sleep(this.#config.idleS * 1000, undefined, { signal }).catch(() => {});
    const toNs = await this.#sampleNow();
    if (toNs > fromNs) this.#phases.push({ name: 'idle', fromNs, toNs });
  }

  /** The newest sample. */
  live(): LiveDevice[] {
    const row = this.#native.latest();
    let at = telemetryRowTimes;
    return this.#native.devices.map(({ name, kind, channels }) => {
      const values: Record<string, number> = {};
      for (const channel of channels) values[channel] = row[at++] ?? Number.NaN;
      return { name, kind, values };
    });
  }

  /** Ends the sampling and hands out what there is. */
  finish(): TelemetryMaterial {
    this.stop();
    this.#fetch();
    const { devices, absences, driver } = this.#native;
    const { periodMs, nvmlLibrary, powercapFolder, cpuFolder } = this.#config;
    return {
      trace: new TelemetryTrace(devices, this.#chunks),
      ...{ periodMs, absences, driver, compute: this.#compute, phases: this.#phases },
      lostRows: this.#native.lostRows(),
      faults: this.#native.faults(),
      sources: { nvmlLibrary, powercapFolder, cpuFolder },
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#native.stop();
  }

  #fetch(): void {
    const rows = this.#native.take();
    if (rows.length === 0) return;
    this.#chunks.push(rows);
    this.#lastNs = rows[rows.length - this.#native.width]!;
  }

  /** Waits for a sample that was begun after the call; returns its time. */
  async #sampleNow(): Promise<number> {
    const askedNs = nowNs();
    this.#native.sampleSoon();
    while (this.#lastNs < askedNs && nowNs() - askedNs < sampleWaitMs * 1e6) {
      await sleep(1);
      this.#fetch();
    }
    return this.#lastNs;
  }
}

/** CLOCK_MONOTONIC, as the sampler and the real clock read it. */
function nowNs(): number {
  return Number(process.hrtime.bigint());
}
