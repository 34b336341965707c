// `npm run bench:datasets`: how long do files of MLPerf's size take to load, and how much memory? Loads each several times,
// each time in a process of its own; prints one table and keeps everything in one JSON file. Without --file it makes a file
// of JSON lines in OpenOrca's shape; test/golden/pandas/make_large.py makes such pickles and Parquet files.

import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { runBenchProgram } from './bench-program.js';
import { collectOutput } from './child-output.js';
import type { DatasetMeasurement } from './dataset-measurement.js';
import { describeSystem, readCommit, type System } from './environment.js';
import { InputError } from './errors.js';
import { findPackageRoot } from './package-root.js';
import { alignColumns } from './report/columns.js';

/** `loadmark/bench-datasets/1` */
export interface DatasetBenchmark {
  readonly schema: 'loadmark/bench-datasets/1';
  readonly startedAt: string;
  readonly commit: string | null;
  readonly system: System;
  readonly files: readonly MeasuredFile[];
}

interface MeasuredFile {
  readonly file: string;
  readonly bytes: number;
  readonly runs: readonly DatasetMeasurement[];
}

const openOrcaRows = 24_576;

/** Prompts of 221 tokens and answers of 219 on average, texts of four letters a token: made-up words. */
function writeOpenOrca(file: string): void {
  const text = (tokens: number, row: number) =>
    Array.from({ length: Math.ceil(tokens * 0.75) }, (_, i) =>
      ((row * 7919 + i * 104_729) % 1e6).toString(30).padStart(4, 'a'),
    ).join(' ');
  const ids = (tokens: number, row: number) =>
    Array.from({ length: tokens }, (_, i) => 3 + ((row * 31 + i * 7877) % 31_997));
  const lines = Array.from({ length: openOrcaRows }, (_, row) => {
    const [inputs, outputs] = [20 + ((row * 37) % 403), 18 + ((row * 41) % 403)];
    return JSON.stringify({
      id: `cot.${row}`,
      system_prompt: text(30, row),
      question: text(inputs, row),
      output: text(outputs, row + 1),
      input: `<s>[INST] ${text(inputs, row)} [/INST]`,
      tok_input: ids(inputs, row),
      tok_output: ids(outputs, row + 1),
      origin: 'cot',
      tok_input_length: inputs,
      tok_output_length: outputs,
    });
  });
  writeFileSync(file, `${lines.join('\n')}\n`);
}

async function measure(root: string, file: string, repeats: number): Promise<MeasuredFile> {
  const program = join(root, 'dist', 'harness', 'dataset-measurement.js');
  const runs: DatasetMeasurement[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    runs.push(JSON.parse(await collectOutput(process.execPath, [program, file])));
  }
  return { file: basename(file), bytes: statSync(file).size, runs };
}

/** Medians; the memory is the most of all. */
function formatTable(files: readonly MeasuredFile[]): string {
  const header = ['file', 'MB', 'rows', 'prompt tokens', 'seconds', 'of a processor', 'MB at most'];
  const rows = files.map(({ file, bytes, runs }) => {
    const median = (read: (run: DatasetMeasurement) => number) =>
      runs.map(read).sort((a, b) => a - b)[Math.floor(runs.length / 2)]!;
    return [
      file,
      (bytes / 1e6).toFixed(0),
      String(runs[0]!.rows),
      String(runs[0]!.tokens),
      median(({ wallSeconds }) => wallSeconds).toFixed(2),
      median(({ cpuSeconds }) => cpuSeconds).toFixed(2),
      Math.max(...runs.map(({ peakMegabytes }) => peakMegabytes)).toFixed(0),
    ];
  });
  return alignColumns([header, ...rows]);
}

interface Values {
  readonly file?: string[] | undefined;
  readonly repeats?: string | undefined;
  readonly json?: string | undefined;
}

async function benchmarkDatasets({ file: asked = [], repeats: text, json }: Values) {
  const repeats = Number(text ?? 3);
  if (!Number.isInteger(repeats) || repeats < 1) {
    const message = `is "${text}"; allowed: a whole number above 0`;
    throw new InputError([{ where: '--repeats', message }]);
  }
  for (const file of asked) {
    if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) continue;
    throw new InputError([{ where: '--file', message: `"${file}" is no file` }]);
  }
  const root = findPackageRoot().folder;
  const startedAt = new Date().toISOString();
  const scratch = mkdtempSync(join(tmpdir(), 'loadmark-bench-datasets-'));
  try {
    const made = join(scratch, 'open-orca-shape.jsonl');
    if (asked.length === 0) writeOpenOrca(made);
    const files: MeasuredFile[] = [];
    for (const file of asked.length === 0 ? [made] : asked) {
      files.push(await measure(root, resolve(file), repeats));
    }
    const record: DatasetBenchmark = {
      schema: 'loadmark/bench-datasets/1',
      startedAt,
      commit: await readCommit(root),
      system: await describeSystem(),
      files,
    };
    const name = `${startedAt.replaceAll(':', '')}.json`;
    const kept = resolve(json ?? join(root, 'results', 'bench-datasets', name));
    mkdirSync(dirname(kept), { recursive: true });
    writeFileSync(kept, `${JSON.stringify(record, null, 1)}\n`);
    process.stdout.write(`${formatTable(files)}\n\nFile  ${kept}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

process.exitCode = await runBenchProgram(
  {
    name: 'bench:datasets',
    usage: '[--file FILE ...] [--repeats N] [--json FILE]',
    options: {
      file: { type: 'string', multiple: true },
      repeats: { type: 'string' },
      json: { type: 'string' },
    },
    run: benchmarkDatasets,
  },
  process.argv.slice(2),
);
