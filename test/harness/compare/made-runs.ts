// Run folders of known figures, where a test asks for times or scores that no script has: the record is that of a run of
// the engine, the samples are the test's.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SampleEvidence } from '../../../harness/evidence.js';
import { buildHistogram } from '../../../harness/histogram.js';
import type { PerformanceRecord } from '../../../harness/performance-record.js';
import { RunFolder } from '../../../harness/run-folder.js';
import type { RunRecord } from '../../../harness/run-record.js';
import type { PassName } from '../../../harness/test-settings.js';
import { callBench } from '../bench-call.js';
import { type Changes, merge, readRecord, ScriptedRuns } from './scripted-runs.js';

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

const record = await makeRecord();
/** Made samples are of no dataset that could be opened. */
const { dataset: _, ...ownConfig } = record.config;

/** What `bench` writes today of a run of the engine: all that a made run does not say itself is this run's. */
async function makeRecord(): Promise<RunRecord> {
  const runs = new ScriptedRuns();
  try {
    const output = runs.place('engine');
    const short = ['--samples', '2', '--target-qps', '1', '--min-duration', '0', '--no-report'];
    const call = ['--config', 'baseline', ...short, '--set', 'telemetry.period_ms=0', '--quiet'];
    const { code, stderr } = await callBench(...call, '--output', output);
    if (code !== 0 && code !== 4) throw new Error(`bench ended with ${code}: ${stderr}`);
    return readRecord(output);
  } finally {
    runs.remove();
  }
}

let stamp = Date.UTC(2026, 0, 1);

/**
 * Writes an Offline run of these samples into `folder` and returns its path.
 * @param config as run.json has it
 */
export function makeRun(
  folder: string,
  samples: readonly MadeSample[],
  changes: Changes = {},
  config: unknown = ownConfig,
): string {
  mkdirSync(folder, { recursive: true });
  stamp += 60_000;
  const made = {
    ...record,
    id: `made-${stamp}`,
    name: 'made',
    startedAt: new Date(stamp).toISOString(),
    command: ['bench', '--scenario', 'Offline', '--output', folder],
    dataset: { ...record.dataset, name: 'd', digest: 'd'.repeat(64), samples: samples.length },
    config,
    performance: { ...record.performance, ...measure(samples) },
    accuracy: null,
  };
  writeFileSync(join(folder, 'run.json'), JSON.stringify(merge(made, changes)));
  const lines = samples.map(
    (sample, i): SampleEvidence => ({
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
    }),
  );
  const write = (pass: PassName, rows: readonly SampleEvidence[]) =>
    writeFileSync(
      new RunFolder(folder).samples(pass),
      rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
    );
  write('performance', lines);
  if (samples.some(({ scores }) => scores !== undefined)) {
    write(
      'accuracy',
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

const firstOf = ({ firstTokenMs, latencyMs }: MadeSample) => firstTokenMs ?? latencyMs / 2;

/** run.json's figures of these samples. */
function measure(samples: readonly MadeSample[]): Partial<PerformanceRecord> {
  const seconds = Math.max(...samples.map(({ latencyMs }) => latencyMs)) / 1000;
  const sumOf = (of: (sample: MadeSample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0);
  const generatedTokens = sumOf(({ outputTokens = 10 }) => outputTokens);
  const promptTokens = sumOf(({ promptTokens: count = 20 }) => count);
  const perToken = (sample: MadeSample) =>
    (sample.latencyMs - firstOf(sample)) / ((sample.outputTokens ?? 10) - 1);
  return {
    tokensPerSecond: generatedTokens / seconds,
    samplesPerSecond: samples.length / seconds,
    promptTokensPerSecond: promptTokens / seconds,
    issuedSamples: samples.length,
    completedSamples: samples.length,
    failedSamples: 0,
    generatedTokens,
    promptTokens,
    durationSeconds: seconds,
    latencyMs: buildHistogram(
      samples.map(({ latencyMs }) => latencyMs),
      1,
    ),
    ttftMs: buildHistogram(samples.map(firstOf), 1),
    tpotMs: buildHistogram(samples.map(perToken), 1),
  };
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
