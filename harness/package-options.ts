// The options of `bench package`: what may be asked, checked together so that every fault is told at once. What lies in
// the files they name is packaging/'s business.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Fault, InputError } from './errors.js';
import type { RunFlag } from './run-options.js';
import { quote } from './setting-fields.js';
import { type SubmissionRound, submissionRounds } from './submission/benchmarks.js';

/** The divisions that a run can be packaged for; the network division measures another thing. */
export const packagedDivisions = ['open', 'closed'] as const;
export type PackagedDivision = (typeof packagedDivisions)[number];

export const packageFlags: readonly RunFlag[] = [
  { flags: '--division <name>', help: 'open or closed (which asks for every scenario and TEST06)' },
  { flags: '--submitter <name>', help: 'the organisation; names a folder' },
  { flags: '--system <file.json>', help: 'describes the system; its file name is the name' },
  { flags: '--out <tree>', help: 'the folder to make; it must not exist, or be empty' },
  { flags: '--round <name>', help: `${submissionRounds.join(' or ')}: whose seeds hold (v6.1)` },
  { flags: '--benchmark <name>', help: "such as llama2-70b-99 (the runs' mlperf.model or model)" },
  { flags: '--interactive <run...>', help: 'further runs, of Server, that go to Interactive' },
  { flags: '--measurements <file.json>', help: 'values of measurements.json (from the runs)' },
  { flags: '--measurement <key=value...>', help: 'one of these values' },
  {
    flags: '--system-template <file>',
    help: 'describe this machine in a new file, and do no more',
  },
  { flags: '--json', help: 'print what was written as one JSON object and nothing else' },
];

export const packageExample = `
An example, from the runs to a tree that MLCommons' checker reads:
  bench package --system-template box.json      # then fill in what it leaves empty
  bench run --config mine.yaml --output runs/offline
  bench run --config mine.yaml --audit TEST06 --output runs/offline-test06
  bench package runs/* --benchmark llama2-70b-99.9 --division open --submitter Example \\
    --system box.json --out tree
  bench check tree
A run is the folder of one, with its accuracy pass, its performance pass or both; a run of --audit TEST06 is told by its
run.json. Nothing in these folders is changed.`;

export interface PackageRequest {
  /** Folders of runs as given. */
  readonly runs: readonly string[];
  /** Those of Server that go to Interactive. */
  readonly interactive: readonly string[];
  readonly division: PackagedDivision;
  readonly submitter: string;
  readonly systemFile: string;
  readonly out: string;
  readonly round: SubmissionRound;
  readonly benchmark: string | null;
  readonly measurementsFile: string | null;
  readonly measurements: Readonly<Record<string, string>>;
  readonly json: boolean;
  /** What was wrong already on the command line. */
  readonly faults: readonly Fault[];
}

/** What commander read; what is wrong with it is handed on, to be told with what is wrong with the files. */
export function collectPackageOptions(
  runs: readonly string[],
  parsed: Readonly<Record<string, unknown>>,
): PackageRequest {
  const faults: Fault[] = [];
  const interactive = listOf(parsed.interactive);
  if (runs.length + interactive.length === 0) {
    faults.push({ where: 'RUN', message: 'none is given; wanted: one or more folders of runs' });
  }
  const submitter = readRequired('--submitter', parsed.submitter, 'an organisation', faults);
  if (submitter !== '' && !isFolderName(submitter)) {
    const message = `is ${quote(submitter)}; allowed: letters, digits and . _ + -, a letter or digit first`;
    faults.push({ where: '--submitter', message });
  }
  const out = readRequired('--out', parsed.out, 'the folder to make', faults);
  if (out !== '') faults.push(...refuseOut(out));
  return {
    runs,
    interactive,
    division: readChoice('--division', parsed.division, packagedDivisions, null, faults),
    submitter,
    systemFile: readRequired('--system', parsed.system, 'a file made by --system-template', faults),
    out: out === '' ? '' : resolve(out),
    round: readChoice('--round', parsed.round, submissionRounds, 'v6.1', faults),
    benchmark: typeof parsed.benchmark === 'string' ? parsed.benchmark : null,
    measurementsFile: typeof parsed.measurements === 'string' ? parsed.measurements : null,
    measurements: readPairs(listOf(parsed.measurement), faults),
    json: parsed.json === true,
    faults,
  };
}

/**
 * The file that --system-template names, null without it.
 * @throws InputError when it exists.
 */
export function readTemplateFile(parsed: Readonly<Record<string, unknown>>): string | null {
  const file = parsed.systemTemplate;
  if (typeof file !== 'string') return null;
  if (file.trim() !== '' && !existsSync(file)) return file;
  const message = `is ${quote(file)}; allowed: a file that does not exist yet`;
  throw new InputError([{ where: '--system-template', message }]);
}

/** Names that are safe as folders, on the checker's side too. */
export function isFolderName(name: string): boolean {
  return /^[A-Za-z0-9][\w.+-]{0,99}$/.test(name);
}

function readRequired(where: string, value: unknown, what: string, faults: Fault[]): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  faults.push({ where, message: `is missing; wanted: ${what}` });
  return '';
}

function readChoice<T extends string>(
  where: string,
  value: unknown,
  choices: readonly T[],
  fallback: T | null,
  faults: Fault[],
): T {
  if (value === undefined && fallback !== null) return fallback;
  const known = choices.find((choice) => choice === value);
  if (known !== undefined) return known;
  const problem = value === undefined ? 'is missing' : `is ${quote(String(value))}`;
  faults.push({ where, message: `${problem}; allowed: ${choices.join(', ')}` });
  return choices[0]!;
}

function refuseOut(out: string): Fault[] {
  const found = statSync(out, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (found.isDirectory() && readdirSync(out).length === 0) return [];
  const problem = found.isDirectory() ? 'is not empty' : 'is not a folder';
  return [
    { where: '--out', message: `"${out}" ${problem}; allowed: a new folder, or an empty one` },
  ];
}

function readPairs(pairs: readonly string[], faults: Fault[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const pair of pairs) {
    const [, key, value] = /^([\w-]+)=(.+)$/s.exec(pair) ?? [];
    if (key === undefined || value === undefined) {
      const message = `${quote(pair)} is not key=value; an example: weight_data_types=int4`;
      faults.push({ where: '--measurement', message });
    } else {
      values[key] = value;
    }
  }
  return values;
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
