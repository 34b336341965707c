// What telemetry is asked for, and what it tells: the types of the sampler that runs beside the engine.

export interface TelemetryOptions {
  /** Between two samples; at least 1. */
  readonly periodMs: number;
  /** Rows held until they are taken; the oldest are lost beyond. */
  readonly ringRows: number;
  /** GPUs by their PCI address, as hostFeatures() has it; every GPU that NVML lists; or none, and NVML is not opened. */
  readonly gpus: 'all' | 'none' | readonly string[];
  /** Where the system has them, unless it keeps them elsewhere. */
  readonly nvmlLibrary: string;
  readonly powercapFolder: string;
  readonly cpuFolder: string;
}

/** Where Linux and NVIDIA's driver put what telemetry reads. */
export const telemetrySources = {
  nvmlLibrary: 'libnvidia-ml.so.1',
  powercapFolder: '/sys/class/powercap',
  cpuFolder: '/sys/devices/system/cpu',
} as const;

/**
 * The unit is in the name. energyJoules and the counts only grow: what they start from says nothing. throttleReasons are
 * NVML's bits.
 */
export type TelemetryChannel =
  | 'powerWatts'
  | 'energyJoules'
  | 'smClockMhz'
  | 'memoryClockMhz'
  | 'temperatureC'
  | 'utilizationShare'
  | 'memoryUsedBytes'
  | 'throttleReasons'
  | 'eccUncorrected'
  | 'clockMhz'
  | 'throttleCount'
  | 'residentBytes';

export interface TelemetryDevice {
  /** gpu0, package-0, dram-0, cpu, process */
  readonly name: string;
  readonly kind: 'gpu' | 'rapl' | 'cpu' | 'process';
  /** Of a GPU; null elsewhere and where the driver hides it. */
  readonly model: string | null;
  readonly uuid: string | null;
  readonly pciBusId: string | null;
  readonly powerLimitWatts: number | null;
  /** Its part of a row. */
  readonly channels: readonly TelemetryChannel[];
}

/** Why something is not sampled. */
export interface TelemetryAbsence {
  readonly what: string;
  readonly because: string;
}

/** A device that stopped answering. */
export interface TelemetryFault {
  readonly device: string;
  readonly because: string;
  /** CLOCK_MONOTONIC nanoseconds. */
  readonly atNs: number;
}

/** Values of a row before those of the devices: CLOCK_MONOTONIC ns when it was begun, and ns that it took. */
export const telemetryRowTimes = 2;
