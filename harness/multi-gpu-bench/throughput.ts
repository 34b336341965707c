// How much does a number of workers serve? Runs `bench` in a process of its own and reads the record it leaves.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PerformanceRecord } from '../performance-record.js';
import type { RunRecord } from '../run-record.js';
import type { ServerRun, ThroughputRun } from './record.js';

/** How a model is served, on however many workers. */
export interface ServedModel {
  readonly name: string;
  /** Samples of an Offline query for each worker: enough that the longest answers are not the most of it. */
  readonly samplesPerWorker: number;
  readonly maxBatch: number;
  readonly maxStepTokens: number;
}

/** @throws Error with the exit status when `bench` leaves no figures; an INVALID run is a result. */
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
): Promise<ServerRun> {
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
    const status = await waitForEnd(join(root, 'dist', 'harness', 'cli.js'), args);
    return readRun(join(folder, 'run.json'), status);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** "exit status 3", or the signal that ended it. */
function waitForEnd(program: string, args: readonly string[]): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.on('error', fail);
    child.on('close', (code, signal) => done(code === null ? `${signal}` : `exit status ${code}`));
  });
}

/** Whatever the status: an INVALID run has one of its own, and its record. */
function readRun(file: string, status: string): ThroughputRun {
  if (!existsSync(file)) throw new Error(`bench ended with ${status} and left no run.json`);
  const record = JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
  const { performance, invalidReasons } = record;
  if (performance !== null) return describeRun(record, performance);
  throw new Error([`bench ended with ${status}`, ...invalidReasons].join('; '));
}

function describeRun(
  { valid, invalidReasons, sut }: RunRecord,
  { tokensPerSecond, samplesPerSecond, durationSeconds }: PerformanceRecord,
): ThroughputRun {
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
