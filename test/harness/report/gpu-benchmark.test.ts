import { describe, expect, it } from 'vitest';
import { spreadOf } from '../../../harness/gpu-bench/figures.js';
import type { GpuBenchmark, MeasuredEngine } from '../../../harness/gpu-bench/record.js';
import { formatGpuBenchmark } from '../../../harness/report/gpu-benchmark.js';

const engine = {} as MeasuredEngine;

const record: GpuBenchmark = {
  schema: 'loadmark/bench-gpu/1',
  date: '2026-11-27T00:00:00.000Z',
  command: ['npm', 'run', 'bench:gpu'],
  commit: null,
  machine: {} as GpuBenchmark['machine'],
  gpu: 'NVIDIA H200',
  ceilings: {
    measured: { readGBs: 4445.4, matrixTflops: 793.2 },
    datasheetReadGBs: 4800,
    datasheetTflops: 989,
    absentBecause: null,
  },
  linears: [
    {
      shape: 'llama-2-7b',
      rows: 1,
      int4Us: 40.26,
      int4GBs: 2600,
      int4ReadShare: 0.585,
      int4Tflops: 10,
      int4MatrixShare: 0.0126,
      cublasFp16Us: 117,
    },
    {
      shape: 'llama-2-7b',
      rows: 4096,
      int4Us: 2300,
      int4GBs: 45,
      int4ReadShare: 0.01,
      int4Tflops: 700,
      int4MatrixShare: 0.8825,
      cublasFp16Us: null,
    },
  ],
  decode: [
    {
      model: 'llama-2-7b',
      engine,
      promptTokens: 128,
      newTokens: 256,
      tokensPerSecond: spreadOf([600, 590, 610]),
      firstTokenMs: spreadOf([5.04]),
      mbu: { ofMeasured: 0.5, ofDatasheet: 0.463 },
      peers: { gptFast: 334, llamaCpp: 360 },
    },
    { model: 'llama-2-70b', failed: 'the KV cache does not fit (ERR_OUT_OF_MEMORY)' },
  ],
  batched: [
    {
      model: 'llama-3-8b',
      engine,
      batch: 256,
      promptTokens: 222,
      newTokens: 128,
      tokensPerSecond: spreadOf([9000.4]),
      decodeTokensPerSecond: spreadOf([15000]),
      share: 0.4,
      decodeShare: 0.61,
      decodeLimit: 'read',
      preemptions: 3,
      llamaCpp: 3092,
    },
  ],
};

describe('formatGpuBenchmark', () => {
  const lines = formatGpuBenchmark(record).split('\n');
  const lineOf = (start: RegExp) => lines.find((line) => start.test(line))?.replace(/ {2,}/g, '  ');

  it('begins with the ceilings and says what the peers are', () => {
    expect(lines[0]).toBe(
      'Ceilings, NVIDIA H200: plain read 4445 GB/s, fp16 8192^3 793 TFLOP/s (datasheet: 4800 GB/s, 989 TFLOP/s)',
    );
    expect(lines.at(-1)).toMatch(/measured on one NVIDIA H200, 2026-11-22, not in this run/);
  });

  it('has each line\u2019s share of the ceiling that binds it', () => {
    expect(lineOf(/^llama-2-7b +1 /)).toBe(
      'llama-2-7b  1  40.3  2600  10.0  117.0  58.5 % of read',
    );
    expect(lineOf(/^llama-2-7b +4096/)).toMatch(/700\.0 {2}88\.3 % of matrix$/);
    expect(lineOf(/^llama-2-7b +590/)).toBe(
      "llama-2-7b  590.0  600.0  610.0  5.0  334  360  50.0 % of read, 46.3 % of the datasheet's",
    );
    expect(lineOf(/^llama-3-8b/)).toBe(
      'llama-3-8b  256  9000  40.0 %  15000  3092  61.0 % of read; 3 preempted for want of memory',
    );
  });

  it('says why a model has no figures', () => {
    expect(lineOf(/^llama-2-70b/)).toMatch(/the KV cache does not fit \(ERR_OUT_OF_MEMORY\)$/);
  });

  it('leaves out what was not asked for, and says why there are no ceilings', () => {
    const ceilings = { ...record.ceilings, measured: null, absentBecause: 'exit 2' };
    const text = formatGpuBenchmark({ ...record, ceilings, linears: [], decode: [], batched: [] });
    expect(text).toMatch(/^NVIDIA H200; ceilings not measured: exit 2; datasheet: 4800 GB\/s.*$/);
  });
});
