// `npm run bench:multi-gpu`: what do several devices give over one? Replicas answer an Offline query of OpenOrca's lengths,
// as many samples a worker on one as on all; a group of tensor-parallel ranks answers one request at a time. Runs of one
// and of all replicas take turns, each run has a process of its own; prints a table and keeps everything in one JSON file.
//
//   --devices cuda:0,1        as --device of bench; all GPUs by default
//   --models a,b              of llama-2-7b, llama-3-8b, llama-2-70b; llama-3-8b and llama-2-70b by default
//   --only a,b                of replicas, server, tensor-parallel; server needs --server-qps
//   --server-qps A,B          queries a second of one worker, tried in rising order up to the first that is INVALID; all
//                             are then asked for 1.9 / 2 of the highest VALID one each, and for the whole of it
//   --turns N                 of one and of all replicas, 2 by default
//   --quick                   one turn, fewer samples

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type DeviceName, hostFeatures } from '../native/index.js';
import { runBenchProgram } from './bench-program.js';
import { collectOutput } from './child-output.js';
import { resolveDevices } from './device.js';
import { describeSystem, readCommit } from './environment.js';
import { InputError, messageOf, SystemUnderTestError } from './errors.js';
import type { Answers, EngineMeasurement, FailedLine } from './gpu-bench/record.js';
import { climbRates } from './multi-gpu-bench/rate-climb.js';
import {
  describeReplicas,
  describeServers,
  describeTensorParallel,
  type LatencyMeasurement,
  type MultiGpuBenchmark,
  type ReplicasLine,
  type ServerLine,
  type TensorParallelLine,
} from './multi-gpu-bench/record.js';
import { measureOffline, measureServer, type ServedModel } from './multi-gpu-bench/throughput.js';
import { findPackageRoot } from './package-root.js';
import { formatMultiGpuBenchmark } from './report/multi-gpu-benchmark.js';

const allParts = ['replicas', 'server', 'tensor-parallel'];

/** As much as an H100 of 80 GB holds of each. */
const served: readonly ServedModel[] = [
  { name: 'llama-2-7b', samplesPerWorker: 2000, maxBatch: 256, maxStepTokens: 2048 },
  { name: 'llama-3-8b', samplesPerWorker: 4000, maxBatch: 1024, maxStepTokens: 2048 },
  { name: 'llama-2-70b', samplesPerWorker: 600, maxBatch: 384, maxStepTokens: 1024 },
];

interface Plan {
  readonly devices: readonly string[];
  readonly models: readonly ServedModel[];
  readonly parts: readonly string[];
  readonly serverQps: readonly number[];
  readonly turns: number;
  readonly repeats: number;
  readonly serverSeconds: number;
}

async function measureReplicas(root: string, model: ServedModel, plan: Plan) {
  const [one, all]: [ReplicasLine['one'][number][], ReplicasLine['all'][number][]] = [[], []];
  for (let turn = 0; turn < plan.turns; turn++) {
    one.push(await measureOffline(root, model, plan.devices.slice(0, 1)));
    all.push(await measureOffline(root, model, plan.devices));
  }
  const { name, samplesPerWorker, maxBatch } = model;
  return describeReplicas({ model: name, samplesPerWorker, maxBatch }, one, all);
}

async function measureServers(root: string, model: ServedModel, plan: Plan): Promise<ServerLine> {
  const { devices, serverQps, serverSeconds: seconds } = plan;
  const measureOn = (names: readonly string[]) => (qps: number) =>
    measureServer(root, model, names, qps, seconds);
  const [one, all] = [measureOn(devices.slice(0, 1)), measureOn(devices)];
  const runs = await climbRates(serverQps, devices.length, one, all);
  return describeServers({ model: model.name, seconds }, runs.one, runs.all);
}

async function measureLatency(
  root: string,
  model: string,
  devices: readonly string[],
  repeats: number,
): Promise<LatencyMeasurement> {
  const program = join(root, 'dist', 'harness', 'gpu-bench', 'engine-measurement.js');
  const measure = async <T extends object>(kind: string): Promise<T> => {
    process.stderr.write(`${kind}: ${model} on ${devices.join(', ')}\n`);
    const args = [program, kind, model, String(repeats), devices.join(',')];
    const result = JSON.parse(await collectOutput(process.execPath, args)) as T | FailedLine;
    if ('failed' in result) throw new Error(result.failed);
    return result;
  };
  return {
    decode: await measure<EngineMeasurement>('decode'),
    prefill: await measure<EngineMeasurement>('prefill'),
    answers: await measure<Answers>('answers'),
  };
}

async function measureTensorParallel(
  root: string,
  { name }: ServedModel,
  { devices, repeats }: Plan,
): Promise<TensorParallelLine> {
  const one = await measureLatency(root, name, devices.slice(0, 1), repeats);
  const all = await measureLatency(root, name, devices, repeats);
  return describeTensorParallel(name, devices.length, one, all);
}

/** A model that does not load is a line that says so. */
async function measureEach<T>(
  plan: Plan,
  part: string,
  measure: (model: ServedModel) => Promise<T>,
): Promise<(T | FailedLine)[]> {
  const lines: (T | FailedLine)[] = [];
  for (const model of plan.parts.includes(part) ? plan.models : []) {
    try {
      lines.push(await measure(model));
    } catch (error) {
      lines.push({ model: model.name, failed: messageOf(error) });
    }
  }
  return lines;
}

interface Values {
  readonly devices?: string | undefined;
  readonly models?: string | undefined;
  readonly only?: string | undefined;
  readonly 'server-qps'?: string | undefined;
  readonly turns?: string | undefined;
  readonly json?: string | undefined;
  readonly quick?: boolean | undefined;
}

function refuse(option: string, message: string): never {
  throw new InputError([{ where: `--${option}`, message }]);
}

function pickNames(option: string, given: string, allowed: readonly string[]): string[] {
  const names = given.split(',');
  const stranger = names.find((name) => !allowed.includes(name));
  if (stranger !== undefined) {
    refuse(option, `is "${stranger}"; allowed: ${allowed.join(', ')}`);
  }
  return names;
}

function pickDevices(given: string | undefined): readonly DeviceName[] {
  const { devices: gpus, reason } = hostFeatures().cuda;
  if (given === undefined && gpus.length < 2) {
    const found = gpus.length === 0 ? `no GPU: ${reason}` : 'one GPU';
    refuse('devices', `is not given, and there is ${found}; allowed: two GPUs or more`);
  }
  const { devices, refusal } = resolveDevices(given ?? 'cuda:all', hostFeatures);
  if (devices === null) refuse('devices', refusal);
  if (devices.length < 2) refuse('devices', `is "${devices.join(',')}"; allowed: two or more`);
  return devices;
}

const rising = 'rising numbers above 0 with commas between them';

function readRates(given: string | undefined): number[] {
  if (given === undefined) return [];
  const rates = given.split(',').map(Number);
  const areRising = rates.every((rate, i) => rate > (rates[i - 1] ?? 0) && Number.isFinite(rate));
  if (!areRising) refuse('server-qps', `is "${given}"; allowed: ${rising}`);
  return rates;
}

function readTurns(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const turns = Number(given);
  const isAllowed = Number.isInteger(turns) && turns >= 1 && turns <= 100;
  if (!isAllowed) refuse('turns', `is "${given}"; allowed: 1 to 100`);
  return turns;
}

function readPlan(values: Values): Plan {
  const only = values.only ?? 'replicas,tensor-parallel';
  const parts = pickNames('only', only, allParts);
  const serverQps = readRates(values['server-qps']);
  if (parts.includes('server') && serverQps.length === 0) {
    refuse('server-qps', `is missing; allowed: rates of one worker, ${rising}`);
  }
  if (!parts.includes('server') && serverQps.length > 0) {
    refuse('server-qps', `is "${values['server-qps']}" without --only server; allowed: with it`);
  }
  const names = served.map(({ name }) => name);
  const models = pickNames('models', values.models ?? 'llama-3-8b,llama-2-70b', names);
  const devices = pickDevices(values.devices);
  if (parts.includes('tensor-parallel') && devices.includes('cpu')) {
    refuse(
      'devices',
      `is "${devices.join(',')}", and random weights are split over GPUs alone; allowed: GPUs, or --only replicas`,
    );
  }
  const isQuick = values.quick === true;
  const fewer = (model: ServedModel) =>
    isQuick ? { ...model, samplesPerWorker: Math.ceil(model.samplesPerWorker / 4) } : model;
  return {
    devices,
    models: served.filter(({ name }) => models.includes(name)).map(fewer),
    parts,
    serverQps,
    turns: readTurns(values.turns) ?? (isQuick ? 1 : 2),
    repeats: isQuick ? 3 : 5,
    serverSeconds: isQuick ? 30 : 60,
  };
}

async function benchmarkMultiGpu(values: Values): Promise<void> {
  const plan = readPlan(values);
  const root = findPackageRoot().folder;
  const date = new Date().toISOString();
  const name = `${date.replaceAll(':', '')}.json`;
  const file = resolve(values.json ?? join(root, 'results', 'bench-multi-gpu', name));
  const record: MultiGpuBenchmark = {
    schema: 'loadmark/bench-multi-gpu/2',
    date,
    command: ['npm', 'run', 'bench:multi-gpu', '--', ...process.argv.slice(2)],
    commit: await readCommit(root),
    machine: await describeSystem(),
    devices: plan.devices,
    replicas: await measureEach(plan, 'replicas', (model) => measureReplicas(root, model, plan)),
    server: await measureEach(plan, 'server', (model) => measureServers(root, model, plan)),
    tensorParallel: await measureEach(plan, 'tensor-parallel', (model) =>
      measureTensorParallel(root, model, plan),
    ),
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(record, null, 1)}\n`);
  process.stdout.write(`${formatMultiGpuBenchmark(record)}\nFile  ${file}\n`);
  const failed = [...record.replicas, ...record.server, ...record.tensorParallel].filter(
    (line) => 'failed' in line,
  );
  if (failed.length > 0) {
    const lines = failed.map((line) => `${line.model}: ${line.failed}`);
    throw new SystemUnderTestError(`not measured: ${lines.join('; ')}`);
  }
}

process.exitCode = await runBenchProgram(
  {
    name: 'bench:multi-gpu',
    usage:
      '[--devices A,B] [--models A,B] [--only replicas,server,tensor-parallel] [--server-qps A,B] [--turns N] [--json FILE] [--quick]',
    options: {
      devices: { type: 'string' },
      models: { type: 'string' },
      only: { type: 'string' },
      'server-qps': { type: 'string' },
      turns: { type: 'string' },
      json: { type: 'string' },
      quick: { type: 'boolean' },
    },
    run: benchmarkMultiGpu,
  },
  process.argv.slice(2),
);
