// Telemetry beside a real run of the built-in model: a scripted GPU, and a powercap folder that this test counts up.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { callBench } from '../bench-call.js';

const fakeNvml = resolve(import.meta.dirname, '../../../native/build/check/libfake_nvml.so');
/** What the package of the powercap folder draws. */
const watts = 40;

/**
 * Counts the package's energy up every 5 ms on a thread of its own, which a busy event loop does not hold up, and keeps
 * the longest time, in microseconds, that a busy machine left between two counts.
 */
const counter = `
const { workerData } = require('node:worker_threads');
const { openSync, writeSync } = require('node:fs');
const { file, watts, shared } = workerData;
const longest = new Int32Array(shared);
const sleep = new Int32Array(new SharedArrayBuffer(4));
const descriptor = openSync(file, 'r+');
const started = performance.now();
for (let last = started; ; Atomics.wait(sleep, 0, 0, 5)) {
  const now = performance.now();
  // In one write of the same length, so that no reading finds half of a number.
  writeSync(descriptor, String(1e9 + Math.round((now - started) * watts * 1e3)), 0);
  const written = performance.now();
  Atomics.store(longest, 0, Math.max(longest[0], Math.ceil((written - last) * 1e3)));
  last = now;
}`;

let folder = '';
let powercap = '';
let thread: Worker | undefined;
const longestGapUs = new Int32Array(new SharedArrayBuffer(4));
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-telemetry-run-'));
  powercap = join(folder, 'powercap');
  const zone = join(powercap, 'intel-rapl:0');
  mkdirSync(zone, { recursive: true });
  writeFileSync(join(zone, 'name'), 'package-0\n');
  writeFileSync(join(zone, 'max_energy_range_uj'), '262143328850\n');
  const file = join(zone, 'energy_uj');
  writeFileSync(file, '1000000000');
  const workerData = { file, watts, shared: longestGapUs.buffer };
  thread = new Worker(counter, { eval: true, workerData });
});
afterEach(() => {
  delete process.env.LOADMARK_FAKE_NVML;
});
afterAll(async () => {
  await thread?.terminate();
  rmSync(folder, { recursive: true });
});

/** A short Server pass. */
async function benchTiny(output: string, ...argv: string[]) {
  const given = ['--mode', 'performance', '--scenario', 'Server', '--target-qps', '20'];
  const short = ['--min-duration', '1', '--set', 'server.min_query_count=20', '--quiet', '--json'];
  const path = join(folder, output);
  const where = ['--output', path, '--set', `telemetry.powercap_folder=${powercap}`];
  const { code, stdout, stderr } = await callBench(...given, ...short, ...where, ...argv);
  expect(stderr).toBe('');
  expect([0, 3]).toContain(code);
  return { path, run: JSON.parse(stdout) };
}

function readLines(path: string) {
  const text = readFileSync(join(path, 'telemetry.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function script(...lines: string[]): string[] {
  const file = join(folder, 'nvml.txt');
  writeFileSync(file, `${lines.join('\n')}\n`);
  process.env.LOADMARK_FAKE_NVML = file;
  return ['--set', 'telemetry.gpus=all', '--set', `telemetry.nvml_library=${fakeNvml}`];
}

describe('a run on a CPU whose package tells its energy', () => {
  it('has joules per token that the counter bears out, and idle power measured before it', async () => {
    const idle = ['--set', 'telemetry.idle_s=0.5', '--set', 'telemetry.period_ms=20'];
    const { run, path } = await benchTiny('energy', ...idle);
    const { telemetry, performance } = run;
    const [rapl] = telemetry.devices.filter(({ kind }: { kind: string }) => kind === 'rapl');
    const { seconds } = telemetry.window;
    expect(seconds).toBeCloseTo(performance.durationSeconds, 6);
    // Either end may have been read just before the counter's next renewal.
    const lateJoules = (2 * watts * Atomics.load(longestGapUs, 0)) / 1e6;
    const bound = rapl.energy.boundJoules + lateJoules;
    expect(rapl.energy.boundJoules).toBeGreaterThan(0);
    expect(rapl.energy.boundJoules).toBeLessThan(watts * seconds);
    expect(Math.abs(rapl.energy.joules - watts * seconds)).toBeLessThan(bound);
    expect(Math.abs(rapl.energy.idleWatts - watts)).toBeLessThan(
      rapl.energy.idleBoundWatts + lateJoules / telemetry.idle.seconds,
    );
    expect(telemetry.idle.seconds).toBeGreaterThan(0.49);
    expect(telemetry.idle.endNs).toBeLessThanOrEqual(0);
    expect(performance.joulesPerToken).toBe(rapl.energy.joules / performance.generatedTokens);
    expect(performance.joulesPerTokenAboveIdle).toBe(
      rapl.energy.joulesAboveIdle / performance.generatedTokens,
    );
    expect(performance.absentBecause.joulesPerToken).toBeNull();
    expect(telemetry.energy.of).toEqual(['package-0']);
    expect(run.remarks.join('\n')).toContain(`Telemetry was read from ${powercap}`);

    const [head, ...rows] = readLines(path);
    expect(head).toMatchObject({ schema: 'loadmark/telemetry/1', periodMs: 20 });
    expect(head.phases.map(({ name }: { name: string }) => name)).toEqual([
      'warm-up',
      'idle',
      'performance',
    ]);
    const inside = rows.filter(
      ({ timeNs }) => timeNs >= telemetry.window.startNs && timeNs <= telemetry.window.endNs,
    );
    expect(inside).toHaveLength(telemetry.sampling.samples);
    expect(inside.every(({ phase }) => phase === 'performance')).toBe(true);
    expect(inside.length).toBeGreaterThan(20);
    for (const { process: own } of rows) expect(own.residentBytes).toBeGreaterThan(1e7);
  });

  it('says why there are none', async () => {
    const without = ['--set', 'telemetry.powercap_folder=/no/powercap'];
    const { run } = await benchTiny('no-energy', ...without);
    expect(run.performance.joulesPerToken).toBeNull();
    expect(run.performance.joulesPerTokenAboveIdle).toBeNull();
    const because = 'there is no intel-rapl in /no/powercap';
    expect(run.performance.absentBecause.joulesPerToken).toBe(because);
    expect(run.telemetry.idle).toBeNull();
    expect(run.telemetry.absent).toContainEqual({ what: 'rapl', because });
  });

  it('may leave telemetry alone', async () => {
    const { run, path } = await benchTiny('off', '--set', 'telemetry.period_ms=0');
    expect(run.telemetry).toBeNull();
    expect(run.performance.absentBecause.joulesPerToken).toBe(
      'nothing was sampled beside this run',
    );
    expect(existsSync(join(path, 'telemetry.jsonl'))).toBe(false);
  });
});

describe('a run beside a GPU', () => {
  it('is flagged where the GPU is slowed down, drifts or errs', async () => {
    const asked = script(
      '0 300000 1980 2619 50 0x4 0',
      // From the idle second on, so that the pass begins with it.
      '500 300000 1500 2619 88 0x44 1',
    );
    const { run } = await benchTiny('throttled', ...asked, '--set', 'telemetry.idle_s=0.6');
    const [gpu] = run.telemetry.devices;
    expect(run.telemetry.driver).toBe('999.01');
    expect(gpu).toMatchObject({ name: 'gpu0', model: 'Scripted GPU', isUsed: false });
    expect(gpu.throttleSeconds['hardware thermal slowdown']).toBeCloseTo(
      run.telemetry.window.seconds,
      6,
    );
    expect(gpu.powerWatts).toEqual({ mean: 300, min: 300, max: 300 });
    const bound = gpu.energy.boundJoules;
    expect(Math.abs(gpu.energy.joules - 300 * run.telemetry.window.seconds)).toBeLessThan(bound);
    expect(run.remarks).toContainEqual(
      expect.stringMatching(/^gpu0 was throttled for .* s: hardware thermal slowdown\.$/),
    );
    // The engine computed on the CPU: whose energy counts is still the package's.
    expect(run.telemetry.energy.of).toEqual(['package-0']);
  });

  it('goes on where the GPU vanishes, and says so', async () => {
    const asked = script('0 300000 1980 2619 50 0 0', 'lost 400');
    const { run, path } = await benchTiny('lost', ...asked, '--set', 'telemetry.idle_s=0.1');
    const [gpu] = run.telemetry.devices;
    expect(gpu).toMatchObject({ energy: null, lost: { because: 'GPU is lost' } });
    expect(run.remarks).toContainEqual(
      expect.stringMatching(/^gpu0 stopped answering .*: GPU is lost\.$/),
    );
    const rows = readLines(path).slice(1);
    expect(rows[0].gpu0.powerWatts).toBe(300);
    expect(rows.at(-1).gpu0.powerWatts).toBeNull();
  });
});

it('samples nothing beside simulated times', async () => {
  const given = ['--sut', 'scripted', '--script', 'steady', '--clock', 'virtual'];
  const { run } = await benchTiny('virtual', ...given);
  expect(run.telemetry).toBeNull();
});
