import { describe, expect, it } from 'vitest';
import type { Histogram } from '../../../harness/histogram.js';
import { formatSummary } from '../../../harness/report/summary.js';
import type { RunRecord } from '../../../harness/run-record.js';

function flat(value: number): Histogram {
  const names = ['mean', 'p50', 'p90', 'p95', 'p97', 'p99', 'p99_9', 'max'] as const;
  return Object.fromEntries(names.map((name) => [name, value])) as unknown as Histogram;
}

/** What the summary reads of a record. */
function recordWith(remarks: readonly string[]): RunRecord {
  const target = { kind: 'at-least', reference: 50, factor: 0.99, threshold: 49.5 } as const;
  const steps = {
    steps: 120,
    occupancy: 3.456789,
    kvPeakShare: 0.5,
    preemptions: 2,
    deviceBusyShare: null,
  };
  const record = {
    name: 'made up',
    scenario: 'Server',
    mode: 'submission',
    valid: true,
    invalidReasons: [],
    remarks,
    model: { name: 'little', weightFormat: 'bf16' },
    dataset: { name: 'tiny-orca' },
    system: { cpu: 'a processor', cores: 2 },
    sut: {
      kind: 'native',
      devices: ['cpu'],
      threads: 2,
      maxBatch: 4,
      kvCache: null,
      features: {},
      ...steps,
    },
    performance: {
      samplesPerSecond: 10,
      tokensPerSecond: 320.123,
      promptTokensPerSecond: null,
      completedSamples: 99,
      issuedSamples: 100,
      failedSamples: 1,
      durationSeconds: 9.96,
      latencyMs: flat(12.3456),
      ttftMs: null,
      tpotMs: null,
      issueLagUs: flat(10),
      mbu: 0.6123,
      mfu: null,
      peakSearch: null,
      load: { stealShare: 0.1 },
    },
    accuracy: {
      metrics: { rouge1: 60, rouge2: 40, genLen: 1234 },
      standardErrors: { rouge1: 1.2345 },
      targets: [
        { ...target, metric: 'rouge1', upperThreshold: null, value: 60, pass: true },
        { ...target, metric: 'rouge2', upperThreshold: 51, value: 40, pass: false },
        { ...target, metric: 'mmlu', upperThreshold: null, value: null, pass: false },
      ],
      samplesScored: 100,
    },
    audit: null,
  };
  return record as unknown as RunRecord;
}

describe('formatSummary', () => {
  it('says pass or FAIL of every target, and shows what has none', () => {
    const text = formatSummary(recordWith([]), '/somewhere', false);
    expect(text).toMatch(/^VALID {2}made up: little on tiny-orca, Server, submission\n/);
    expect(text).toMatch(/rouge1 +60 ± 1\.2 +\(target 49\.5\) {2}pass\n/);
    expect(text).toMatch(/rouge2 +40 +\(target 49\.5 to 51\) {2}FAIL\n/);
    expect(text).toMatch(/genLen +1234\n/);
    expect(text).toMatch(/mmlu +none +\(target 49\.5\) {2}FAIL\n/);
    expect(text).toContain('99 of 100 samples answered, 1 failed in 9.96 s');
    expect(text).toContain('the hypervisor gave 10 %');
    expect(text).toContain('\n            MBU 61.2 % of the peak bandwidth (datasheet)\n');
    expect(text).toContain(
      '120 steps, 3.457 sequences a step, KV cache up to 50 % full since it was loaded, 2 preemp',
    );
    expect(text).toMatch(/Files +\/somewhere\n$/);
  });

  it('says of several workers what is of each, and counts one as one', () => {
    const record = recordWith([]);
    const worker = {
      failure: null,
      promptTokens: 9,
      occupancy: 1,
      kvPeakShare: 0.11,
      busyShare: null,
    };
    const workers = [
      { ...worker, devices: ['cpu'], samples: 1, generatedTokens: 2, steps: 1 },
      { ...worker, devices: ['cpu'], samples: 2, generatedTokens: 1, steps: 2 },
    ];
    const sut = { ...record.sut!, devices: ['cpu', 'cpu'], tensorParallel: 1, workers };
    const text = formatSummary({ ...record, sut } as unknown as RunRecord, '/x', false);
    expect(text).toContain('System      native, cpu, cpu, 2 threads, batch 4 each, bf16\n');
    const rest = 'of prompts, ';
    const cache = '1 sequences a step, KV cache up to 11 % since it was loaded\n';
    expect(text).toContain(`worker 0 (cpu): 1 sample, 2 tokens after 9 ${rest}1 step, ${cache}`);
    expect(text).toContain(`worker 1 (cpu): 2 samples, 1 token after 9 ${rest}2 steps, ${cache}`);
    expect(formatSummary(record, '/x', false)).toContain('2 threads, batch 4, bf16\n');
  });

  it('puts what a reader should know right below the verdict', () => {
    const text = formatSummary(recordWith(['The load generator was late.']), '/x', false);
    expect(text.split('\n').slice(0, 2).join('\n')).toMatch(
      /VALID.*\n {2}The load generator was late\./,
    );
  });

  it('prints no figure that is none: answers in no time at all have no rate', () => {
    const record = recordWith([]);
    const performance = {
      ...record.performance!,
      samplesPerSecond: Infinity,
      tokensPerSecond: NaN,
    };
    const text = formatSummary({ ...record, performance }, '/somewhere', false);
    expect(text).toContain('\nThroughput  not measured\n');
    expect(text).not.toMatch(/Infinity|NaN/);
  });

  it('tells the rates of a search apart, and whether it found one', () => {
    const probes = [1000.03, 1000.04, 500].map((qps) => ({
      qps,
      passed: qps < 1000.04,
      series: 0,
    }));
    const search = (peakQps: number | null) => {
      const record = recordWith([]);
      const performance = { ...record.performance!, peakSearch: { peakQps, probes } };
      const found = { ...record, mode: 'find-peak', valid: peakQps !== null, performance };
      return formatSummary(found, '/somewhere', false);
    };
    expect(search(1000.03)).toMatch(/^PEAK FOUND {2}/);
    expect(search(1000.03)).toContain('\nPeak        1000.03 queries/s keep the latency limits\n');
    expect(search(1000.03)).toContain('tried: 1000.03 yes, 1000.04 no, 500 yes\n');
    expect(search(null)).toMatch(/^NO PEAK {2}/);
  });
});
