// Which figures does a run show while it goes? Their names, what they mean, and where each lies in the memory that the
// thread that measures shares with the thread that serves them.

import { throttleReasons } from '../telemetry/throttle-reasons.js';

export const passes = ['accuracy', 'performance'] as const;
export type LivePass = (typeof passes)[number];

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
}

const counter = (name: string, help: string): Family => ({ name, help, type: 'counter' });
const gauge = (name: string, help: string): Family => ({ name, help, type: 'gauge' });

/** One a pass. */
export const counters = {
  issued: counter('loadmark_samples_issued_total', 'Samples that were given to the system.'),
  completed: counter('loadmark_samples_completed_total', 'Samples that were answered.'),
  failed: counter('loadmark_samples_failed_total', 'Samples that will not be answered.'),
  tokens: counter('loadmark_generated_tokens_total', 'Tokens of the samples answered.'),
} as const;
export type CounterName = keyof typeof counters;

export interface HistogramFamily extends Family {
  /** Upper bounds in seconds, the last but +Inf. */
  readonly bounds: readonly number[];
}

const histogram = (name: string, help: string, bounds: readonly number[]): HistogramFamily => {
  return { name, help, type: 'histogram', bounds };
};

/** One a pass; bounds hold the limits of MLPerf's scenarios (0.45 and 2 s; 0.04, 0.1 and 0.2 s). */
export const histograms = {
  latency: histogram(
    'loadmark_sample_latency_seconds',
    'From the instant a sample was due to its whole answer.',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  ),
  ttft: histogram(
    'loadmark_time_to_first_token_seconds',
    'From the instant a sample was due to its first token; counted when the answer is whole.',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.45, 1, 2, 5, 10, 30, 60],
  ),
  tpot: histogram(
    'loadmark_time_per_output_token_seconds',
    'Of each answer, per token after its first.',
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.5, 1],
  ),
  issueLag: histogram(
    'loadmark_issue_lag_seconds',
    'How late the load generator itself issued each query.',
    [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 1e-2, 0.1, 1],
  ),
} as const;
export type HistogramName = keyof typeof histograms;

/** Of the engine, renewed once a second. */
export const gauges = {
  occupancy: gauge('loadmark_batch_occupancy', 'Sequences a step, the mean of the last second.'),
  kvUsed: gauge('loadmark_kv_cache_used_ratio', 'Share of the KV cache in use at the last step.'),
} as const;
export type GaugeName = keyof typeof gauges;

export const outstanding = gauge(
  'loadmark_outstanding_samples',
  'Samples issued and neither answered nor failed.',
);
export const passActive = gauge('loadmark_pass_active', '1 while the pass runs.');
export const runInfo = gauge('loadmark_run_info', 'What is measured; always 1.');

/** Of a device, by its channel in telemetry; `scale` takes the channel's unit to the family's. */
export const deviceFamilies: Readonly<Record<string, Family & { readonly scale: number }>> = {
  powerWatts: { ...gauge('loadmark_device_power_watts', 'Power draw.'), scale: 1 },
  energyJoules: {
    ...counter('loadmark_device_energy_joules_total', 'Energy, from an arbitrary start.'),
    scale: 1,
  },
  smClockMhz: { ...gauge('loadmark_device_sm_clock_hertz', 'Clock of a GPU.'), scale: 1e6 },
  memoryClockMhz: {
    ...gauge('loadmark_device_memory_clock_hertz', "Clock of a GPU's memory."),
    scale: 1e6,
  },
  clockMhz: { ...gauge('loadmark_device_clock_hertz', 'Mean clock of processors.'), scale: 1e6 },
  temperatureC: { ...gauge('loadmark_device_temperature_celsius', 'Temperature.'), scale: 1 },
  utilizationShare: {
    ...gauge('loadmark_device_utilization_ratio', 'Share of time with a kernel at work.'),
    scale: 1,
  },
  memoryUsedBytes: { ...gauge('loadmark_device_memory_used_bytes', 'Memory in use.'), scale: 1 },
  eccUncorrected: {
    ...counter('loadmark_device_ecc_uncorrected_errors_total', 'ECC errors not corrected.'),
    scale: 1,
  },
  throttleCount: {
    ...counter('loadmark_device_thermal_throttle_events_total', 'Thermal throttling events.'),
    scale: 1,
  },
  residentBytes: {
    ...gauge('loadmark_device_resident_bytes', 'Resident memory of the process.'),
    scale: 1,
  },
};
export const throttleFamily = gauge(
  'loadmark_device_throttle_reason',
  '1 while the reason holds the clocks down.',
);
export { throttleReasons };

/** A device as the page names it, and its channels in the order of their values. */
export interface LiveDeviceLayout {
  readonly name: string;
  readonly kind: string;
  readonly channels: readonly string[];
}

/** Values of a histogram: one a bound, one for +Inf, the sum. */
const histogramValues = ({ bounds }: HistogramFamily) => bounds.length + 2;

const counterNames = Object.keys(counters) as CounterName[];
const histogramNames = Object.keys(histograms) as HistogramName[];
const gaugeNames = Object.keys(gauges) as GaugeName[];
const passValues =
  counterNames.length +
  histogramNames.reduce((sum, name) => sum + histogramValues(histograms[name]), 0);

/** Where the values lie: the pass that runs (its place in `passes`, or -1), gauges, then each pass's own. */
export const layout = {
  activePass: 0,
  gauge: (name: GaugeName) => 1 + gaugeNames.indexOf(name),
  counter: (pass: number, name: CounterName) => startOf(pass) + counterNames.indexOf(name),
  /** The first of its values. */
  histogram: (pass: number, name: HistogramName) => {
    let at = startOf(pass) + counterNames.length;
    for (const other of histogramNames.slice(0, histogramNames.indexOf(name))) {
      at += histogramValues(histograms[other]);
    }
    return at;
  },
  values: 1 + gaugeNames.length + passes.length * passValues,
} as const;

function startOf(pass: number): number {
  return 1 + gaugeNames.length + pass * passValues;
}
