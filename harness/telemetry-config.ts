// What is sampled beside a run, and where its live figures are served: a run's sections `telemetry` and `metrics`.

import { telemetrySources } from '../native/index.js';
import { choice, number, optionalNumber, section, text } from './setting-fields.js';

/** Settings `telemetry`. */
export const telemetryFields = section({
  /** Between two samples; 0 samples nothing. */
  periodMs: number({ min: 0, max: 60_000, whole: true }, 100),
  /** Idle power is measured for so long before the performance pass, where there is power to measure; 0: not at all. */
  idleS: number({ min: 0, max: 600 }, 1),
  /** `auto`: those that the engine computes on. `none` leaves NVML alone. */
  gpus: choice(['auto', 'all', 'none'], 'auto'),
  /** Share by which a clock may differ between the first and the last third of a pass without a remark. */
  driftShareLimit: number({ min: 0, aboveMin: true, max: 1 }, 0.05),
  /** Where a system keeps them elsewhere, as containers do; what is no longer the system's own is a remark of the run. */
  nvmlLibrary: text(telemetrySources.nvmlLibrary),
  powercapFolder: text(telemetrySources.powercapFolder),
  cpuFolder: text(telemetrySources.cpuFolder),
});

/** Settings `metrics`. */
export const metricsFields = section({
  /** Of the page that Prometheus reads; 0 takes a free one, null serves none. */
  port: optionalNumber({ min: 0, max: 65_535, whole: true }),
  /** The address it listens on: 0.0.0.0 for all. */
  host: text('127.0.0.1'),
});
