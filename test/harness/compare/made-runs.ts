// Run folders as `bench` writes them, with just what a test asks: the published mistakes are made of these.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface MadeSample {
  readonly id: string;
  /** Of its scheduled instant, ms. */
  readonly firstTokenMs?: number;
  readonly latencyMs: number;
  readonly promptTokens?: number;
  readonly outputTokens?: number;
  readonly scores?: Readonly<Record<string, number | boolean>>;
  /** Of the accuracy pass's answer, which its log then has. */
  readonly tokens?: readonly number[];
  readonly output?: string;
}

/** Deep changes of the record. */
export type Changes = { readonly [key: string]: unknown };

function merge(base: unknown, changes: unknown): unknown {
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject(base) || !isObject(changes)) return changes;
  const merged = { ...base };
  for (const [key, value] of Object.entries(changes)) merged[key] = merge(base[key], value);
  return merged;
}

function percentiles(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: sorted.at(-1) };
}

let stamp = Date.UTC(2026, 0, 1);

/** Writes an Offline run of these samples into `folder` and returns its path. */
export function makeRun(
  folder: string,
  samples: readonly MadeSample[],
  changes: Changes = {},
): string {
  mkdirSync(folder, { recursive: true });
  const end = Math.max(...samples.map(({ latencyMs }) => latencyMs));
  const tokens = samples.reduce((sum, { outputTokens = 10 }) => sum + outputTokens, 0);
  const firstOf = ({ firstTokenMs, latencyMs }: MadeSample) => firstTokenMs ?? latencyMs / 2;
  stamp += 60_000;
  const base = {
    schema: 'loadmark/run/1',
    id: `made-${stamp}`,
    name: 'made',
    startedAt: new Date(stamp).toISOString(),
    version: '0.1.0',
    commit: 'c0ffee',
    command: ['bench', '--scenario', 'Offline', '--output', folder],
    scenario: 'Offline',
    mode: 'submission',
    clock: 'real',
    valid: true,
    invalidReasons: [],
    remarks: [],
    interrupted: false,
    system: {
      cpu: 'a processor',
      cores: 8,
      gpus: [{ name: 'NVIDIA A100-SXM4-80GB', peakBandwidthGBs: 2039, peakTflops: 312 }],
    },
    model: {
      name: 'm',
      synthetic: false,
      architecture: 'LlamaForCausalLM',
      parameters: 8e9,
      weightBytes: 16e9,
      weightFormat: 'bf16',
      cost: null,
      digest: 'a'.repeat(64),
    },
    dataset: { name: 'd', split: 'test', digest: 'd'.repeat(64), samples: samples.length },
    sut: {
      kind: 'native',
      devices: ['cuda:0'],
      workers: 1,
      tensorParallel: 1,
      threads: 8,
      maxBatch: 1,
      kvCache: { dtype: 'fp16', bytes: 1e9 },
      features: {},
      kernels: {},
      steps: tokens,
    },
    config: {
      name: 'made',
      model: { prompt: { style: 'plain' }, generation: { maxNewTokens: 64, minNewTokens: 2 } },
      generation: { maxNewTokens: null, minNewTokens: null, temperature: 0 },
    },
    settings: { effective: { sampleIndexRngSeed: '1', qslRngSeed: '2', scheduleRngSeed: '3' } },
    performance: {
      tokensPerSecond: tokens / (end / 1000),
      samplesPerSecond: samples.length / (end / 1000),
      issuedSamples: samples.length,
      completedSamples: samples.length,
      failedSamples: 0,
      generatedTokens: tokens,
      promptTokens: samples.reduce((sum, { promptTokens = 20 }) => sum + promptTokens, 0),
      durationSeconds: end / 1000,
      latencyMs: percentiles(samples.map(({ latencyMs }) => latencyMs)),
      ttftMs: percentiles(samples.map(firstOf)),
      tpotMs: percentiles(
        samples.map(
          (sample) => (sample.latencyMs - firstOf(sample)) / ((sample.outputTokens ?? 10) - 1),
        ),
      ),
      mbu: null,
      mfu: null,
      joulesPerToken: null,
    },
    accuracy: null,
    audit: null,
  };
  writeFileSync(join(folder, 'run.json'), JSON.stringify(merge(base, changes)));
  const lines = samples.map((sample, i) => ({
    sampleId: i,
    queryId: 0,
    series: 0,
    sampleIndex: i,
    id: sample.id,
    scheduledNs: 0,
    issuedNs: 0,
    firstTokenNs: firstOf(sample) * 1e6,
    completedNs: sample.latencyMs * 1e6,
    promptTokenCount: sample.promptTokens ?? 20,
    outputTokenCount: sample.outputTokens ?? 10,
    output: sample.output ?? `answer of ${sample.id}`,
    scores: null,
    failure: null,
  }));
  const write = (name: string, rows: readonly object[]) =>
    writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  write('samples-performance.jsonl', lines);
  if (samples.some(({ scores }) => scores !== undefined)) {
    write(
      'samples-accuracy.jsonl',
      lines.map((line, i) => ({ ...line, scores: samples[i]!.scores ?? null })),
    );
  }
  if (samples.some(({ tokens }) => tokens !== undefined)) {
    const records = samples.flatMap(({ tokens = [] }, i) => {
      const data = Buffer.from(Int32Array.from(tokens).buffer).toString('hex');
      return { seq_id: i, qsl_idx: i, data, token_count: tokens.length };
    });
    mkdirSync(join(folder, 'accuracy'), { recursive: true });
    writeFileSync(join(folder, 'accuracy', 'mlperf_log_accuracy.json'), JSON.stringify(records));
  }
  return folder;
}

/** `count` samples that end one after another, `eachMs` apart. */
export function makeSamples(
  count: number,
  eachMs: number,
  scoresOf?: (i: number) => MadeSample['scores'],
) {
  return Array.from({ length: count }, (_, i): MadeSample => {
    const scores = scoresOf?.(i);
    return {
      id: `s${i}`,
      latencyMs: (i + 1) * eachMs,
      ...(scores === undefined ? {} : { scores }),
    };
  });
}
