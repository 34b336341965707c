// What do the small files of a packaged result say? measurements.json, user.conf and README.md, from what the runs
// recorded of themselves.

import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import {
  type ConfValue,
  defaultSettings,
  listConfValues,
  loadConf,
  type TestSettings,
} from '../../loadgen/index.js';
import { findPackageRoot } from '../package-root.js';
import type { RunRecord } from '../run-record.js';
import { readText } from './result.js';
import { simulationField } from './rules/simulation-rules.js';

/**
 * The five fields that MLCommons' checker asks for, each with a text: `given` brings those that only the submitter knows
 * and overrides the others.
 */
export function describeMeasurements(
  record: RunRecord,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const format = record.model.weightFormat;
  const { clock, sut } = record;
  const simulated = [
    ...(clock === 'virtual' ? ['virtual clock'] : []),
    ...(sut !== null && sut.kind !== 'native' ? [`system under test ${sut.kind}`] : []),
  ];
  return {
    starting_weights_filename: basename(record.model.path) || record.model.name,
    weight_data_types: format ?? 'N/A',
    weight_transformations: format === null ? 'N/A' : `as loaded: ${format}`,
    ...given,
    ...(simulated.length === 0 ? {} : { [simulationField]: simulated.join(', ') }),
  };
}

/** The submitter's own file where the run had one that is still the same, and else what the run asked for. */
export function describeUserConf(record: RunRecord): string {
  const given = record.settings?.confFiles?.userConf ?? null;
  if (given !== null) {
    const text = readText(given.path);
    const digest = text === null ? null : createHash('sha256').update(text).digest('hex');
    if (text !== null && digest === given.sha256) return text;
  }
  const lines = [
    '# What the run asked of the load generator beyond mlperf.conf, in the grammar of user.conf.',
    ...listAskedValues(record).map(({ name, word }) =>
      word === null ? `# ${name} cannot be written here: whole numbers only` : `${name} = ${word}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

/** Always told, whatever mlperf.conf says: what a run is sized by. */
const sizing: readonly (keyof TestSettings)[] = ['minDurationMs', 'minQueryCount'];
const sizingOf: Readonly<Record<TestSettings['scenario'], readonly (keyof TestSettings)[]>> = {
  Offline: ['offlineExpectedQps'],
  Server: ['serverTargetQps', 'serverTtftLatencyNs', 'serverTpotLatencyNs'],
  SingleStream: ['singleStreamExpectedLatencyNs'],
  MultiStream: ['multiStreamExpectedLatencyNs', 'multiStreamSamplesPerQuery'],
};

/** Values that the round's file does not give, neither to the run's model nor to any. */
function listAskedValues({ settings, model }: RunRecord): ConfValue[] {
  const { requested, confFiles } = settings!;
  const { scenario } = requested;
  const file = join(findPackageRoot().folder, 'configs', 'mlperf.conf');
  const builtIn = { name: file, text: readText(file) };
  const inFile = ['*', confFiles?.model ?? model.name].map((name) => {
    const given = loadConf({ ...defaultSettings, scenario }, builtIn, 'mlperf', name).settings;
    return new Map(listConfValues(given).map((value) => [value.name, value.word]));
  });
  return listConfValues(requested).filter(
    ({ name, field, word }) =>
      sizing.includes(field) ||
      sizingOf[scenario].includes(field) ||
      inFile.some((words) => words.get(name) !== word),
  );
}

/** How the result was made, and by what: the first thing that a reviewer asks. */
export function describeResult(title: string, records: readonly RunRecord[]): string {
  const runs = records.flatMap((record) => {
    const { system, sut, model, dataset } = record;
    const facts = [
      ['command', record.command.map(quoteWord).join(' ')],
      ['run', `${record.id}, started ${record.startedAt}`],
      ['system under test', describeSut(sut)],
      ['clock', record.clock === 'virtual' ? 'virtual: the times are simulated' : 'real'],
      ['model', `${model.name}${model.digest === null ? '' : `, sha256 ${model.digest}`}`],
      ['dataset', `${dataset.name}, ${dataset.samples} rows, sha256 ${dataset.digest}`],
      ['machine', `${system.cpu}, ${system.cores} cores, ${system.os}`],
      ['loadmark', `${record.version}${record.commit === null ? '' : `, commit ${record.commit}`}`],
    ];
    return [
      '',
      `## ${record.audit ? record.audit.test : record.mode}`,
      '',
      ...facts.map(([name, value]) => `- ${name}: ${value}`),
    ];
  });
  return [
    `# ${title}`,
    '',
    "The logs in this folder were written by loadmark in the format of MLPerf LoadGen. loadmark is not MLCommons'",
    'LoadGen, and this is not an MLPerf result.',
    ...runs,
    '',
  ].join('\n');
}

function describeSut(sut: RunRecord['sut']): string {
  if (sut === null) return 'none';
  return sut.kind === 'native'
    ? `native, ${sut.devices.join(', ')}`
    : `${sut.kind}: nothing was computed`;
}

function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Where the source of a benchmark is to be found. */
export function describeSource(benchmark: string, { version, commit }: RunRecord): string {
  const at = commit === null ? `version ${version}` : `version ${version}, commit ${commit}`;
  return `# ${benchmark}\n\nMeasured with loadmark, ${at}. The commands stand in the README.md of each result.\n`;
}
