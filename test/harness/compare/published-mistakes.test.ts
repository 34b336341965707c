// Comparisons that were published and do not hold, each made anew as run folders: refused or corrected by name.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Comparison } from '../../../harness/compare/comparison.js';
import { callBench } from '../bench-call.js';
import { type Changes, type MadeSample, makeRun, makeSamples } from './made-runs.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadmark-compare-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
const run = (samples: readonly MadeSample[], changes: Changes = {}) =>
  makeRun(join(folder, `run-${made++}`), samples, changes);

async function compare(...argv: string[]) {
  const { code, stdout } = await callBench('compare', ...argv, '--json');
  const comparison = JSON.parse(stdout) as Comparison;
  return { code, ...comparison.candidates[0]!, sides: comparison.sides };
}

it('38x that changed GPUs, samples, batch and KV cache at once', async () => {
  const baseline = run(makeSamples(50, 400), { name: 'transformers' });
  const optimized = run(makeSamples(4000, 10), {
    name: 'vllm',
    sut: { devices: ['cuda:0', 'cuda:1'], maxBatch: 2000, kvCache: { dtype: 'fp8' } },
  });
  const { code, comparability, speed, verdict } = await compare(baseline, optimized);
  expect(code).toBe(9);
  expect(speed).toEqual([]);
  expect(verdict.text).toMatch(/^vllm cannot be compared with transformers in speed/);
  const [samples, , changed] = comparability.reasons;
  expect(samples).toBe('samples: 50 against 4000: not the same was asked');
  expect(changed).toMatch(
    /machine and configuration changed at once \(GPUs used: 1 against 2; max batch: 1 against 2000; KV cache: fp16 against fp8\)/,
  );
  expect(changed).toContain('comparable would be runs of which only one of the two changed');
  // Fewer samples alone would be refused again.
  expect(comparability.command).toBeNull();
});

it('a better ROUGE, on other samples: scored on those that both have', async () => {
  // The many are easier than the first 50, on which nothing changed.
  const score = (i: number) => ({ rouge1: i < 50 ? 0.436 + 0.001 * (i % 7) : 0.474 });
  const few = run(makeSamples(50, 400, score));
  const many = run(makeSamples(2000, 10, score));
  const { quality } = await compare(few, many);
  expect(quality.leftOut).toBe(1950);
  expect(quality.metrics[0]).toMatchObject({ metric: 'rouge1', samples: 50, difference: 0 });
});

it('a tail that was dropped', async () => {
  const whole = run(makeSamples(100, 10));
  const cut = run(makeSamples(96, 10), { name: 'cut', performance: { issuedSamples: 100 } });
  const { code, comparability, sides } = await compare(whole, cut);
  expect(code).toBe(9);
  expect(sides[1]!.impossible.map(({ reason }) => reason)).toEqual([
    '96 of 100 issued samples were completed (0 failed): a rate over those that came back leaves the slow ones out',
    '100 samples were issued; the evidence has 96 lines of 96 samples',
  ]);
  expect(comparability.reasons.join('\n')).toContain('cut: performance.completedSamples');
});

it('"FP32" over bf16 tensors', async () => {
  const named = run(makeSamples(100, 10), { name: 'FP32 baseline' });
  const { sides } = await compare(
    named,
    run(makeSamples(100, 5), { name: 'int4', model: { weightFormat: 'int4 g128 sym (gptq)' } }),
  );
  expect(sides[0]!.impossible).toEqual([
    { figure: 'name', reason: 'the run calls itself FP32 baseline; its tensors are bf16' },
  ]);
  expect(sides[1]!.impossible).toEqual([]);
});

it('milliseconds that are microseconds', async () => {
  const samples = makeSamples(100, 10);
  const wrong = run(samples, { performance: { latencyMs: { mean: 505_000 } } });
  const { code, sides } = await compare(run(samples), wrong);
  expect(code).toBe(9);
  expect(sides[1]!.impossible[0]!.reason).toBe(
    "its mean is 505000, and 505.000 ms by the samples' own times: these are us, not ms",
  );
});

it.each([
  ['ttftMs.p50', { ttftMs: { p50: 25 } }, 'is 25.0000 ms, and 255.000 ms'],
  ['tpotMs.p99', { tpotMs: { p99: 1 } }, 'is 1.00000 ms, and 55.5556 ms'],
  ['latencyMs.p90', { latencyMs: { p90: 91 } }, 'is 91.0000 ms, and 910.000 ms'],
  [
    'tokensPerSecond',
    { tokensPerSecond: 4000, generatedTokens: 4000 },
    'is 4000.00 tokens/s, and 1000.00 tokens/s',
  ],
  ['samplesPerSecond', { samplesPerSecond: 300 }, 'is 300.000 samples/s, and 100.000 samples/s'],
])('%s that the samples do not have', async (path, performance, told) => {
  const samples = makeSamples(100, 10);
  const { code, sides, speed } = await compare(run(samples), run(samples, { performance }));
  expect(code).toBe(9);
  expect(speed).toEqual([]);
  expect(sides[0]!.impossible).toEqual([]);
  const reason = `${told} by the samples' own times and lengths`;
  expect(sides[1]!.impossible).toEqual([{ figure: `performance.${path}`, reason }]);
});

it('a figure of 0: told as 0, and there is no ratio', async () => {
  const samples = makeSamples(100, 10);
  const idle = run(samples, { name: 'idle', performance: { joulesPerToken: 0 } });
  const { speed } = await compare(run(samples, { performance: { joulesPerToken: 2 } }), idle);
  expect(speed.find(({ metric }) => metric === 'energy')).toMatchObject({
    baseline: 2,
    candidate: 0,
    ratio: null,
    absentBecause: 'energy of idle is 0, of which there is no ratio',
  });
});

it('a token time that would read fp32 weights faster than the memory can', async () => {
  const cost = {
    layers: 32,
    heads: 32,
    headDim: 128,
    linearParameters: 7e9,
    headParameters: 5e8,
    weightBytesPerStep: 32e9,
    kvBytesPerToken: 131_072,
    windows: [],
  };
  const fast = run(makeSamples(100, 10), { model: { cost }, performance: { tpotMs: { mean: 9 } } });
  const { sides } = await compare(run(makeSamples(100, 10)), fast);
  expect(sides[1]!.impossible[0]!.reason).toBe(
    '9 ms a token would read the weights at 3556 GB/s, 174.4 % of what NVIDIA A100-SXM4-80GB can',
  );
});

it('an MBU by a formula that knows no grouped-query attention', async () => {
  const cost = {
    layers: 80,
    heads: 64,
    headDim: 128,
    linearParameters: 68e9,
    headParameters: 26e7,
    weightBytesPerStep: 35e9,
    kvBytesPerToken: 327_680, // 8 KV heads of 64
    windows: [],
  };
  const samples = Array.from({ length: 64 }, (_, i): MadeSample => {
    return {
      id: `s${i}`,
      firstTokenMs: 1000,
      latencyMs: 1000 + 99 * 100,
      promptTokens: 1900,
      outputTokens: 100,
    };
  });
  const steps = 100;
  // A step's 64 sequences, each with 1900 to 1999 cached positions.
  const kvBytes = (327_680 * 64 * (99 * 1900 + (99 * 100) / 2)) / steps;
  const mbuWith = (times: number) => (35e9 + times * kvBytes) / (0.1 * 2039e9);
  const honest = { model: { cost }, sut: { steps }, performance: { mbu: mbuWith(1) } };
  const wrong = {
    ...honest,
    sut: { steps, maxBatch: 64 },
    performance: { mbu: Math.min(0.99, mbuWith(1.5)) },
  };
  const byHeads = { ...honest, performance: { mbu: mbuWith(1) + (2 * kvBytes) / (0.1 * 2039e9) } };
  const first = await compare(run(samples, honest), run(samples, wrong));
  expect(first.sides[0]!.impossible).toEqual([]);
  expect(first.sides[1]!.impossible[0]!.reason).toMatch(
    /by the model's bytes and the samples' lengths$/,
  );
  const second = await compare(run(samples, honest), run(samples, byHeads));
  expect(second.sides[1]!.impossible[0]!.reason).toMatch(
    /^MBU is 76\.7 %, and 37\.0 % by the model's bytes .*: it counts the KV cache 3 times, as if every head had/,
  );
});

it('an MBU of two GPUs by the peak of one', async () => {
  const samples = Array.from({ length: 64 }, (_, i): MadeSample => {
    const times = { firstTokenMs: 1000, latencyMs: 1000 + 99 * 100 };
    return { id: `s${i}`, ...times, promptTokens: 1900, outputTokens: 100 };
  });
  const cost = {
    ...{ layers: 80, heads: 64, headDim: 128, linearParameters: 68e9, headParameters: 26e7 },
    ...{ weightBytesPerStep: 35e9, kvBytesPerToken: 327_680, windows: [] },
  };
  // Each worker makes 100 steps of 32 sequences and reads its own weights.
  const kvBytes = (327_680 * 64 * (99 * 1900 + (99 * 100) / 2)) / 100;
  const mbuOf = (gpus: number) => (70e9 + kvBytes) / (0.1 * gpus * 2039e9);
  const devices = ['cuda:0', 'cuda:1'];
  const made = (mbu: number, each: readonly number[] = [100, 100]) => {
    const workers = each.map((steps) => ({ state: 'ok', steps }));
    const steps = each.reduce((sum, count) => sum + count, 0);
    return { model: { cost }, sut: { devices, workers, steps }, performance: { mbu } };
  };
  const { sides } = await compare(run(samples, made(mbuOf(2))), run(samples, made(mbuOf(1))));
  expect(sides[0]!.impossible).toEqual([]);
  expect(sides[1]!.impossible[0]!.reason).toMatch(/^MBU is .* by the model's bytes/);
  // One that was idle read nothing.
  const idle = (35e9 + kvBytes) / (0.1 * 2 * 2039e9);
  const counted = await compare(
    run(samples, made(idle, [100, 0])),
    run(samples, made(mbuOf(2), [100, 0])),
  );
  expect(counted.sides[0]!.impossible).toEqual([]);
  expect(counted.sides[1]!.impossible[0]!.reason).toMatch(/^MBU is .* by the model's bytes/);
});

it('a ranking of variants on 50 items: nothing is told apart, and how much could have been is said', async () => {
  const right = (wrong: readonly number[]) => (i: number) => ({ correct: !wrong.includes(i) });
  const variants = [
    [1, 2, 3, 4, 5],
    [1, 2, 3, 4],
    [1, 2, 6, 7, 8, 9],
  ].map((wrong) => run(makeSamples(50, 10, right(wrong))));
  const { stdout } = await callBench('compare', ...variants, '--json');
  const { candidates } = JSON.parse(stdout) as Comparison;
  for (const { verdict, quality } of candidates) {
    expect(verdict.quality).toBe('cannot tell');
    const { judgement, interval, samples } = quality.metrics[0]!;
    expect(samples).toBe(50);
    expect(judgement!.detectableLoss).toBeGreaterThan(3);
    expect(judgement!.itemsIfEqual).toBeGreaterThan(50);
    // Two candidates, two chances: each at half of alpha.
    expect(interval!.confidence).toBeCloseTo(0.95, 12);
  }
});

it('calibration on the evaluation split: what the run remarks of itself is told beside the verdict', async () => {
  const remark =
    'the model was calibrated on these samples (quantize.json): its scores say nothing of others';
  const right = (i: number) => ({ correct: i % 10 > 0 });
  const tuned = run(makeSamples(2000, 10, right), { name: 'tuned', remarks: [remark] });
  const plain = run(makeSamples(2000, 10, right));
  const { stdout } = await callBench('compare', plain, tuned);
  const untrusted = `its scores are not to be trusted (tuned: ${remark})`;
  expect(stdout).toMatch(/^tuned has .*, and its scores are not to be trusted/);
  expect(stdout).toContain(`${untrusted}\n\nRemarks of tuned\n  ${remark}`);
  const file = join(folder, 'tuned.md');
  const { verdict, gate } = await compare(
    ...[plain, tuned, '--gate', 'accuracy=-1.5', '--markdown', file],
  );
  expect(verdict.quality).toBe('not to be trusted');
  expect(gate[0]).toMatchObject({
    verdict: 'cannot tell',
    reason: expect.stringMatching(/^not to be trusted/),
  });
  expect(readFileSync(file, 'utf8')).toContain(`**Remarks**\n\n- tuned: ${remark}`);
});

it('5.4 % that recomputes to 0.54 %', async () => {
  const takes = (seconds: number) =>
    run([{ id: 'a', firstTokenMs: seconds * 1000, latencyMs: 20_000 }]);
  const claims = [
    [6.26, 6.177, '1.3%', 'holds', /is 1\.33 %/],
    [6.27, 6.217, '2.1%', 'wrong', /is 0\.845 %.*claimed 2\.1 %/],
    [0.3723872790869025, 0.3, '5.4%', 'wrong', /^from 372\.387 to 300 ms is 19\.4 %;? /],
    [6.45, 6.415, '5.4%', 'wrong', /is 0\.543 %.*claimed 5\.4 %/],
  ] as const;
  for (const [before, after, claim, verdict, reason] of claims) {
    const { code, claims: judged } = await compare(
      takes(before),
      takes(after),
      '--claim',
      `ttft p50=${claim}`,
    );
    expect(judged[0]!.reason).toMatch(reason);
    expect(judged[0]!.holds).toBe(verdict === 'holds');
    expect(code).toBe(verdict === 'holds' ? 0 : 10);
  }
});
