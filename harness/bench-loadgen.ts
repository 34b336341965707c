// `npm run bench:loadgen`: how fast is LoadGen, how much memory does it hold, and how late are its queries? Runs each
// measurement several times in turn, each in a process of its own, with MLCommons' C++ LoadGen beside it where somebody
// built one; prints one table and keeps everything in one JSON file.
//
// `--peer PROGRAM` names a program that drives another LoadGen with a system that answers at once. It is called as
// `PROGRAM single|server|offline QPS DURATION_MS FOLDER` and leaves LoadGen's mlperf_log_summary.txt in FOLDER.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { runBenchProgram } from './bench-program.js';
import { collectOutput } from './child-output.js';
import { describeSystem, readCommit, type System } from './environment.js';
import { InputError } from './errors.js';
import type { Measurement } from './loadgen-measurement.js';
import { findPackageRoot } from './package-root.js';
import { formatLoadgenBenchmark } from './report/loadgen-benchmark.js';
import type { RunRecord } from './run-record.js';

/** A figure over all repeats, in their order. */
export interface LoadgenFigure {
  readonly measurement: string;
  /** Its unit is at its end. */
  readonly name: string;
  readonly values: readonly number[];
}

/** `loadmark/bench-loadgen/1` */
export interface LoadgenBenchmark {
  readonly schema: 'loadmark/bench-loadgen/1';
  readonly startedAt: string;
  readonly command: readonly string[];
  readonly commit: string | null;
  readonly system: System;
  readonly repeats: number;
  readonly figures: readonly LoadgenFigure[];
  /** null where no --peer was given. */
  readonly peer: { readonly program: string; readonly figures: readonly LoadgenFigure[] } | null;
}

const repeated = ['single-stream', 'server', 'offline', 'issue-lag-1000', 'issue-lag-10000'];

/** What a peer is asked for beside ours: scenario, queries/s, ms. Flat-out Server is a rate that none keeps. */
const peerArguments: Readonly<Record<string, readonly string[]>> = {
  'single-stream': ['single', '0', '0'],
  offline: ['offline', '0', '0'],
  'issue-lag-1000': ['server', '1000', '5000'],
  'issue-lag-10000': ['server', '10000', '5000'],
};

type Runs = Map<string, Measurement[]>;

function addRun(runs: Runs, name: string, measurement: Measurement): void {
  const earlier = runs.get(name) ?? [];
  runs.set(name, [...earlier, measurement]);
}

function listFigures(runs: Runs): LoadgenFigure[] {
  return [...runs].flatMap(([measurement, results]) =>
    Object.keys(results[0]!).map((name) => {
      return { measurement, name, values: results.map((result) => result[name] ?? Number.NaN) };
    }),
  );
}

async function measure(root: string, name: string): Promise<Measurement> {
  const program = join(root, 'dist', 'harness', 'loadgen-measurement.js');
  const text = await collectOutput(process.execPath, ['--expose-gc', program, name]);
  return JSON.parse(text) as Measurement;
}

/** The built-in engine on one thread, asked 200 times a second: its events share the thread that issues. */
async function measureEngine(root: string, folder: string): Promise<Measurement> {
  const cli = join(root, 'dist', 'harness', 'cli.js');
  const options = ['--scenario', 'Server', '--target-qps', '200', '--threads', '1'];
  const run = ['--mode', 'performance', '--min-duration', '10', '--quiet', '--json'];
  const text = await collectOutput(process.execPath, [cli, ...options, ...run, '--output', folder]);
  const lag = (JSON.parse(text) as RunRecord).performance?.issueLagUs;
  if (lag == null) throw new Error('the run of the engine measured no issue lag');
  return { lagP50Us: lag.p50, lagP99Us: lag.p99, lagP99_9Us: lag.p99_9, lagMaxUs: lag.max };
}

/** Figures that LoadGen's own summary holds; a system that answers at once makes its latency the issue lag. */
function readPeerSummary(text: string): Measurement {
  const number = (label: string): number => {
    const line = text.split('\n').find((candidate) => candidate.startsWith(label));
    return line === undefined ? Number.NaN : Number(line.slice(line.lastIndexOf(':') + 1));
  };
  const figures = {
    queriesPerSecond: number('QPS w/ loadgen overhead'),
    samplesPerSecond: number('Samples per second'),
    latencyP50Us: number('50.00 percentile latency') / 1000,
    latencyP99Us: number('99.00 percentile latency') / 1000,
    latencyP99_9Us: number('99.90 percentile latency') / 1000,
    latencyMaxUs: number('Max latency') / 1000,
  };
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => !Number.isNaN(value)));
}

async function measurePeer(program: string, name: string, scratch: string): Promise<Measurement> {
  const startMs = performance.now();
  await collectOutput(program, [...peerArguments[name]!, scratch]);
  const wholeSeconds = (performance.now() - startMs) / 1000;
  const summary = readFileSync(join(scratch, 'mlperf_log_summary.txt'), 'utf8');
  return { ...readPeerSummary(summary), wholeSeconds };
}

async function runAll(root: string, repeats: number, peer: string | null, scratch: string) {
  const ours: Runs = new Map();
  const theirs: Runs = new Map();
  for (let repeat = 0; repeat < repeats; repeat++) {
    process.stderr.write(`repeat ${repeat + 1} of ${repeats}\n`);
    for (const name of repeated) {
      addRun(ours, name, await measure(root, name));
      if (peer !== null && name in peerArguments) {
        addRun(theirs, name, await measurePeer(peer, name, scratch));
      }
    }
    const folder = join(scratch, `engine-${repeat}`);
    addRun(ours, 'issue-lag-200-with-engine', await measureEngine(root, folder));
  }
  process.stderr.write('24 hours of Server traffic on the virtual clock\n');
  addRun(ours, 'day', await measure(root, 'day'));
  return { figures: listFigures(ours), peerFigures: listFigures(theirs) };
}

interface Values {
  readonly json?: string | undefined;
  readonly peer?: string | undefined;
  readonly repeats?: string | undefined;
}

async function benchmarkLoadgen(values: Values): Promise<void> {
  const repeats = Number(values.repeats ?? 5);
  if (!Number.isInteger(repeats) || repeats < 1) {
    const message = `is "${values.repeats}"; allowed: a whole number above 0`;
    throw new InputError([{ where: '--repeats', message }]);
  }
  const root = findPackageRoot().folder;
  const startedAt = new Date().toISOString();
  const name = `${startedAt.replaceAll(':', '')}.json`;
  const file = resolve(values.json ?? join(root, 'results', 'bench-loadgen', name));
  const scratch = mkdtempSync(join(tmpdir(), 'loadmark-bench-loadgen-'));
  try {
    const program = values.peer === undefined ? null : resolve(values.peer);
    const { figures, peerFigures } = await runAll(root, repeats, program, scratch);
    const record: LoadgenBenchmark = {
      schema: 'loadmark/bench-loadgen/1',
      startedAt,
      command: [
        'npm',
        'run',
        'bench:loadgen',
        ...(program === null ? [] : ['--', '--peer', 'PROGRAM']),
      ],
      commit: await readCommit(root),
      system: await describeSystem(),
      repeats,
      figures,
      peer: program === null ? null : { program: values.peer!, figures: peerFigures },
    };
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(record, null, 1)}\n`);
    process.stdout.write(`${formatLoadgenBenchmark(record)}\nFile  ${file}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

process.exitCode = await runBenchProgram(
  {
    name: 'bench:loadgen',
    usage: '[--repeats N] [--peer PROGRAM] [--json FILE]',
    options: { json: { type: 'string' }, peer: { type: 'string' }, repeats: { type: 'string' } },
    run: benchmarkLoadgen,
  },
  process.argv.slice(2),
);
