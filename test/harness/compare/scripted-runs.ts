// Runs of `bench` with a scripted system on the virtual clock, and what a mistaken author would change in their folders.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SampleEvidence } from '../../../harness/evidence.js';
import { RunFolder } from '../../../harness/run-folder.js';
import type { RunRecord } from '../../../harness/run-record.js';
import type { PassName } from '../../../harness/test-settings.js';
import { callBench } from '../bench-call.js';

/** A row of a dataset file. */
export interface Row {
  readonly id: string;
  readonly prompt: string;
  readonly reference: string;
}

/** Deep changes of a record. */
export type Changes = { readonly [key: string]: unknown };

/** Of so many rows, each answered in a few words. */
export function plainRows(count: number): Row[] {
  return Array.from({ length: count }, (_, i) => {
    return { id: `row-${i}`, prompt: `Say ${i}.`, reference: `number ${i} and no other of them` };
  });
}

/** Makes runs in a folder of its own, which `remove` takes away. */
export class ScriptedRuns {
  readonly folder = mkdtempSync(join(tmpdir(), 'loadmark-scripted-runs-'));
  #made = 0;

  /** A path for a file or a folder that is not there yet. */
  place(name: string): string {
    return join(this.folder, `${this.#made++}-${name}`);
  }

  /** A dataset for `--dataset`. */
  writeRows(rows: readonly Row[]): string {
    const file = this.place('rows.jsonl');
    writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return file;
  }

  /**
   * Each sample of the dataset asked once, Offline unless `argv` says otherwise; resolves to the run's folder.
   * @param script its YAML
   */
  async run(script: string, ...argv: string[]): Promise<string> {
    const [file, output] = [this.place('script.yaml'), this.place('run')];
    writeFileSync(file, script);
    const system = ['--sut', 'scripted', '--script', file, '--clock', 'virtual'];
    const short = ['--target-qps', '1', '--min-duration', '0', '--quiet', '--no-report'];
    const { code, stderr } = await callBench(...system, ...short, ...argv, '--output', output);
    // Few samples may be too few for LoadGen, or miss a target; a fault ends a run with what was measured.
    if (![0, 3, 4, 5].includes(code)) throw new Error(`bench ended with ${code}: ${stderr}`);
    return output;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

export function readRecord(run: string): RunRecord {
  return JSON.parse(readFileSync(new RunFolder(run).runJson, 'utf8'));
}

/** Changes fields of run.json; returns the run's folder. */
export function editRecord(run: string, changes: Changes): string {
  writeFileSync(new RunFolder(run).runJson, JSON.stringify(merge(readRecord(run), changes)));
  return run;
}

/** Changes the lines of a pass's samples; returns the run's folder. */
export function editSamples(
  run: string,
  pass: PassName,
  edit: (samples: readonly SampleEvidence[]) => readonly SampleEvidence[],
): string {
  const file = new RunFolder(run).samples(pass);
  const samples = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as SampleEvidence);
  writeFileSync(
    file,
    edit(samples)
      .map((sample) => `${JSON.stringify(sample)}\n`)
      .join(''),
  );
  return run;
}

export function merge(base: unknown, changes: unknown): unknown {
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject(base) || !isObject(changes)) return changes;
  const merged = { ...base };
  for (const [key, value] of Object.entries(changes)) merged[key] = merge(base[key], value);
  return merged;
}
