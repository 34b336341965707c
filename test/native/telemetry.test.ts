// The native sampler against a library with NVML's names that tells a script, and folders that look like powercap and
// sysfs; native/check/fake_nvml is built with the check programs.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  openTelemetry,
  type Telemetry,
  type TelemetryOptions,
  telemetryRowTimes,
} from '../../native/index.js';

const fakeNvml = resolve(import.meta.dirname, '../../native/build/check/libfake_nvml.so');

let folder = '';
let sampler: Telemetry | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-telemetry-'));
});
afterEach(() => {
  sampler?.stop();
  sampler = undefined;
  delete process.env.LOADMARK_FAKE_NVML;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A sampler of a machine that has nothing but what is given. */
function open(options: Partial<TelemetryOptions>): Telemetry {
  const nothing = join(folder, 'nothing');
  sampler = openTelemetry({
    periodMs: 5,
    ringRows: 4096,
    gpus: 'none',
    nvmlLibrary: fakeNvml,
    powercapFolder: nothing,
    cpuFolder: nothing,
    ...options,
  });
  return sampler;
}

function script(...lines: string[]): void {
  const file = join(folder, 'nvml.txt');
  writeFileSync(file, `${lines.join('\n')}\n`);
  process.env.LOADMARK_FAKE_NVML = file;
}

/** Rows of a device as objects, with their times. */
function rowsOf(from: Telemetry, device: string): Record<string, number>[] {
  const rows = from.take();
  let offset = telemetryRowTimes;
  for (const { name, channels } of from.devices) {
    if (name !== device) {
      offset += channels.length;
      continue;
    }
    return Array.from({ length: rows.length / from.width }, (_, row) => {
      const at = row * from.width;
      const pairs = channels.map((channel, c) => [channel, rows[at + offset + c]!] as const);
      return { timeNs: rows[at]!, tookNs: rows[at + 1]!, ...Object.fromEntries(pairs) };
    });
  }
  throw new Error(`there is no ${device}`);
}

function reasonFor(from: Telemetry, what: string): string | undefined {
  return from.absences.find((absence) => absence.what === what)?.because;
}

describe('a GPU by NVML', () => {
  it('is described, and every channel tells the script', async () => {
    script('0 345678 1980 2619 61 0x24 7');
    const from = open({ gpus: 'all' });
    expect(from.driver).toBe('999.01');
    expect(from.devices[0]).toEqual({
      name: 'gpu0',
      kind: 'gpu',
      model: 'Scripted GPU',
      uuid: 'GPU-00000000-0000-0000-0000-000000000000',
      pciBusId: '00000000:0F:00.0',
      powerLimitWatts: 700,
      channels: [
        'powerWatts',
        'energyJoules',
        'smClockMhz',
        'memoryClockMhz',
        'temperatureC',
        'utilizationShare',
        'memoryUsedBytes',
        'throttleReasons',
        'eccUncorrected',
      ],
    });
    await sleep(30);
    expect(rowsOf(from, 'gpu0').at(-1)).toMatchObject({
      powerWatts: 345.678,
      smClockMhz: 1980,
      memoryClockMhz: 2619,
      temperatureC: 61,
      utilizationShare: 0.5,
      memoryUsedBytes: 20 * 2 ** 30,
      throttleReasons: 0x24,
      eccUncorrected: 7,
    });
  });

  it('has a counter whose rises are the energy of the script, at times of CLOCK_MONOTONIC', async () => {
    script('0 400000 1 1 1 0 0');
    const before = Number(process.hrtime.bigint());
    const from = open({ gpus: 'all' });
    await sleep(200);
    from.stop();
    const rows = rowsOf(from, 'gpu0');
    const [first, last] = [rows[0]!, rows.at(-1)!];
    expect(first.timeNs).toBeGreaterThanOrEqual(before);
    expect(last.timeNs).toBeLessThanOrEqual(Number(process.hrtime.bigint()));
    for (const [row, { timeNs }] of rows.slice(1).entries()) {
      expect(timeNs).toBeGreaterThan(rows[row]!.timeNs!);
    }
    // Each reading lies within its row: at 400 W, a millisecond is 0.4 J. The counter's unit is 1 mJ.
    const joules = last.energyJoules! - first.energyJoules!;
    const ideal = (400 * (last.timeNs! - first.timeNs!)) / 1e9;
    const off = (400 * Math.max(first.tookNs!, last.tookNs!)) / 1e9 + 0.001;
    expect(ideal).toBeGreaterThan(0.1 * 400);
    expect(Math.abs(joules - ideal)).toBeLessThanOrEqual(off);
  });

  it('is NaN where this driver has no answer, and falls back to the mean power', async () => {
    script('0 250000 1 1 1 0 0', 'without energy', 'without ecc', 'without instant');
    const from = open({ gpus: 'all' });
    await sleep(20);
    const row = rowsOf(from, 'gpu0').at(-1)!;
    expect(row).toMatchObject({ powerWatts: 250, throttleReasons: 0 });
    expect(row.energyJoules).toBeNaN();
    expect(row.eccUncorrected).toBeNaN();
    expect(from.faults()).toEqual([]);
  });

  it('may vanish: its values end, the fault is told once, and the rest goes on', async () => {
    script('0 250000 1 1 1 0 0', 'lost 60');
    const started = Number(process.hrtime.bigint());
    const from = open({ gpus: 'all' });
    await sleep(150);
    const rows = rowsOf(from, 'gpu0');
    expect(rows[0]!.powerWatts).toBe(250);
    const first = rows.findIndex(({ powerWatts }) => Number.isNaN(powerWatts));
    expect(first).toBeGreaterThan(0);
    expect(rows.slice(first).every((row) => Number.isNaN(row.smClockMhz))).toBe(true);
    const faults = from.faults();
    expect(faults).toMatchObject([{ device: 'gpu0', because: 'GPU is lost' }]);
    expect(faults[0]!.atNs - started).toBeGreaterThanOrEqual(59e6);
    expect(rows.length - first).toBeGreaterThan(3);
  });

  it('is chosen by its PCI address, however that is written', () => {
    script('0 1 1 1 1 0 0');
    expect(open({ gpus: ['0000:0f:00.0'] }).devices[0]?.name).toBe('gpu0');
    sampler?.stop();
    const other = open({ gpus: ['0000:10:00.0'] });
    expect(other.devices.map(({ kind }) => kind)).not.toContain('gpu');
    expect(reasonFor(other, 'gpus')).toBe('NVML lists no GPU at 0000:10:00.0');
  });

  it.each([
    ['that is not there', '/no/libnvidia-ml.so.1', /^\/no\/libnvidia-ml\.so\.1: cannot open/],
    ['of another kind', 'libm.so.6', /^libm\.so\.6 is no NVML/],
  ])('is absent with a reason for a library %s', (_name, nvmlLibrary, because) => {
    const from = open({ gpus: 'all', nvmlLibrary });
    expect(from.driver).toBeNull();
    expect(reasonFor(from, 'gpus')).toMatch(because);
  });

  it('is absent with a reason where NVML does not start, and not looked for where none is wanted', () => {
    script('0 1 1 1 1 0 0', 'without start');
    expect(reasonFor(open({ gpus: 'all' }), 'gpus')).toBe('NVML does not start: Driver Not Loaded');
    sampler?.stop();
    expect(reasonFor(open({ gpus: 'none' }), 'gpus')).toBeUndefined();
  });
});

/** A powercap folder; each zone is its name, energy in uJ and range in uJ. */
function powercap(zones: Readonly<Record<string, readonly [string, number, number]>>): string {
  const path = mkdtempSync(join(folder, 'powercap-'));
  for (const [zone, [name, energy, range]] of Object.entries(zones)) {
    mkdirSync(join(path, zone));
    writeFileSync(join(path, zone, 'name'), `${name}\n`);
    writeFileSync(join(path, zone, 'energy_uj'), `${energy}\n`);
    writeFileSync(join(path, zone, 'max_energy_range_uj'), `${range}\n`);
  }
  return path;
}

describe('energy of processors by RAPL', () => {
  it('takes packages and their memory, each once, and nothing that is part of them or more', () => {
    const powercapFolder = powercap({
      'intel-rapl:0': ['package-0', 1, 1e9],
      'intel-rapl:0:0': ['core', 1, 1e9],
      'intel-rapl:0:1': ['dram', 1, 1e9],
      'intel-rapl:1': ['package-1', 1, 1e9],
      'intel-rapl:1:0': ['dram', 1, 1e9],
      'intel-rapl:2': ['psys', 1, 1e9],
      'intel-rapl-mmio:0': ['package-0', 1, 1e9],
    });
    const zones = open({ powercapFolder }).devices.filter(({ kind }) => kind === 'rapl');
    const names = zones.map(({ name }) => name);
    expect(names).toEqual(['package-0', 'dram-0', 'package-1', 'dram-1']);
  });

  it('goes on where the counter starts again', async () => {
    const powercapFolder = powercap({ 'intel-rapl:0': ['package-0', 900_000_000, 1_000_000_000] });
    const from = open({ powercapFolder });
    const energy = (microjoules: number) =>
      writeFileSync(join(powercapFolder, 'intel-rapl:0', 'energy_uj'), `${microjoules}\n`);
    await sleep(30);
    energy(999_000_000);
    await sleep(30);
    energy(21_000_000);
    await sleep(30);
    const seen = rowsOf(from, 'package-0').map(({ energyJoules }) => energyJoules!);
    // A reading that falls into the writing of the file finds it empty.
    const known = seen.filter((joules) => !Number.isNaN(joules));
    expect([...new Set(known)]).toEqual([0, 99, 121]);
  });

  it('is absent with a reason where there is no such folder, no zone, or no reading', () => {
    expect(reasonFor(open({ powercapFolder: '/no/powercap' }), 'rapl')).toBe(
      'there is no intel-rapl in /no/powercap',
    );
    sampler?.stop();
    const psys = powercap({ 'intel-rapl:0': ['psys', 1, 1e9] });
    expect(reasonFor(open({ powercapFolder: psys }), 'rapl')).toBe(
      `${psys} has no package and no dram`,
    );
    sampler?.stop();
    const closed = powercap({
      'intel-rapl:0': ['package-0', 1, 1e9],
      'intel-rapl:1': ['package-1', 1, 0],
    });
    const file = join(closed, 'intel-rapl:0', 'energy_uj');
    // Root reads whatever the mode is: for it the counter is a folder.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) {
      rmSync(file);
      mkdirSync(file);
    } else {
      chmodSync(file, 0);
    }
    const from = open({ powercapFolder: closed });
    expect(reasonFor(from, 'package-0')).toBe(
      `${file}: ${isRoot ? 'Is a directory' : 'Permission denied'}`,
    );
    expect(reasonFor(from, 'package-1')).toMatch(/max_energy_range_uj holds no number above 0$/);
    expect(from.devices.map(({ kind }) => kind)).not.toContain('rapl');
  });
});

describe('processors and the process', () => {
  it('tells the mean clock and the throttle events of each core and package once', async () => {
    const cpuFolder = mkdtempSync(join(folder, 'cpu-'));
    // Two packages of one core with two threads each.
    for (const cpu of [0, 1, 2, 3]) {
      const path = join(cpuFolder, `cpu${cpu}`);
      const write = (part: string, name: string, value: number) => {
        mkdirSync(join(path, part), { recursive: true });
        writeFileSync(join(path, part, name), `${value}\n`);
      };
      write('cpufreq', 'scaling_cur_freq', 1_000_000 * (cpu + 1));
      write('topology', 'physical_package_id', cpu >> 1);
      write('topology', 'core_id', 0);
      write('thermal_throttle', 'core_throttle_count', 10);
      write('thermal_throttle', 'package_throttle_count', 100);
    }
    mkdirSync(join(cpuFolder, 'cpufreq'));
    const from = open({ cpuFolder });
    await sleep(20);
    expect(rowsOf(from, 'cpu').at(-1)).toMatchObject({ clockMhz: 2500, throttleCount: 220 });
  });

  it('tells the resident memory of this process', async () => {
    const from = open({});
    await sleep(20);
    const { residentBytes } = rowsOf(from, 'process').at(-1)!;
    const known = process.memoryUsage.rss();
    expect(residentBytes! / known).toBeGreaterThan(0.8);
    expect(residentBytes! / known).toBeLessThan(1.25);
    expect(reasonFor(from, 'cpu throttling')).toMatch(/^there is no .*thermal_throttle$/);
  });
});

describe('the sampler', () => {
  it('samples at its period, and once more where that is asked for', async () => {
    const from = open({ periodMs: 10_000 });
    await sleep(30);
    expect(from.take().length / from.width).toBe(1);
    const askedNs = Number(process.hrtime.bigint());
    from.sampleSoon();
    await sleep(30);
    const [row] = rowsOf(from, 'process');
    expect(row!.timeNs).toBeGreaterThanOrEqual(askedNs);
    expect(from.take()).toHaveLength(0);
    expect(from.latest()[0]).toBe(row!.timeNs);
  });

  it('keeps the newest rows where nobody takes them, and counts the others', async () => {
    const from = open({ periodMs: 1, ringRows: 8 });
    await sleep(100);
    from.stop();
    const lost = from.lostRows();
    const newest = from.latest()[0];
    const rows = rowsOf(from, 'process');
    expect(rows).toHaveLength(8);
    expect(lost).toBeGreaterThan(8);
    expect(rows.at(-1)!.timeNs).toBe(newest);
  });

  it('may be stopped twice, and refuses a period of nothing', () => {
    const from = open({});
    from.stop();
    from.stop();
    expect(() => open({ periodMs: 0 })).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }),
    );
  });
});
