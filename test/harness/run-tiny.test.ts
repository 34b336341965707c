// The built-in benchmark on the native engine, on a few samples: what the README's first command does in full.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPackageRoot } from '../../harness/package-root.js';
import { callBench } from './bench-call.js';

let folder = '';
beforeAll(() => {
  for (const model of ['tiny', 'tiny-int4']) {
    const file = join(findPackageRoot().folder, 'configs', 'models', model, 'config.json');
    if (!existsSync(file)) throw new Error(`the built-in checkpoint is missing: ${file}`);
  }
  folder = mkdtempSync(join(tmpdir(), 'loadmark-tiny-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A run of the native engine; few samples miss targets by chance, so exit 4 is let through. */
async function benchTiny(output: string, ...argv: string[]) {
  const common = ['--samples', '48', '--min-duration', '0.01', '--quiet', '--json'];
  const given = ['--output', join(folder, output), ...common, ...argv];
  const { code, stdout, stderr } = await callBench(...given);
  expect(stderr).toBe('');
  expect([0, 4]).toContain(code);
  return JSON.parse(stdout);
}

interface Row {
  readonly sampleIndex: number;
  readonly promptTokenCount: number;
  readonly outputTokenCount: number;
  readonly output: string;
}

/** By sample index, so that passes which issue in other orders can be compared. */
function readOutputs(output: string, pass: string): Map<number, Row> {
  const text = readFileSync(join(folder, output, `samples-${pass}.jsonl`), 'utf8');
  const rows = text
    .trimEnd()
    .split('\n')
    .map((line): Row => JSON.parse(line));
  return new Map(rows.map((row) => [row.sampleIndex, row]));
}

describe('the built-in benchmark', () => {
  it('ends VALID in Offline with every sample issued, completed and scored, and every histogram filled', async () => {
    const run = await benchTiny('offline', '--target-qps', '1');
    expect(run).toMatchObject({ valid: true, invalidReasons: [], interrupted: false });
    expect(run.performance).toMatchObject({
      issuedSamples: 48,
      completedSamples: 48,
      failedSamples: 0,
    });
    expect(run.accuracy).toMatchObject({ samplesIssued: 48, samplesScored: 48, failedSamples: 0 });
    for (const name of ['latencyMs', 'ttftMs', 'tpotMs', 'issueLagUs']) {
      expect(run.performance[name].p50).toBeGreaterThan(0);
    }
    expect(run.performance.ttftMs.max).toBeLessThan(run.performance.latencyMs.max);
    expect(run.sut.kind).toBe('native');
    expect(Object.values(run.sut.kernels).join()).not.toBe('');
    expect(run.model.weightFormat).toMatch(/int4/);
    expect(run.model.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(run.accuracy.metrics.rougeL).toBeGreaterThan(40);
    expect(Object.keys(run.accuracy.standardErrors)).toEqual([
      'rouge1',
      'rouge2',
      'rougeL',
      'rougeLsum',
      'tokensPerSample',
    ]);
    // No more than the widest spread that percents of 48 samples can have.
    expect(run.accuracy.standardErrors.rougeL).toBeGreaterThan(0);
    expect(run.accuracy.standardErrors.rougeL).toBeLessThan(50 / Math.sqrt(47));
  });

  it('gives the same answers in both passes, and counts their tokens alike', () => {
    const accuracy = readOutputs('offline', 'accuracy');
    const performance = readOutputs('offline', 'performance');
    expect(performance.size).toBe(48);
    let tokens = 0;
    for (const [index, row] of performance) {
      expect(row.output).toBe(accuracy.get(index)?.output);
      expect(row.promptTokenCount).toBeGreaterThan(10);
      tokens += row.outputTokenCount;
    }
    const run = JSON.parse(readFileSync(join(folder, 'offline', 'run.json'), 'utf8'));
    expect(run.performance.generatedTokens).toBe(tokens);
  });

  it('runs the baseline one sample at a time', async () => {
    const run = await benchTiny('baseline', '--config', 'baseline', '--target-qps', '1');
    expect(run.valid).toBe(true);
    expect(run.sut).toMatchObject({ maxBatch: 1, kvCache: { dtype: 'fp32' } });
    expect(run.model.weightFormat).toMatch(/bf16/);
    expect(run.accuracy.metrics.rougeL).toBeGreaterThan(40);
  });

  it('serves arrivals, with the first token before the last', async () => {
    // Wide limits: what is tested is the way of the answers, on machines that do other work besides.
    const limits = ['server.min_query_count=470', 'server.ttft_ms=30000', 'server.tpot_ms=5000'];
    const server = ['--scenario', 'Server', '--target-qps', '120', '--mode', 'performance'];
    const run = await benchTiny('server', ...server, '--set', ...limits);
    expect(run).toMatchObject({ valid: true, scenario: 'Server' });
    expect(run.performance.issuedSamples).toBeGreaterThanOrEqual(470);
    expect(run.performance.completedSamples).toBe(run.performance.issuedSamples);
    expect(run.performance.ttftMs.p50).toBeLessThan(run.performance.latencyMs.p50);
  });

  it('is asked one sample at a time in SingleStream, with the same answers', async () => {
    const run = await benchTiny('single', '--scenario', 'SingleStream', '--mode', 'performance');
    expect(run).toMatchObject({ valid: true, scenario: 'SingleStream' });
    expect(run.performance.issuedSamples).toBeGreaterThanOrEqual(100);
    expect(run.performance.completedSamples).toBe(run.performance.issuedSamples);
    expect(run.performance.ttftMs.p50).toBeLessThan(run.performance.latencyMs.p50);
    const accuracy = readOutputs('offline', 'accuracy');
    for (const [index, row] of readOutputs('single', 'performance')) {
      expect(row.output).toBe(accuracy.get(index)?.output);
    }
  });

  it('answers multiple-choice questions better than chance', async () => {
    const run = await benchTiny('mmlu', '--dataset', 'tiny-mmlu', '--target-qps', '1');
    expect(run.valid).toBe(true);
    const { metrics, standardErrors } = run.accuracy;
    expect(metrics.mmlu).toBeGreaterThan(40);
    const variance = (metrics.mmlu * (100 - metrics.mmlu)) / 47;
    expect(standardErrors.mmlu).toBeCloseTo(Math.sqrt(variance), 10);
    expect(run.performance).toMatchObject({ tokensPerSecond: null, completedSamples: 48 });
  });
});
