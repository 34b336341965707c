// How much does a number of workers serve? Runs `bench` in a process of its own and reads the record it leaves.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunRecord } from '../run-record.js';
import type { ThroughputRun } from './record.js';

/** How a model is served, on however many workers. */
export interface ServedModel {
  readonly name: string;
  /** Samples of an Offline query for each worker: enough that the longest answers are not the most of it. */
  readonly samplesPerWorker: number;
  readonly maxBatch: number;
  readonly maxStepTokens: number;
}

/** @throws Error when `bench` leaves no record; an INVALID run is a result. */
export async function measureOffline(
  root: string,
  model: ServedModel,
  devices: readonly string[],
): Promise<ThroughputRun> {
  const samples = model.samplesPerWorker * devices.length;
  return runBench(root, model, devices, [
    ...['--scenario', 'Offline', '--dataset', `synthetic:openorca:${samples}`],
    ...['--set', 'offline.min_duration_s=1'],
  ]);
}

/** @param seconds that the rate is kept for */
export async function measureServer(
  root: string,
  model: ServedModel,
  devices: readonly string[],
  targetQps: number,
  seconds: number,
): Promise<ThroughputRun & { readonly targetQps: number }> {
  const run = await runBench(root, model, devices, [
    ...['--scenario', 'Server', '--target-qps', String(targetQps)],
    ...['--dataset', 'synthetic:openorca:4000', '--set', `server.min_duration_s=${seconds}`],
    ...['--set', 'server.min_query_count=100'],
    ...['--set', 'server.ttft_ms=2000', '--set', 'server.tpot_ms=100'],
  ]);
  return { ...run, targetQps };
}

async function runBench(
  root: string,
  { name, maxBatch, maxStepTokens }: ServedModel,
  devices: readonly string[],
  asked: readonly string[],
): Promise<ThroughputRun> {
  const scratch = mkdtempSync(join(tmpdir(), 'loadmark-multi-gpu-'));
  const folder = join(scratch, 'run');
  const args = [
    ...['--mode', 'performance', '--model', `synthetic:${name}`, '--device', devices.join(',')],
    ...[
      '--set',
      `engine.max_batch=${maxBatch}`,
      '--set',
      `engine.max_step_tokens=${maxStepTokens}`,
    ],
    ...asked,
    ...['--output', folder, '--quiet'],
  ];
  process.stderr.write(`bench ${args.join(' ')}\n`);
  try {
    await waitForEnd(join(root, 'dist', 'harness', 'cli.js'), args);
    return describeRun(JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunRecord);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Whatever the exit status: an INVALID run has one of its own, and its record. */
function waitForEnd(program: string, args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.on('error', fail);
    child.on('close', () => done());
  });
}

function describeRun({ valid, invalidReasons, performance, sut }: RunRecord): ThroughputRun {
  const { tokensPerSecond, samplesPerSecond, durationSeconds } = performance!;
  const workers = sut?.workers ?? [];
  return {
    devices: (sut?.devices ?? []).join(','),
    valid: valid === true,
    invalidReasons,
    tokensPerSecond: tokensPerSecond ?? Number.NaN,
    samplesPerSecond: samplesPerSecond ?? Number.NaN,
    seconds: durationSeconds ?? Number.NaN,
    busyShares: workers.map(({ busyShare }) => busyShare),
    samples: workers.map(({ samples }) => samples),
  };
}
