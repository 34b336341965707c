// A run as a comparison reads it: its record, and what happened to each sample where that was kept.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Fault, InputError, messageOf } from '../errors.js';
import type { SampleEvidence } from '../evidence.js';
import { readJsonLines } from '../json-lines-file.js';
import { readRunRecord } from '../run-evidence.js';
import { RunFolder } from '../run-folder.js';
import type { RunRecord } from '../run-record.js';
import type { RecordFields } from '../run-record-file.js';
import { logFiles } from '../submission/submission-tree.js';
import type { PassName } from '../test-settings.js';

/** What a comparison reads of every record. */
const neededFields: RecordFields = {
  array: ['sut.devices', 'system.gpus'],
  arrayOrAbsent: ['invalidReasons', 'remarks', 'command'],
  boolean: ['valid'],
  number: ['system.cores', 'dataset.samples'],
  object: ['config.generation', 'settings.effective', 'sut.kernels'],
  string: [
    ...['id', 'name', 'startedAt', 'version', 'scenario', 'mode', 'sut.kind'],
    ...['system.cpu', 'model.name', 'dataset.name', 'dataset.split', 'dataset.digest'],
  ],
};

export interface ComparedRun {
  /** As it was given, or found below what was given. */
  readonly path: string;
  readonly record: RunRecord;
  /** In the order of the sample ids; null where no file was kept. */
  readonly performance: readonly SampleEvidence[] | null;
  readonly accuracy: readonly SampleEvidence[] | null;
  /** Where LoadGen's log has the answers' tokens, there or not; null beside a record under another name. */
  readonly accuracyLog: string | null;
}

/** One side of a comparison: a run, or repeats of one. */
export interface Side {
  /** The run's name, and where it lies if two sides are called alike. */
  readonly label: string;
  readonly path: string;
  /** In the order in which they were started. */
  readonly runs: readonly ComparedRun[];
}

/**
 * Reads each path: a run's folder, its run.json, or a folder of such folders, which are repeats.
 * @throws InputError with every path that is none of these.
 */
export function readSides(paths: readonly string[]): Side[] {
  const faults: Fault[] = [];
  const sides: Side[] = [];
  for (const path of paths) {
    try {
      const runs = findRuns(path).map(readRun);
      runs.sort((a, b) => a.record.startedAt.localeCompare(b.record.startedAt));
      sides.push({ label: runs[0]!.record.name, path, runs });
    } catch (error) {
      if (error instanceof InputError) faults.push(...error.faults);
      else faults.push({ where: path, message: messageOf(error) });
    }
  }
  faults.push(...findTwice(sides));
  if (faults.length > 0) throw new InputError(faults);
  return nameApart(sides);
}

/** A run against itself shows no difference, whatever it is; as a repeat of itself it would make intervals too narrow. */
function findTwice(sides: readonly Side[]): Fault[] {
  const known = new Map<string, string>();
  return sides.flatMap(({ runs }) =>
    runs.flatMap(({ path, record: { id } }): Fault[] => {
      const before = known.get(id);
      if (before === undefined) known.set(id, path);
      if (before === undefined) return [];
      return [
        { where: `"${path}"`, message: `is run ${id}, as "${before}" is; allowed: each run once` },
      ];
    }),
  );
}

function findRuns(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new Error(`it does not exist; allowed: ${whatIsRun}`);
  }
  if (found.isFile()) {
    if (basename(path) in experiments) refuseExperiment(dirname(path), basename(path));
    return [path];
  }
  if (existsSync(new RunFolder(path).runJson)) return [path];
  const inside = listRunsBelow(path);
  if (inside.length > 0) return inside;
  const file = Object.keys(experiments).find((name) => existsSync(join(path, name)));
  if (file !== undefined) refuseExperiment(path, file);
  const hint = nameSides(path);
  throw new Error(
    `there is no run.json in it or one level below; allowed: ${whatIsRun}${hint === null ? '' : `: ${hint} in it`}`,
  );
}

const whatIsRun = "a run's folder, its run.json, a folder of runs";

/** Records of several runs, by the file that each is kept in, and what its folder has runs of. */
const experiments: Readonly<Record<string, readonly [string, string]>> = {
  'ladder.json': ['a ladder', 'its rungs'],
  'sweep.json': ['a sweep', 'its points'],
  'comparison.json': ['a comparison', 'the runs that it is of'],
};

function refuseExperiment(folder: string, file: string): never {
  const [what, parts] = experiments[file]!;
  const sides = nameSides(folder);
  throw new Error(
    `it is ${what} (${file}), not a run; allowed: ${parts}${sides === null ? '' : `, ${sides}`}`,
  );
}

/** A ladder or a sweep has a folder of repeats for each of its rungs or points; null where there are none. */
function nameSides(path: string): string | null {
  const sides = readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && listRunsBelow(join(path, entry.name)).length > 0)
    .map(({ name }) => `"${join(path, name)}"`);
  if (sides.length === 0) return null;
  const others = sides.length - 4;
  const named = sides.slice(0, 4).join(', ');
  return others > 0 ? `${named} and ${others} more` : named;
}

function listRunsBelow(path: string): string[] {
  return readdirSync(path)
    .map((name) => join(path, name))
    .filter((folder) => existsSync(new RunFolder(folder).runJson));
}

function readRun(path: string): ComparedRun {
  const { record, file } = readRunRecord(path, neededFields);
  // A record that lies under another name has no samples beside it that are its own.
  const folder = new RunFolder(dirname(file));
  const hasSamples = basename(file) === basename(folder.runJson);
  const read = (pass: PassName) => {
    const samples = folder.samples(pass);
    return hasSamples && existsSync(samples) ? [...readJsonLines<SampleEvidence>(samples)] : null;
  };
  return {
    path,
    record,
    performance: read('performance'),
    accuracy: read('accuracy'),
    accuracyLog: hasSamples ? join(folder.logs('accuracy'), logFiles.accuracy) : null,
  };
}

/** Sides that are called alike are told apart by their paths. */
function nameApart(sides: readonly Side[]): Side[] {
  return sides.map((side) => {
    const isAlone = sides.every((other) => other === side || other.label !== side.label);
    return isAlone ? side : { ...side, label: `${side.label} (${side.path})` };
  });
}
