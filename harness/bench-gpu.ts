// `npm run bench:gpu`: how close do the INT4 linears and the engine come to what this GPU can do? The native check program
// measures the ceilings and the linears, then each model of random weights decodes alone and in static batches, in a
// process of its own; prints one table and keeps everything in one JSON file.
//
//   --models a,b    of llama-2-7b, llama-3-8b, llama-2-70b (these by default), aquila2-34b
//   --only a,b      of linears, decode, batched; the ceilings are measured in every run
//   --quick         fewer repeats and batch sizes

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { hostFeatures } from '../native/index.js';
import { runBenchProgram } from './bench-program.js';
import { collectOutput } from './child-output.js';
import { describeSystem, readCommit } from './environment.js';
import { InputError, messageOf } from './errors.js';
import {
  type BatchedLine,
  type Ceilings,
  type DecodeLine,
  describeBatchedRuns,
  describeDecodeRuns,
  type EngineMeasurement,
  type FailedLine,
  type GpuBenchmark,
  type LinearsLine,
} from './gpu-bench/record.js';
import { findPackageRoot } from './package-root.js';
import { findDatasheet } from './peak-rates.js';
import { formatGpuBenchmark } from './report/gpu-benchmark.js';

const allModels = ['llama-2-7b', 'llama-3-8b', 'llama-2-70b', 'aquila2-34b'];
const allParts = ['linears', 'decode', 'batched'];

/** How often, and which batches. */
interface Effort {
  readonly decodeRepeats: number;
  readonly batchedRepeats: number;
  readonly batches: readonly number[];
}

const whole: Effort = { decodeRepeats: 5, batchedRepeats: 3, batches: [1, 8, 32, 64, 128, 256] };
const quick: Effort = { decodeRepeats: 2, batchedRepeats: 1, batches: [1, 32, 256] };

/** @throws InputError naming the one that is not allowed. */
function pickNames(option: string, given: string | undefined, allowed: readonly string[]) {
  const names = given?.split(',') ?? [];
  const stranger = names.find((name) => !allowed.includes(name));
  if (stranger === undefined) return names;
  const message = `is "${stranger}"; allowed: ${allowed.join(', ')}`;
  throw new InputError([{ where: `--${option}`, message }]);
}

/** The one GPU that is measured, cuda:0. */
function requireGpu(): string {
  const { devices, reason } = hostFeatures().cuda;
  if (devices[0] === undefined) {
    throw new InputError([{ where: 'cuda:0', message: `there is no GPU to measure: ${reason}` }]);
  }
  return devices[0].name;
}

/** What cuda_check writes with --json. */
interface KernelTimes {
  readonly readGBs: number;
  readonly matrixTflops: number;
  readonly int4Linears: readonly LinearsLine[];
}

async function measureKernels(root: string, gpu: string, scratch: string, linears: boolean) {
  const datasheet = findDatasheet(gpu);
  const sheet = {
    datasheetReadGBs: datasheet.peakBandwidthGBs,
    datasheetTflops: datasheet.peakTflops,
  };
  const program = join(root, 'native', 'build', 'check', 'cuda_check');
  const file = join(scratch, 'kernels.json');
  process.stderr.write(`measuring the ceilings${linears ? ' and the linears' : ''}\n`);
  try {
    const what = linears ? '--time' : '--ceilings';
    await collectOutput(program, ['--no-check', what, '--json', file]);
    const { int4Linears, ...measured } = JSON.parse(readFileSync(file, 'utf8')) as KernelTimes;
    const { readGBs, matrixTflops } = measured;
    const ceilings: Ceilings = {
      measured: { readGBs, matrixTflops },
      ...sheet,
      absentBecause: null,
    };
    return { ceilings, linears: int4Linears };
  } catch (error) {
    const ceilings: Ceilings = { measured: null, ...sheet, absentBecause: messageOf(error) };
    return { ceilings, linears: [] };
  }
}

/** A model that does not load, or whose process ends, is a line that says so. */
async function measureEngine(
  root: string,
  model: string,
  args: readonly string[],
): Promise<EngineMeasurement | FailedLine> {
  const [kind = '', ...rest] = args;
  process.stderr.write(`${kind}: ${model}\n`);
  const program = join(root, 'dist', 'harness', 'gpu-bench', 'engine-measurement.js');
  try {
    const text = await collectOutput(process.execPath, [program, kind, model, ...rest]);
    return JSON.parse(text) as EngineMeasurement | FailedLine;
  } catch (error) {
    return { model, failed: messageOf(error) };
  }
}

async function measureDecode(
  root: string,
  models: readonly string[],
  effort: Effort,
  ceilings: Ceilings,
): Promise<(DecodeLine | FailedLine)[]> {
  const lines: (DecodeLine | FailedLine)[] = [];
  for (const model of models) {
    const result = await measureEngine(root, model, ['decode', String(effort.decodeRepeats)]);
    lines.push('failed' in result ? result : describeDecodeRuns(model, result, ceilings));
  }
  return lines;
}

async function measureBatched(
  root: string,
  models: readonly string[],
  effort: Effort,
  ceilings: Ceilings,
): Promise<(BatchedLine | FailedLine)[]> {
  const lines: (BatchedLine | FailedLine)[] = [];
  const args = ['batched', String(effort.batchedRepeats), effort.batches.join(',')];
  for (const model of models) {
    const result = await measureEngine(root, model, args);
    lines.push(...('failed' in result ? [result] : describeBatchedRuns(model, result, ceilings)));
  }
  return lines;
}

interface Values {
  readonly models?: string | undefined;
  readonly only?: string | undefined;
  readonly json?: string | undefined;
  readonly quick?: boolean | undefined;
}

function readValues(values: Values) {
  const models = pickNames('models', values.models, allModels);
  const only = pickNames('only', values.only, allParts);
  const given = [
    ...(values.models === undefined ? [] : ['--models', values.models]),
    ...(values.only === undefined ? [] : ['--only', values.only]),
    ...(values.quick === true ? ['--quick'] : []),
  ];
  return {
    models: models.length > 0 ? models : allModels.slice(0, 3),
    parts: only.length > 0 ? only : allParts,
    effort: values.quick === true ? quick : whole,
    json: values.json,
    command: ['npm', 'run', 'bench:gpu', ...(given.length > 0 ? ['--', ...given] : [])],
  };
}

async function benchmarkGpu(values: Values): Promise<void> {
  const { models, parts, effort, json, command } = readValues(values);
  const gpu = requireGpu();
  const root = findPackageRoot().folder;
  const date = new Date().toISOString();
  const file = resolve(
    json ?? join(root, 'results', 'bench-gpu', `${date.replaceAll(':', '')}.json`),
  );
  const scratch = mkdtempSync(join(tmpdir(), 'loadmark-bench-gpu-'));
  try {
    const kernels = await measureKernels(root, gpu, scratch, parts.includes('linears'));
    const { ceilings } = kernels;
    const wanted = (part: string) => (parts.includes(part) ? models : []);
    const record: GpuBenchmark = {
      schema: 'loadmark/bench-gpu/1',
      date,
      command,
      commit: await readCommit(root),
      machine: await describeSystem(),
      gpu,
      ceilings,
      linears: kernels.linears.filter(({ shape }) => models.includes(shape)),
      decode: await measureDecode(root, wanted('decode'), effort, ceilings),
      batched: await measureBatched(root, wanted('batched'), effort, ceilings),
    };
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(record, null, 1)}\n`);
    process.stdout.write(`${formatGpuBenchmark(record)}\nFile  ${file}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

process.exitCode = await runBenchProgram(
  {
    name: 'bench:gpu',
    usage: '[--models A,B] [--only linears,decode,batched] [--json FILE] [--quick]',
    options: {
      models: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'string' },
      quick: { type: 'boolean' },
    },
    run: benchmarkGpu,
  },
  process.argv.slice(2),
);
