// Comparisons that were published and do not hold, each made anew with runs of a scripted system: refused or corrected by
// name. Only what no run writes of itself (hardware that is not here, wrong units, a cut tail) is edited into their folders.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Comparison } from '../../../harness/compare/comparison.js';
import { findPackageRoot } from '../../../harness/package-root.js';
import { callBench } from '../bench-call.js';
import {
  type Changes,
  editRecord,
  editSamples,
  plainRows,
  readRecord,
  ScriptedRuns,
} from './scripted-runs.js';

const runs = new ScriptedRuns();
afterAll(() => runs.remove());

const hundred = runs.writeRows(plainRows(100));
const fast = ['--mode', 'performance'];

/** One sample after another: `eachMs` each, a tenth of it until the first of 10 tokens. */
const oneByOne = (eachMs: number) =>
  `slots: 1\ntime_to_first_token: { base_ms: ${eachMs / 10} }\ntime_per_output_token: { base_ms: ${eachMs / 10} }\nanswers: { tokens: 10 }\n`;
/** A hundred samples, timed. */
const timed = (eachMs: number, ...argv: string[]) =>
  runs.run(oneByOne(eachMs), '--dataset', hundred, ...fast, ...argv);
const named = (name: string) => ['--set', `name=${name}`];

async function compare(...argv: string[]) {
  const { code, stdout } = await callBench('compare', ...argv, '--json');
  const comparison = JSON.parse(stdout) as Comparison;
  return { code, ...comparison.candidates[0]!, ...comparison };
}

const a800 = { name: 'NVIDIA A800-SXM4-80GB', peakBandwidthGBs: 2039, peakTflops: 312 };
/** As run.json has what a run was made on. */
const onGpus = (count: number, sut: Changes = {}): Changes => {
  const devices = Array.from({ length: count }, (_, at) => `cuda:${at}`);
  return { system: { gpus: devices.map(() => a800) }, sut: { devices, ...sut } };
};

describe('ratios of unlike runs', () => {
  it('38x that changed GPUs, samples, batch and KV cache at once', async () => {
    const rows = runs.writeRows(plainRows(4000));
    const asked = ['--dataset', rows, ...fast];
    const few = await runs.run(oneByOne(400), ...asked, '--samples', '50', ...named('hf'));
    const many = await runs.run(oneByOne(10), ...asked, ...named('vllm'));
    editRecord(few, onGpus(1, { maxBatch: 50, kvCache: { dtype: 'fp16', bytes: 1e9 } }));
    editRecord(many, onGpus(2, { maxBatch: 2000, kvCache: { dtype: 'fp8', bytes: 1e9 } }));
    const { code, comparability, speed, verdict } = await compare(few, many);
    expect(code).toBe(9);
    expect(speed).toEqual([]);
    expect(verdict.text).toMatch(/^vllm cannot be compared with hf in speed/);
    const { reasons } = comparability;
    expect(reasons[0]).toBe('samples: 50 against 4000: not the same was asked');
    const changed = reasons.find((reason) => reason.startsWith('machine and configuration'));
    expect(changed).toContain('GPUs used: 1 against 2');
    expect(changed).toContain('max batch: 50 against 2000; KV cache: fp16 against fp8');
    expect(changed).toContain('comparable would be runs of which only one of the two changed');
    // Fewer samples alone would be refused again.
    expect(comparability.command).toBeNull();
  });

  it('a better ROUGE, on other samples: scored on those that both have', async () => {
    // ROUGE finds no words in every other of the first 50 references, whatever is answered.
    const hard = 'нет слов';
    const rows = plainRows(2000).map((row, i) =>
      i < 50 && i % 2 === 0 ? { ...row, reference: hard } : row,
    );
    const asked = ['--dataset', runs.writeRows(rows), '--accuracy'];
    const script = `${oneByOne(10).replace(/answers.*/, '')}answers: { degrade: 0.1 }\n`;
    const few = await runs.run(script, ...asked, '--samples', '50', ...named('few'));
    const many = await runs.run(script, ...asked, ...named('many'));
    const headline = [few, many].map((run) => readRecord(run).accuracy!.metrics.rouge1!);
    expect(headline[1]! - headline[0]!).toBeGreaterThan(35);
    const { quality } = await compare(few, many);
    expect(quality.leftOut).toBe(1950);
    for (const metric of quality.metrics) {
      expect(metric).toMatchObject({ samples: 50, difference: 0 });
    }
  });

  it('a prompt that begins with one more token in one arm', async () => {
    const [plain, twice] = [await timed(10, ...named('plain')), await timed(9, ...named('bos'))];
    const counted = (run: string, more: number) =>
      editSamples(run, 'performance', (samples) =>
        samples.map((sample, i) => ({ ...sample, promptTokenCount: 20 + (i % 7) + more })),
      );
    const { code, comparability } = await compare(counted(plain, 0), counted(twice, 1));
    expect(code).toBe(9);
    expect(comparability.reasons).toEqual([
      expect.stringMatching(/^prompt tokens: \w+ against \w+: not the same was asked$/),
    ]);
  });

  it('quantized that is slower: told with the weights and the kernels that made it', async () => {
    const kernels = (linear: string) => ({ kernels: { linear, attention: 'paged' } });
    const half = editRecord(await timed(10, ...named('half')), {
      model: { weightFormat: 'fp16' },
      ...onGpus(1, kernels('cublas fp16')),
    });
    const quantized = editRecord(await timed(10.5, ...named('quantized')), {
      model: { weightFormat: 'int4 g128 sym (gptq)' },
      ...onGpus(1, kernels('dequantize, then cublas fp16')),
    });
    const { verdict, factors } = await compare(half, quantized);
    expect(verdict.text).toMatch(/^quantized has 0\.952x/);
    const differing = new Map(factors.map(({ name, values }) => [name, values]));
    expect(differing.get('weights')).toEqual(['fp16', 'int4 g128 sym (gptq)']);
    expect(differing.get('kernels')).toEqual([
      'cublas fp16; paged',
      'dequantize, then cublas fp16; paged',
    ]);
  });
});

describe('samples that are not what was asked', () => {
  it('a tail that was dropped', async () => {
    const whole = await timed(10);
    const cut = await timed(10, ...named('cut'));
    const kept = 96;
    editSamples(cut, 'performance', (samples) => samples.slice(0, kept));
    editRecord(cut, { performance: { completedSamples: kept } });
    const { code, comparability, sides } = await compare(whole, cut);
    expect(code).toBe(9);
    expect(sides[1]!.impossible.slice(0, 2).map(({ reason }) => reason)).toEqual([
      '96 of 100 issued samples were completed (0 failed): a rate over those that came back leaves the slow ones out',
      '100 samples were issued; the evidence has 96 lines of 96 samples',
    ]);
    expect(comparability.reasons.join('\n')).toContain('cut: performance.completedSamples');
  });

  it.each([
    ['only some of a batch were answered', 'fail: { probability: 0.5 }', /54 samples failed/],
    [
      'one was never answered',
      'drop: { sample: 41 }',
      /1 sample failed, first sample 41: not answered/,
    ],
    [
      'one was answered by both ranks',
      'answer_twice: { sample: 41 }',
      /broke LoadGen's rules: .* complete a sample twice/,
    ],
  ])('%s: the run says so, and has no ratio', async (_, fault, reason) => {
    const whole = await timed(10);
    const name = named('faulty');
    const script = `${oneByOne(5)}faults: { ${fault} }\n`;
    const faulty = await runs.run(script, '--dataset', hundred, ...fast, ...name);
    expect(readRecord(faulty).valid).toBe(false);
    const { code, comparability, speed } = await compare(whole, faulty);
    expect([code, speed]).toEqual([9, []]);
    const told = comparability.reasons.find((one) => one.startsWith('faulty is INVALID'));
    expect(told).toMatch(reason);
  });

  it('both ranks did everything, and each answer was counted twice', async () => {
    const whole = await timed(10);
    const twice = await timed(10, ...named('twice'));
    editSamples(twice, 'performance', (samples) => [...samples, ...samples]);
    const { tokensPerSecond, generatedTokens } = readRecord(twice).performance!;
    const performance = {
      tokensPerSecond: 2 * tokensPerSecond!,
      generatedTokens: 2 * generatedTokens!,
    };
    editRecord(twice, { performance });
    const { code, sides } = await compare(whole, twice);
    expect(code).toBe(9);
    expect(sides[1]!.impossible.map(({ reason }) => reason)).toContain(
      '100 samples were issued; the evidence has 200 lines of 100 samples',
    );
  });

  it('a rate that its own tokens and seconds do not give, from a record that lies alone', async () => {
    const [whole, doubled] = [await timed(10), await timed(10, ...named('doubled'))];
    rmSync(join(doubled, 'samples-performance.jsonl'));
    const { tokensPerSecond } = readRecord(doubled).performance!;
    editRecord(doubled, { performance: { tokensPerSecond: 2 * tokensPerSecond! } });
    const { code, speed, sides } = await compare(whole, doubled);
    expect([code, speed]).toEqual([9, []]);
    expect(sides[1]!.impossible).toEqual([
      {
        figure: 'performance.tokensPerSecond',
        reason: expect.stringMatching(/^is \d+\.\d+, and 1000 tokens in \d\S* s are \d+\.?\d*$/),
      },
    ]);
  });

  it('a ranking of variants on 50 items: nothing is told apart, and how much could have been is said', async () => {
    const asked = ['--dataset', 'tiny-mmlu', '--accuracy', '--samples', '50'];
    const variants: string[] = [];
    for (const [i, degrade] of [0.1, 0.08, 0.12].entries()) {
      const script = `seed: ${i + 1}\nanswers: { degrade: ${degrade} }\n`;
      variants.push(await runs.run(script, ...asked, ...named(`layer-${i}`)));
    }
    const { stdout } = await callBench('compare', ...variants, '--json');
    const { candidates } = JSON.parse(stdout) as Comparison;
    for (const { verdict, quality } of candidates) {
      expect(verdict.quality).toBe('cannot tell');
      const { judgement, interval, samples, margin } = quality.metrics[0]!;
      expect(samples).toBe(50);
      // The error bound that nobody showed: stated, with what so many items could have shown.
      expect(margin).toEqual({ kind: 'absolute', value: 1.5 });
      expect(judgement!.detectableLoss).toBeGreaterThan(3);
      expect(judgement!.itemsIfEqual).toBeGreaterThan(50);
      // Two candidates, two chances: each at half of alpha.
      expect(interval!.confidence).toBeCloseTo(0.95, 12);
    }
  });

  it('calibration on the evaluation split: what the run remarks of itself is told beside the verdict', async () => {
    const rows = runs.writeRows(plainRows(200));
    const asked = ['--dataset', rows, '--set', 'generation.max_new_tokens=64'];
    const script = `${oneByOne(10).replace(/answers.*/, '')}answers: { degrade: 0.1 }\n`;
    const plain = await runs.run(script, ...asked, ...named('plain'));
    // The checkpoint of a quantizer that was calibrated on these very rows.
    const model = runs.place('model');
    const builtIn = join(findPackageRoot().folder, 'configs', 'models', 'tiny-int4');
    cpSync(builtIn, model, { recursive: true });
    const report = join(model, 'quantize_report.json');
    const { calibration, ...others } = JSON.parse(readFileSync(report, 'utf8'));
    const seen = { ...calibration[0], dataset: rows, digest: readRecord(plain).dataset.digest };
    writeFileSync(report, JSON.stringify({ ...others, calibration: [seen] }));
    const tuned = await runs.run(script, ...asked, ...named('tuned'), '--model', model);
    const [remark] = readRecord(tuned).remarks;
    expect(remark).toMatch(/^the model was calibrated on these samples/);

    const { stdout } = await callBench('compare', plain, tuned);
    const untrusted = `its scores are not to be trusted (tuned: ${remark})`;
    expect(stdout).toMatch(/^tuned has .*, and its scores are not to be trusted/);
    expect(stdout).toContain(`${untrusted}\n\nRemarks of tuned\n  ${remark}`);
    const file = runs.place('tuned.md');
    const { verdict, gate } = await compare(
      ...[plain, tuned, '--gate', 'rouge1=-1%', '--markdown', file],
    );
    expect(verdict.quality).toBe('not to be trusted');
    expect(gate[0]).toMatchObject({
      verdict: 'cannot tell',
      reason: expect.stringMatching(/^not to be trusted/),
    });
    expect(readFileSync(file, 'utf8')).toContain(`- tuned: ${remark}`);
  });
});

describe('figures that cannot be', () => {
  it('"FP32" over bf16 tensors', async () => {
    const wide = editRecord(await timed(10, ...named('FP32 baseline')), {
      model: { weightFormat: 'bf16' },
    });
    const narrow = editRecord(await timed(5, ...named('int4')), {
      model: { weightFormat: 'int4 g128 sym (gptq)' },
    });
    const { sides } = await compare(wide, narrow);
    expect(sides[0]!.impossible).toEqual([
      { figure: 'name', reason: 'the run calls itself FP32 baseline; its tensors are bf16' },
    ]);
    expect(sides[1]!.impossible).toEqual([]);
  });

  it('milliseconds that are microseconds', async () => {
    const wrong = await timed(10);
    const { latencyMs } = readRecord(wrong).performance!;
    const inUs = Object.entries(latencyMs!).map(([name, ms]) => [name, 1000 * ms]);
    editRecord(wrong, { performance: { latencyMs: Object.fromEntries(inUs) } });
    const { code, sides } = await compare(await timed(10), wrong);
    expect(code).toBe(9);
    expect(sides[1]!.impossible[0]!.reason).toBe(
      "its mean is 505000, and 505.000 ms by the samples' own times: these are us, not ms",
    );
  });

  it.each([
    ['ttftMs.p50', { ttftMs: { p50: 25 } }, 'is 25.0000 ms, and 501.000 ms'],
    ['tpotMs.p99', { tpotMs: { p99: 0.5 } }, 'is 0.500000 ms, and 1.00000 ms'],
    ['latencyMs.p90', { latencyMs: { p90: 91 } }, 'is 91.0000 ms, and 910.000 ms'],
    [
      'tokensPerSecond',
      { tokensPerSecond: 4000, generatedTokens: 4000 },
      'is 4000.00 tokens/s, and 1000.00 tokens/s',
    ],
    ['samplesPerSecond', { samplesPerSecond: 300 }, 'is 300.000 samples/s, and 100.000 samples/s'],
  ])('%s that the samples do not have', async (path, performance, told) => {
    const edited = editRecord(await timed(10), { performance });
    const { code, sides, speed } = await compare(await timed(10), edited);
    expect(code).toBe(9);
    expect(speed).toEqual([]);
    expect(sides[0]!.impossible).toEqual([]);
    const reason = `${told} by the samples' own times and lengths`;
    expect(sides[1]!.impossible).toEqual([{ figure: `performance.${path}`, reason }]);
  });

  it('no energy, although it could be sampled: the record says why, and there is no ratio of it', async () => {
    const [from, to] = [await timed(10), await timed(9)];
    const { joulesPerToken, absentBecause } = readRecord(from).performance!;
    expect(joulesPerToken).toBeNull();
    expect(absentBecause.joulesPerToken).toMatch(/./);
    const { speed } = await compare(from, to);
    expect(speed.map(({ metric }) => metric)).not.toContain('energy');
  });

  it('a figure of 0: told as 0, and there is no ratio', async () => {
    const two = editRecord(await timed(10), { performance: { joulesPerToken: 2 } });
    const idle = editRecord(await timed(10, ...named('idle')), {
      performance: { joulesPerToken: 0 },
    });
    const { speed } = await compare(two, idle);
    expect(speed.find(({ metric }) => metric === 'energy')).toMatchObject({
      baseline: 2,
      candidate: 0,
      ratio: null,
      absentBecause: 'energy of idle is 0, of which there is no ratio',
    });
  });

  it('5.4 % that recomputes to 0.54 %', async () => {
    const one = runs.writeRows(plainRows(1));
    const takes = (ms: number) =>
      runs.run(
        `time_to_first_token: { base_ms: ${ms} }\ntime_per_output_token: { base_ms: 100 }\nanswers: { tokens: 10 }\n`,
        ...['--dataset', one, ...fast],
      );
    const claims = [
      [6260, 6177, '1.3%', 'holds', /is 1\.33 %/],
      [6270, 6217, '2.1%', 'wrong', /is 0\.845 %.*claimed 2\.1 %/],
      [372.3872790869025, 300, '5.4%', 'wrong', /^from 372\.387 to 300 ms is 19\.4 %;? /],
      [6450, 6415, '5.4%', 'wrong', /is 0\.543 %.*claimed 5\.4 %/],
    ] as const;
    for (const [before, after, claim, verdict, reason] of claims) {
      const { code, claims: judged } = await compare(
        await takes(before),
        await takes(after),
        ...['--claim', `ttft p50=${claim}`],
      );
      expect(judged[0]!.reason).toMatch(reason);
      expect(judged[0]!.verdict).toBe(verdict === 'holds' ? verdict : 'does not follow');
      expect(code).toBe(verdict === 'holds' ? 0 : 10);
    }
  });
});

describe('utilisation that cannot be', () => {
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
  const steps = 100;
  const promptTokenCount = 900;
  // A step's 64 sequences, each with 900 to 999 cached positions.
  const kvBytes = (327_680 * 64 * (99 * promptTokenCount + (99 * 100) / 2)) / steps;
  const share = (bytes: number, gpus = 1) => bytes / (0.1 * gpus * a800.peakBandwidthGBs * 1e9);

  /** 64 sequences at a time, 100 ms a token, as if on GPUs that each made `each` steps. */
  async function decoding(mbu: number, each: readonly number[] = [steps]): Promise<string> {
    const script =
      'time_to_first_token: { base_ms: 1000 }\ntime_per_output_token: { base_ms: 100 }\nanswers: { tokens: 100 }\n';
    const asked = ['--dataset', hundred, '--samples', '64', ...fast];
    const run = await runs.run(script, ...asked);
    editSamples(run, 'performance', (samples) =>
      samples.map((sample) => ({ ...sample, promptTokenCount })),
    );
    const workers = each.map((made, at) => {
      return { devices: [`cuda:${at}`], state: 'ok', failure: null, steps: made };
    });
    const kvCache = { dtype: 'fp16', bytes: 3e10 };
    const made = each.reduce((sum, count) => sum + count, 0);
    return editRecord(run, {
      model: { cost },
      performance: { mbu },
      ...onGpus(each.length, { workers, steps: made, kvCache }),
    });
  }
  const impossibleOf = async (mbu: number, each?: readonly number[]) => {
    const { sides } = await compare(
      await decoding(share(35e9 + kvBytes)),
      await decoding(mbu, each),
    );
    expect(sides[0]!.impossible).toEqual([]);
    return sides[1]!.impossible;
  };

  it('a token time that would read fp32 weights faster than the memory can', async () => {
    const model = { cost: { ...cost, weightBytesPerStep: 32e9 } };
    const quick = editRecord(await timed(90), { model, ...onGpus(1) });
    const { sides } = await compare(await timed(90), quick);
    expect(sides[1]!.impossible[0]!.reason).toBe(
      `9 ms a token would read the weights at 3556 GB/s, 174.4 % of what ${a800.name} can`,
    );
  });

  it('an MBU above 1, or by a formula that knows no grouped-query attention', async () => {
    const [above] = await impossibleOf(1.07);
    expect(above!.reason).toMatch(/^MBU is 107\.0 %: no run reads .* more than the hardware can/);
    // Other multiples have other causes.
    for (const times of [1.5, 3, 4, 7]) {
      const [wrong] = await impossibleOf(share(35e9 + times * kvBytes));
      expect(wrong!.reason).toMatch(/by the model's bytes and the samples' lengths$/);
    }
    const [byHeads] = await impossibleOf(share(35e9 + 8 * kvBytes));
    expect(byHeads).toEqual({
      figure: 'performance.mbu',
      reason:
        "MBU is 94.6 %, and 26.8 % by the model's bytes and the samples' lengths: it counts the KV cache 8 times, as if each of the 64 heads had K and V of its own, which share 8",
    });
  });

  it('an MBU of two GPUs by the peak of one', async () => {
    const both = 70e9 + kvBytes;
    expect(await impossibleOf(share(both, 2), [steps, steps])).toEqual([]);
    const [ofOne] = await impossibleOf(share(both, 1), [steps, steps]);
    expect(ofOne!.reason).toMatch(/^MBU is .* by the model's bytes/);
    // One that was idle read nothing.
    expect(await impossibleOf(share(35e9 + kvBytes, 2), [steps, 0])).toEqual([]);
    const [idle] = await impossibleOf(share(both, 2), [steps, 0]);
    expect(idle!.reason).toMatch(/^MBU is .* by the model's bytes/);
  });
});
