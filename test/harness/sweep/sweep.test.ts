// `bench sweep`: the grid, the search for the highest rate on a system whose capacity is
// known, and the command line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSweep } from '../../../harness/commands/sweep.js';
import type { SampleEvidence } from '../../../harness/evidence.js';
import type { RunStarter } from '../../../harness/experiment/run-starter.js';
import { nextRate, type TriedLoad } from '../../../harness/sweep/rate-search.js';
import { judgeSlo, parseSlo } from '../../../harness/sweep/slo.js';
import type { Sweep } from '../../../harness/sweep/sweep.js';
import { collectSweepOptions } from '../../../harness/sweep-options.js';
import { callBench } from '../bench-call.js';
import { readRecord } from '../compare/scripted-runs.js';

let folder = '';
let script = '';
let places = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-sweep-'));
  // 4 slots, each taken for 20 + 16 x 5 = 100 ms: 40 samples/s and no more.
  script = join(folder, 'forty.yaml');
  writeFileSync(
    script,
    'time_to_first_token: { base_ms: 20 }\ntime_per_output_token: { base_ms: 5 }\nslots: 4\nanswers: { tokens: 17 }\n',
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The real command, its runs in this process. */
async function sweep(
  options: Readonly<Record<string, unknown>>,
  { signal = new AbortController().signal, output = join(folder, `sweep-${places++}`) } = {},
) {
  const scripted = { sut: 'scripted', script, clock: 'virtual', samples: '60', repeats: '1' };
  const parsed = { ...scripted, quiet: true, json: true, ...options, output };
  const started: string[] = [];
  const start: RunStarter = (argv) => {
    started.push(argv[argv.indexOf('--output') + 1]!.slice(output.length + 1));
    return callBench(...argv);
  };
  let stdout = '';
  const stream = { write: (text: string) => (stdout += text) };
  const request = collectSweepOptions('optimized', parsed, []);
  const code = await runSweep(request, { stdout: stream, stderr: stream }, signal, start);
  return { code, started, output, ...(JSON.parse(stdout) as Sweep) };
}

describe('a grid', () => {
  const grid = {
    vary: ['script=FORTY,steady', 'engine.max_batch=1,8'],
    repeats: '2',
    targetQps: '40',
    minDuration: '1',
  };

  it('has a point for every combination, run in turns and scored once', async () => {
    const vary = grid.vary.map((text) => text.replace('FORTY', script));
    const { code, points, started, axes, measuredOn, output } = await sweep({ ...grid, vary });
    const { startedAt, system } = readRecord(join(output, started[0]!));
    expect(measuredOn).toMatchObject({ startedAt, system });
    expect(points.map(({ settings }) => Object.values(settings))).toEqual([
      [script, '1'],
      [script, '8'],
      ['steady', '1'],
      ['steady', '8'],
    ]);
    expect(started).toEqual(
      [1, 2].flatMap((repeat) => [1, 2, 3, 4].map((point) => `point-${point}/run-${repeat}`)),
    );
    expect(axes).toEqual({ throughput: 'tokens/s', latency: 'tpot p99' });
    // 4 slots of 17 tokens in 100 ms; 60 samples fill them evenly.
    expect(points[0]!.tokensPerSecond).toBeCloseTo(680, 6);
    expect(points[0]!.tpotMs).toEqual({ p50: 5, p90: 5, p99: 5 });
    expect(points.map(({ scores }) => scores!.rouge1)).toEqual([0, 0, 100, 100]);
    expect(points.map(({ runs }) => runs)).toEqual([2, 2, 2, 2]);
    expect(code).toBe(points.every(({ valid }) => valid) ? 0 : 3);
  });

  it('takes values that have commas, where semicolons stand between', async () => {
    const options = { mode: 'performance', targetQps: '40', minDuration: '1' };
    const vary = ['device=cpu; cpu,cpu', 'max-batch=1,2'];
    const { points, output } = await sweep({ ...options, vary });
    expect(points.map(({ settings }) => settings)).toEqual([
      { device: 'cpu', 'max-batch': '1' },
      { device: 'cpu', 'max-batch': '2' },
      { device: 'cpu,cpu', 'max-batch': '1' },
      { device: 'cpu,cpu', 'max-batch': '2' },
    ]);
    const devices = [1, 2, 3, 4].map((point) => {
      const file = join(output, `point-${point}`, 'run-1', 'run.json');
      return JSON.parse(readFileSync(file, 'utf8')).config.engine.device;
    });
    expect(devices).toEqual(['cpu', 'cpu', 'cpu,cpu', 'cpu,cpu']);
  });

  it('goes on after an interruption', async () => {
    const controller = new AbortController();
    const output = join(folder, `sweep-${places++}`);
    const options = { vary: ['max-batch=1,2'], mode: 'performance', targetQps: '40' };
    controller.abort();
    const broken = await sweep(options, { signal: controller.signal, output });
    expect(broken).toMatchObject({ code: 130, interrupted: true, started: [] });
    const whole = await sweep(options, { output });
    expect(whole).toMatchObject({
      interrupted: false,
      started: ['point-1/run-1', 'point-2/run-1'],
    });
    const again = await sweep(options, { output });
    expect(again).toMatchObject({ started: [], points: whole.points });
  });
});

/** ms: what the 99th percentile of the first tokens is, by the arrivals alone: first come, first served, 4 at once. */
function simulate(run: string): number {
  const lines = readFileSync(join(run, 'samples-performance.jsonl'), 'utf8').trimEnd().split('\n');
  const arrivals = lines.map((line) => (JSON.parse(line) as SampleEvidence).scheduledNs! / 1e6);
  const free = [0, 0, 0, 0];
  const times = arrivals.map((arrival) => {
    const slot = free.indexOf(Math.min(...free));
    const begin = Math.max(arrival, free[slot]!);
    free[slot] = begin + 100;
    return begin + 20 - arrival;
  });
  return times.sort((a, b) => a - b)[Math.trunc(times.length * 0.99)]!;
}

describe('the highest rate', () => {
  const server = { minDuration: '60', set: ['server.min_query_count=1'] };

  it('is found where the capacity is', async () => {
    const { code, goodput, points } = await sweep({
      ...server,
      // Where the search begins; each rate that it tries stands above it.
      targetQps: '3',
      minDuration: '600',
      rates: 'auto',
      slo: 'ttft_p99=1000',
    });
    expect(code).toBe(0);
    // Poisson arrivals at 4 servers of 0.1 s: waits have a tail of exp(-2 x 40 (1 - load) t) in heavy traffic (Kingman), so
    // that 1 % wait 0.98 s at a load of about 0.945, 37.8/s; the search stops within 5 % of it, the run is finite.
    expect(goodput!.measuredRate).toBeGreaterThan(35);
    expect(goodput!.measuredRate).toBeLessThan(39);
    expect(goodput!.lowestFailed! / goodput!.measuredRate!).toBeLessThanOrEqual(1.05);
    // What is shown encloses what is true; near it slow samples come in clumps, of which a run has few.
    const truth = 37.8;
    expect(goodput!.rate).toBeGreaterThan(20);
    expect(goodput!.rate).toBeLessThan(truth);
    expect(goodput!.outsideRate).toBeGreaterThan(truth);
    expect(goodput!.outsideRate).toBeLessThan(50);
    const best = points.find(({ settings }) => settings.rate === String(goodput!.measuredRate))!;
    expect(best.slo![0]!.reachedMs.ttft).toBeLessThanOrEqual(1000);
    expect(best.slo![0]!.attainment).toBeGreaterThanOrEqual(0.99);
    expect(best.sloVerdict).toMatchObject({ state: 'cannot tell', runsDiffer: false });
    expect(best.sloVerdict!.samplesToTell).toBeGreaterThan(best.sloVerdict!.samples);
    for (const { path, slo } of points) {
      expect(slo![0]!.reachedMs.ttft).toBeCloseTo(simulate(join(path, 'run-1')), 3);
    }
  });

  it('is the best of those that are listed, and what is beyond says why', async () => {
    const { goodput, points } = await sweep({
      ...server,
      minDuration: '300',
      rates: '15,20,80',
      slo: 'ttft_p99=1000,tpot_p99=6',
    });
    expect(goodput).toMatchObject({
      ...{ confidence: 0.99, rate: 20, highestInside: 20, lowestOutside: 80, outsideRate: 80 },
      ...{ measuredRate: 20, validRate: 20, lowestFailed: 80 },
    });
    expect(points.map(({ sloVerdict }) => sloVerdict!.state)).toEqual([
      'inside',
      'inside',
      'outside',
    ]);
    expect(points.map(({ valid }) => valid)).toEqual([true, true, false]);
    expect(points[2]!.invalidReasons.join()).toMatch(/TTFT/);
    expect(points[2]!.slo![0]!.met).toBe(false);
  });

  it('is none where even idle answers take too long', async () => {
    const { code, goodput } = await sweep({ ...server, rates: '1,2', slo: 'tpot_p99=4' });
    expect(goodput).toMatchObject({
      ...{ rate: null, highestInside: null, lowestOutside: 1 },
      ...{ measuredRate: null, validRate: null, lowestFailed: 1 },
    });
    expect(code).toBe(3);
  });

  it('is none that is shown where a few samples keep the limits', async () => {
    const { code, goodput, points } = await sweep({
      ...server,
      rates: '1,2',
      slo: 'ttft_p99=1000',
    });
    expect(goodput).toMatchObject({ rate: null, outsideRate: null, measuredRate: 2 });
    for (const { sloVerdict } of points) {
      expect(sloVerdict).toMatchObject({ state: 'cannot tell' });
      expect(sloVerdict!.samplesToTell).toBeGreaterThanOrEqual(459);
    }
    // It may be inside, and what is merely possible fails nothing.
    expect(code).toBe(0);
  });

  it('is searched for in few runs, from anywhere', () => {
    const rate = fc.double({ min: 0.01, max: 10_000, noNaN: true });
    fc.assert(
      fc.property(rate, rate, (capacity, first) => {
        const tried: TriedLoad[] = [];
        for (let next = nextRate(tried, first); next !== null; next = nextRate(tried, first)) {
          tried.push({ load: next, met: next <= capacity });
        }
        const best = Math.max(...tried.filter(({ met }) => met).map((one) => one.load), 0);
        const reach = Math.abs(Math.log2(capacity / first));
        expect(tried.length).toBeLessThanOrEqual(20);
        // 20 runs reach so far and no further.
        if (reach < 12) expect(best / capacity).toBeGreaterThan(1 / 1.051);
        expect(best).toBeLessThanOrEqual(capacity);
      }),
    );
  });
});

describe('queries in flight', () => {
  const loop = { minDuration: '30', concurrency: '1,2,4,8,16', slo: 'ttft_p99=120' };

  it('come to what so many slots answer, and wait for a slot beyond them', async () => {
    const { code, points, goodput, started } = await sweep(loop);
    expect(code).toBe(0);
    expect(started).toEqual([1, 2, 4, 8, 16].map((n) => `concurrency-${n}/run-1`));
    for (const { settings, samplesPerSecond, ttftMs, latencyMs } of points) {
      const n = Number(settings.concurrency);
      // 100 ms a sample on each of 4 slots: Little's law, whatever the order; several end at once, the last of them too.
      const rate = 10 * Math.min(n, 4);
      expect(samplesPerSecond! / rate).toBeCloseTo(1, 2);
      expect(latencyMs.p50).toBeCloseTo((1000 * n) / rate, 6);
      expect(ttftMs.p50).toBeCloseTo((1000 * n) / rate - 80, 6);
    }
    expect(goodput).toMatchObject({ load: 'concurrency', highestMet: 8, lowestFailed: 16 });
    expect(goodput!.rate! / 40).toBeCloseTo(1, 2);
    // Fewer than there are slots wait as long, and do less; of one run each that is not shown.
    expect(points.slice(0, 3).map(({ pareto }) => pareto?.class)).toEqual([
      'cannot tell',
      'cannot tell',
      'frontier',
    ]);
    expect(goodput).toMatchObject({ highestInside: 8, lowestOutside: 16 });
  });

  it('are recorded, remarked upon and never mixed with fewer', async () => {
    const { points } = await sweep({ ...loop, concurrency: '1,2' });
    const runs = points.map(({ path }) => join(path, 'run-1'));
    const records = runs.map((run) => JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')));
    const inFlight = records.map(({ settings }) => settings.effective.maxAsyncQueries);
    expect(inFlight).toEqual([1, 2]);
    expect(records.map(({ remarks }) => remarks)).toEqual([
      [],
      [expect.stringMatching(/^2 queries in flight: a closed loop of loadmark's own/)],
    ]);
    const { code, stdout } = await callBench('compare', ...runs);
    expect(code).toBe(9);
    expect(stdout).toContain('queries in flight: 1 against 2: not the same was asked');
    expect(stdout).toContain('--set single_stream.concurrency=1');
    const { code: faults, stdout: found } = await callBench('check', runs[1]!);
    expect(faults).toBe(6);
    expect(found).toContain('effective_max_async_queries 1');
  });
});

describe('limits', () => {
  const sample = (firstMs: number | null, endMs: number | null, tokens = 11): SampleEvidence => ({
    ...{ sampleId: 0, queryId: 0, series: 0, sampleIndex: 0, id: 's', issuedNs: 0 },
    scheduledNs: 1e6,
    firstTokenNs: firstMs === null ? null : 1e6 + firstMs * 1e6,
    completedNs: endMs === null ? null : 1e6 + endMs * 1e6,
    ...{ promptTokenCount: 5, outputTokenCount: tokens, output: null, scores: null, failure: null },
  });

  it("hold at LoadGen's percentile, element trunc(n p) of the sorted times", () => {
    const samples = Array.from({ length: 100 }, (_, i) => sample(i + 1, i + 101));
    const judge = (slo: string) => judgeSlo(parseSlo(slo), samples);
    expect(judge('ttft_p90=91')).toEqual({ met: true, reachedMs: { ttft: 91 }, attainment: 0.91 });
    expect(judge('ttft_p90=90').met).toBe(false);
    expect(judge('ttft_p50=51,tpot_p50=10,latency_p50=140')).toEqual({
      met: false,
      reachedMs: { ttft: 51, tpot: 10, latency: 151 },
      attainment: 0.4,
    });
  });

  it('are not kept by what was never answered', () => {
    const samples = [sample(1, 2), sample(1, null), sample(null, null)];
    const result = judgeSlo(parseSlo('ttft_p50=10'), samples);
    expect(result).toEqual({ met: false, reachedMs: { ttft: null }, attainment: 1 / 3 });
  });
});

describe('the command line', () => {
  it.each([
    [[], ['bench sweep: nothing is varied']],
    [
      ['--rates', 'auto', '--scenario', 'Offline'],
      ['--scenario: is "Offline"; allowed with --rates: Server'],
    ],
    [
      ['--vary', 'maxbatch=1', '--vary', 'max-batch=1,1', '--slo', 'ttft=5', '--repeats', 'x'],
      [
        '(did you mean "max-batch"?)',
        'has a value twice',
        '--slo: has nothing to judge',
        '"ttft=5" is no limit',
        '--repeats: is "x"',
      ],
    ],
    [
      ['--concurrency', '1,0', '--rates', '2', '--scenario', 'Offline'],
      [
        '--concurrency: is "1,0"; allowed: queries in flight from 1 to 65536',
        '--concurrency: is there with --rates; allowed: one of them',
        '--scenario: is "Offline"; allowed with --rates: Server',
      ],
    ],
    [
      ['--rates', '5,0x10', '--target-qps', '9', '--set', 'server.target_qps=8'],
      [
        '--rates: is "5,0x10"; allowed: auto, or queries/s',
        '--target-qps: is there with --rates, which sweeps it; allowed: one of them',
        '--set server.target_qps: is there with --rates, which sweeps it',
      ],
    ],
    [
      ['--concurrency', '1e1,0x10', '--set', 'single_stream.concurrency=2'],
      [
        '--concurrency: is "1e1,0x10"; allowed: queries in flight from 1 to 65536',
        '--set single_stream.concurrency: is there with --concurrency, which sweeps it',
      ],
    ],
    [
      ['--vary', 'device=cpu;cpu,cpu;', '--vary', 'threads=1;1', '--vary', 'max-batch='],
      [
        '"device=cpu;cpu,cpu;" is not name=value,value or name=value;value; examples: max-batch=1,8,64 and device=cuda:0;cuda:0,1',
        '"threads=1;1" has a value twice',
        '"max-batch=" is not name=value,value',
      ],
    ],
    [
      ['--vary', 'server.target_qps=1,2', '--target-qps', '9'],
      ['--target-qps: is there with --vary, which sweeps it; allowed: one of them'],
    ],
    [
      ['--rates', '1,1', '--slo', 'ttft_p99=5,tpot_p90=5'],
      ['--rates: is "1,1"', 'has the percentiles 99, 90; allowed: one'],
    ],
    [
      ['--vary', 'max-batch=0,1', '--vary', 'sut=null,nul'],
      ['engine.max_batch is 0', '(at max-batch=0 sut=null)', '(at max-batch=1 sut=nul)'],
    ],
  ])('refuses %j with every fault', async (options, messages) => {
    const call = await callBench('sweep', 'optimized', ...options, '--output', join(folder, 'no'));
    expect(call).toMatchObject({ code: 2, stdout: '' });
    for (const message of messages) expect(call.stderr).toContain(message);
  });

  it.each(['/proc/sweep', '/proc', '/proc/version'])(
    'starts nothing for an --output %s',
    async (output) => {
      const refused = sweep({ vary: ['max-batch=1,2'], mode: 'performance' }, { output });
      await expect(refused).rejects.toThrow(`--output: "${output}" `);
      await expect(refused).rejects.toMatchObject({ exitCode: 2 });
    },
  );

  it('prints a line a rate, the goodput first', async () => {
    const scripted = ['--sut', 'scripted', '--script', script, '--clock', 'virtual'];
    const rates = [
      '--rates',
      '2,80',
      '--slo',
      'ttft_p99=100',
      '--samples',
      '60',
      '--min-duration',
      '20',
    ];
    const output = ['--output', join(folder, 'printed'), '--quiet'];
    const call = await callBench('sweep', 'optimized', ...scripted, ...rates, ...output);
    expect(call).toMatchObject({ code: 0, stderr: '' });
    expect(call.stdout).toMatch(
      /^Goodput 2 queries\/s, shown inside the limits; 80 queries\/s shown outside\n\(ttft p99 up to 100 ms, at 99 % confidence a load; measured: 2 inside, 80 outside\)\n/,
    );
    expect(call.stdout).toMatch(/^2 .* none .*100 % +shown inside {2}on the frontier$/m);
    expect(call.stdout).toMatch(/^80 .* shown outside {2}INVALID$/m);
    expect(call.stdout).toMatch(/^3 repeats a point: .*rate=2 has none \(the runs do not scatter/m);
    expect(call.stdout).toMatch(/^INVALID at rate=80: performance: TTFT/m);
  }, 60_000);

  it('says why one run has no interval, and what would tell of a load that is open', async () => {
    const scripted = ['--sut', 'scripted', '--script', script, '--clock', 'virtual'];
    const loads = ['--concurrency', '1,4', '--slo', 'ttft_p99=100', '--samples', '60'];
    const short = ['--min-duration', '5', '--set', 'single_stream.min_query_count=1'];
    const output = ['--output', join(folder, 'open'), '--quiet', '--repeats', '1'];
    const call = await callBench(
      ...['sweep', 'optimized', ...scripted, ...loads, ...short, ...output],
    );
    expect(call).toMatchObject({ code: 0, stderr: '' });
    expect(call.stdout).toMatch(/^Goodput cannot be told: no concurrency that was tried is shown/);
    expect(call.stdout).toMatch(/^1 repeat a point: rates have no interval, .*\(--repeats 3\)$/m);
    expect(call.stdout).toMatch(
      /one repeat has no scatter, so no point is shown to be dominated$/m,
    );
    expect(call.stdout).toMatch(/^4 .* cannot tell {2}on the frontier$/m);
    expect(call.stdout).toMatch(
      /^Open .*\n {2}concurrency=1: cannot tell by \d+ samples \(measured inside; it takes about \d+ a run\)$/m,
    );
  }, 60_000);
});
