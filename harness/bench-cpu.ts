// `npm run bench:cpu`: how close do the CPU kernels and the engine come to what this machine can do? Runs the native
// check program, which measures the limits beside its operators, then the built-in benchmark with continuous batching
// and without, interleaved; prints one table and keeps everything in one JSON file.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { runBenchProgram } from './bench-program.js';
import { collectOutput } from './child-output.js';
import { describeSystem, readCommit } from './environment.js';
import { median } from './median.js';
import { findPackageRoot } from './package-root.js';
import { formatCpuBenchmark } from './report/cpu-benchmark.js';
import type { RunRecord } from './run-record.js';
import { writeWideCheckpoint } from './wide-checkpoint.js';

/** What native/check/ops_check --time --json writes, as far as it is used here. */
export interface OperatorTimes {
  readonly schema: 'loadmark/ops/1';
  readonly isa: string;
  readonly threads: number;
  readonly limits: {
    readonly memoryReadGBs: number;
    readonly fp32MultiplyAddGops: number;
    readonly int8DotGops: number;
  };
  readonly operators: readonly {
    readonly name: string;
    readonly kernel: string;
    readonly medianUs: number;
    readonly bestUs: number;
    readonly gigabytesPerSecond: number;
    readonly gigaopsPerSecond: number;
    /** null: none applies. */
    readonly limit: string | null;
    /** Of that limit, 0..1; for memory, of a plain read of as many bytes beside each repetition. */
    readonly share: number | null;
    /** Of that plain read; only where memory is the limit. */
    readonly readMedianUs?: number;
  }[];
}

/** One engine configuration in Offline, every repeat kept. */
export interface EngineTimes {
  readonly name: string;
  readonly command: readonly string[];
  readonly tokensPerSecond: readonly number[];
  /** Arithmetic of the linears, 2 operations a weight for every token read or written, of the median repeat. */
  readonly gigaopsPerSecond: number;
  /** Of the measured int8 dot-product peak for integer weights, of the fp32 peak otherwise, 0..1. */
  readonly share: number;
  readonly limit: 'int8' | 'fp32';
}

const repeats = 3;

/** Answers of one length, whatever the model says: what is timed is decoding. */
const longAnswers = [
  '--set',
  'generation.min_new_tokens=128',
  '--set',
  'generation.max_new_tokens=128',
];

/** WIDE stands for the folder of the wide checkpoint, which each run of this program writes anew. */
const engineRuns = [
  { name: 'tiny, int4, batch 64', options: ['--config', 'optimized'], limit: 'int8' },
  {
    name: 'tiny, int4, batch 1',
    options: ['--config', 'optimized', '--max-batch', '1', '--samples', '300'],
    limit: 'int8',
  },
  {
    name: 'tiny, bf16, batch 1',
    options: ['--config', 'baseline', '--samples', '300'],
    limit: 'fp32',
  },
  {
    name: '2 layers of llama-3-8b, int4, batch 64, 128 tokens',
    options: ['--model', 'WIDE', '--samples', '64', ...longAnswers],
    limit: 'int8',
  },
  {
    name: '2 layers of llama-3-8b, int4, batch 1, 128 tokens',
    options: ['--model', 'WIDE', '--max-batch', '1', '--samples', '6', ...longAnswers],
    limit: 'int8',
  },
] as const;

async function timeOperators(root: string, scratch: string): Promise<OperatorTimes> {
  const file = join(scratch, 'ops.json');
  const program = join(root, 'native', 'build', 'check', 'ops_check');
  await collectOutput(program, ['--quick', '--time', '--json', file]);
  return JSON.parse(readFileSync(file, 'utf8')) as OperatorTimes;
}

async function timeEngine(root: string, scratch: string, limits: OperatorTimes['limits']) {
  const cli = join(root, 'dist', 'harness', 'cli.js');
  const records: RunRecord[][] = engineRuns.map(() => []);
  const commands = engineRuns.map(({ options }) => [...options, '--scenario', 'Offline']);
  const wide = join(scratch, 'wide');
  writeWideCheckpoint(wide, join(root, 'configs', 'models', 'tiny'));
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [i, options] of commands.entries()) {
      const output = join(scratch, `run-${i}-${repeat}`);
      const given = options.map((option) => (option === 'WIDE' ? wide : option));
      const args = [cli, ...given, '--mode', 'performance', '--min-duration', '0.01'];
      const text = await collectOutput(process.execPath, [
        ...args,
        '--output',
        output,
        '--quiet',
        '--json',
      ]);
      records[i]!.push(JSON.parse(text) as RunRecord);
    }
  }
  return engineRuns.map(({ name, limit }, i): EngineTimes => {
    const runs = records[i]!;
    const tokensPerSecond = runs.map((run) => run.performance?.tokensPerSecond ?? Number.NaN);
    const gigaops = runs.map((run) => linearGigaopsPerSecond(run));
    const peak = limit === 'int8' ? limits.int8DotGops : limits.fp32MultiplyAddGops;
    return {
      name: `Offline, ${name}`,
      command: ['bench', ...commands[i]!, '--mode', 'performance'],
      tokensPerSecond,
      gigaopsPerSecond: median(gigaops),
      share: median(gigaops) / peak,
      limit,
    };
  });
}

/** Every token goes through the layers' weights; the head is computed for generated tokens, the embedding for none. */
function linearGigaopsPerSecond({ performance, model }: RunRecord): number {
  const config = JSON.parse(readFileSync(join(model.path, 'config.json'), 'utf8')) as {
    readonly vocab_size: number;
    readonly hidden_size: number;
  };
  const head = config.vocab_size * config.hidden_size;
  const layers = (model.parameters ?? Number.NaN) - 2 * head;
  const generated = performance?.tokensPerSecond ?? Number.NaN;
  const read = performance?.promptTokensPerSecond ?? Number.NaN;
  return (2 * (layers * (generated + read) + head * generated)) / 1e9;
}

async function benchmarkCpu({ json }: { readonly json?: string | undefined }): Promise<void> {
  const root = findPackageRoot().folder;
  const stamp = new Date().toISOString().replaceAll(':', '');
  const file = resolve(json ?? join(root, 'results', 'bench-cpu', `${stamp}.json`));
  const scratch = mkdtempSync(join(tmpdir(), 'loadmark-bench-cpu-'));
  try {
    process.stderr.write('checking and timing the operators (a minute or two)\n');
    const operators = await timeOperators(root, scratch);
    process.stderr.write(`timing the engine, ${repeats} repeats\n`);
    const engine = await timeEngine(root, scratch, operators.limits);
    const record = {
      schema: 'loadmark/bench-cpu/1',
      startedAt: new Date().toISOString(),
      command: ['npm', 'run', 'bench:cpu'],
      commit: await readCommit(root),
      system: await describeSystem(),
      operators,
      engine,
    };
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(record, null, 1)}\n`);
    process.stdout.write(`${formatCpuBenchmark(operators, engine)}\nFile  ${file}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

process.exitCode = await runBenchProgram(
  {
    name: 'bench:cpu',
    usage: '[--json FILE]',
    options: { json: { type: 'string' } },
    run: benchmarkCpu,
  },
  process.argv.slice(2),
);
