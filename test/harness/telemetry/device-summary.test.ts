import { describe, expect, it } from 'vitest';
import { summarizeDevice } from '../../../harness/telemetry/device-summary.js';
import {
  buildTelemetryRecord,
  isSamePciAddress,
  isUsedDevice,
  type TelemetryMaterial,
} from '../../../harness/telemetry/telemetry-record.js';
import { listTelemetryRemarks } from '../../../harness/telemetry/telemetry-remarks.js';
import { TelemetryTrace } from '../../../harness/telemetry/telemetry-trace.js';
import { nameThrottleReasons } from '../../../harness/telemetry/throttle-reasons.js';
import { type TelemetryDevice, telemetrySources } from '../../../native/index.js';

const gpu: TelemetryDevice = {
  name: 'gpu0',
  kind: 'gpu',
  model: 'A GPU',
  uuid: 'GPU-0',
  pciBusId: '00000000:0F:00.0',
  powerLimitWatts: 700,
  channels: ['powerWatts', 'energyJoules', 'smClockMhz', 'throttleReasons', 'eccUncorrected'],
};
const second = 1e9;
/** A pass from second 10 to second 40 of the clock, in a test that began at second 9. */
const reported = { fromNs: 10 * second, toNs: 40 * second, testStartNs: 9 * second };

interface Row {
  readonly watts: number;
  readonly mhz: number;
  readonly reasons: number;
  readonly errors: number;
}

/** A row every second from 0 to 50, in two chunks; energy is the sum of the watts of the seconds before. */
function traceOf(rowAt: (second: number) => Row | null): TelemetryTrace {
  let joules = 5000;
  const rows = Array.from({ length: 51 }, (_, at) => {
    const row = rowAt(at);
    if (row === null) return [at * second, 1e6, ...Array<number>(5).fill(Number.NaN)];
    const values = [row.watts, joules, row.mhz, row.reasons, row.errors];
    joules += row.watts;
    return [at * second, 1e6, ...values];
  });
  const chunks = [rows.slice(0, 20), rows.slice(20)];
  return new TelemetryTrace(
    [gpu],
    chunks.map((chunk) => Float64Array.from(chunk.flat())),
  );
}

function materialOf(
  trace: TelemetryTrace,
  other: Partial<TelemetryMaterial> = {},
): TelemetryMaterial {
  return {
    trace,
    periodMs: 1000,
    lostRows: 0,
    phases: [
      { name: 'idle', fromNs: 2 * second, toNs: 8 * second },
      { name: 'performance', fromNs: reported.fromNs, toNs: reported.toNs },
    ],
    absences: [],
    faults: [],
    driver: '580.1',
    sources: telemetrySources,
    compute: [{ pciBusId: '0000:0f:00.0' }],
    ...other,
  };
}

/** 70 W idle to second 9, then 500 W; 1980 MHz, from second 30 on 1782. */
const steady = (at: number): Row => {
  const isBusy = at >= 10 && at < 40;
  return { watts: isBusy ? 500 : 70, mhz: at < 30 ? 1980 : 1782, reasons: 0, errors: 3 };
};

describe('what run.json says of a GPU', () => {
  it('gives joules per token, gross and above idle, with their bounds', () => {
    const record = buildTelemetryRecord(materialOf(traceOf(steady)), {
      ...reported,
      generatedTokens: 6000,
    });
    expect(record.window).toEqual({ startNs: second, endNs: 31 * second, seconds: 30 });
    expect(record.idle).toEqual({ startNs: -7 * second, endNs: -second, seconds: 6 });
    const [device] = record.devices;
    expect(device?.energy).toMatchObject({
      joules: 15_000,
      from: 'energy counter',
      idleWatts: 70,
      joulesAboveIdle: 15_000 - 30 * 70,
    });
    // A step of the counter is 500 J here, and a reading took 1 ms at either end.
    expect(device?.energy?.boundJoules).toBeCloseTo(500 + 2 * 0.5, 6);
    expect(device?.energy?.idleBoundWatts).toBeCloseTo((70 + 2 * 0.07) / 6, 6);
    expect(record.energy).toMatchObject({ of: ['gpu0'], generatedTokens: 6000 });
    expect(record.energy?.joulesPerToken).toBe(2.5);
    expect(record.energy?.joulesPerTokenAboveIdle).toBeCloseTo(12_900 / 6000, 12);
    expect(record.energy?.boundJoulesPerTokenAboveIdle).toBeCloseTo(
      (501 + (30 * 70.14) / 6) / 6000,
      9,
    );
    expect(record.energyAbsentBecause).toBeNull();
  });

  it('goes by power where there is no counter, and by nothing where there is neither', () => {
    const counterless = { ...gpu, channels: ['powerWatts'] as const };
    const rows = Array.from({ length: 51 }, (_, at) => [at * second, 0, steady(at).watts]);
    const trace = new TelemetryTrace([counterless], [Float64Array.from(rows.flat())]);
    const record = buildTelemetryRecord(materialOf(trace), { ...reported, generatedTokens: 100 });
    // The last interval is a trapezoid from 500 W to 70.
    expect(record.devices[0]?.energy).toMatchObject({
      joules: 29 * 500 + 285,
      boundJoules: 215,
      from: 'power samples',
      idleWatts: 70,
    });
    const bare = new TelemetryTrace([{ ...gpu, channels: [] }], [new Float64Array([0, 0])]);
    const none = buildTelemetryRecord(materialOf(bare), { ...reported, generatedTokens: 100 });
    expect(none.energy).toBeNull();
    expect(none.energyAbsentBecause).toBe('gpu0 told neither energy nor power over the whole pass');
  });

  it('takes a counter that never counts for none', () => {
    const trace = traceOf((at) => ({ ...steady(at), watts: 0 }));
    const stuck = new TelemetryTrace(
      [{ ...gpu, channels: ['energyJoules'] }],
      [Float64Array.from([...trace.timesNs].flatMap((atNs) => [atNs, 0, 1]))],
    );
    const record = buildTelemetryRecord(materialOf(stuck), { ...reported, generatedTokens: 1 });
    expect(record.energy).toBeNull();
  });

  it('flags throttling, drift and ECC errors, each by its name and measure', () => {
    const trace = traceOf((at) => ({
      ...steady(at),
      reasons: at >= 12 && at < 20 ? 0x44 : 0x4,
      errors: at >= 25 ? 5 : 3,
    }));
    const record = buildTelemetryRecord(materialOf(trace), { ...reported, generatedTokens: 1 });
    const [device] = record.devices;
    expect(device?.throttleSeconds).toEqual({
      'software power cap': 30,
      'hardware thermal slowdown': 8,
    });
    expect(device?.smClockMhz).toMatchObject({ firstThirdMean: 1980, lastThirdMean: 1782 });
    expect(device?.smClockMhz?.driftShare).toBeCloseTo(-0.1, 12);
    expect(device?.eccUncorrected).toBe(2);
    expect(listTelemetryRemarks(record, 0.05)).toEqual([
      'gpu0 was throttled for 8 of 30 s: hardware thermal slowdown.',
      'The SM clock of gpu0 drifted by -10 % between the first and the last third of the pass (1980 to 1782 MHz; limit 5 %).',
      'gpu0 counted 2 uncorrected ECC errors during the pass.',
    ]);
    expect(listTelemetryRemarks(record, 0.11)).toHaveLength(2);
    const quiet = buildTelemetryRecord(
      materialOf(traceOf((at) => ({ ...steady(at), mhz: 1980 }))),
      {
        ...reported,
        generatedTokens: 1,
      },
    );
    expect(listTelemetryRemarks(quiet, 0.05)).toEqual([]);
  });

  it('has no energy of a GPU that went away, and says when it did', () => {
    const because = 'GPU is lost';
    const faults = [{ device: 'gpu0', because, atNs: 29 * second }];
    const trace = traceOf((at) => (at < 29 ? steady(at) : null));
    const record = buildTelemetryRecord(materialOf(trace, { faults }), {
      ...reported,
      generatedTokens: 1,
    });
    expect(record.energy).toBeNull();
    expect(record.energyAbsentBecause).toBe('gpu0 stopped answering: GPU is lost');
    expect(record.devices[0]?.powerWatts).toEqual({ mean: 500, min: 500, max: 500 });
    expect(record.devices[0]?.smClockMhz?.lastThirdMean).toBeNull();
    expect(listTelemetryRemarks(record, 0.05)).toEqual([
      'gpu0 stopped answering 20 s in: GPU is lost.',
    ]);
  });

  it('counts gaps between samples, lost ones, and sources that are not the own', () => {
    const whole = traceOf(steady);
    const kept = [...whole.timesNs.keys()].filter((at) => at < 15 || at > 17);
    const rows = kept.flatMap((at) => [
      whole.timesNs[at]!,
      whole.tookNs[at]!,
      ...gpu.channels.map((channel) => whole.column('gpu0', channel)![at]!),
    ]);
    const trace = new TelemetryTrace([gpu], [Float64Array.from(rows)]);
    const sources = { ...telemetrySources, powercapFolder: '/host/powercap' };
    const record = buildTelemetryRecord(materialOf(trace, { lostRows: 7, sources }), {
      ...reported,
      generatedTokens: 1,
    });
    expect(record.sampling).toMatchObject({
      samples: 28,
      gaps: 1,
      gapSeconds: 4,
      maxGapMs: 4000,
      maxReadMs: 1,
      lostSamples: 7,
    });
    expect(listTelemetryRemarks(record, 0.5)).toEqual([
      'Telemetry was read from /host/powercap, which is not where this system keeps it.',
      'Telemetry paused once for more than two periods of 1000 ms: 4 s in all, 4000 ms at most.',
      'Telemetry lost 7 samples.',
    ]);
  });
});

describe('whose energy counts', () => {
  it('knows a GPU by its PCI address, however it is written', () => {
    expect(isSamePciAddress('0000:0f:00.0', '00000000:0F:00.0')).toBe(true);
    expect(isSamePciAddress('0000:0f:00.0', '00000000:1F:00.0')).toBe(false);
    expect(isSamePciAddress('', '00000000:0F:00.0')).toBe(false);
    expect(isUsedDevice(gpu, [{ pciBusId: '0000:10:00.0' }, { pciBusId: '0000:0f:00.0' }])).toBe(
      true,
    );
    expect(isUsedDevice(gpu, [{ pciBusId: '0000:10:00.0' }])).toBe(false);
    expect(isUsedDevice(gpu, ['cpu'])).toBe(false);
    expect(isUsedDevice({ ...gpu, kind: 'rapl' }, ['cpu'])).toBe(true);
    expect(isUsedDevice({ ...gpu, kind: 'rapl' }, [])).toBe(false);
  });

  it('says why there is none', () => {
    const trace = new TelemetryTrace([], []);
    const because = '/sys/class/powercap/intel-rapl:0/energy_uj: Permission denied';
    const explain = (other: Partial<TelemetryMaterial>) =>
      buildTelemetryRecord(materialOf(trace, other), { ...reported, generatedTokens: 1 })
        .energyAbsentBecause;
    const absences = [
      { what: 'package-0', because },
      { what: 'gpus', because: 'no NVML' },
      { what: 'cpu clock', because: 'hidden' },
    ];
    expect(explain({ compute: ['cpu'], absences })).toBe(because);
    expect(explain({ absences })).toBe('no NVML');
    expect(explain({ compute: [], absences })).toBe('the system under test computes no model');
  });
});

it('names every throttle reason, and what it does not know by its bit', () => {
  expect(nameThrottleReasons(0)).toEqual([]);
  expect(nameThrottleReasons(0x1ff)).toEqual([
    'idle',
    'clocks set by an application',
    'software power cap',
    'hardware slowdown',
    'sync boost',
    'software thermal slowdown',
    'hardware thermal slowdown',
    'hardware power brake',
    'display clocks',
  ]);
  expect(nameThrottleReasons(0x20 + 2 ** 40)).toEqual([
    'software thermal slowdown',
    '0x10000000000',
  ]);
});

it('finds no figure of channels that a device does not have', () => {
  const trace = new TelemetryTrace([{ ...gpu, channels: [] }], []);
  const terms = { trace, span: reported, idle: null, testStartNs: 0, faults: [] };
  const summary = summarizeDevice(trace.devices[0]!, { ...terms, isUsed: () => true });
  expect(summary).toMatchObject({ powerWatts: null, smClockMhz: null, throttleSeconds: null });
  expect(summary).toMatchObject({ energy: null, eccUncorrected: null, lost: null });
});
