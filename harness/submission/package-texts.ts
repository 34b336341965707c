// What do the small files of a packaged result say? measurements.json, user.conf and README.md, from what the runs
// recorded of themselves.

import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { RunRecord } from '../run-record.js';
import { readText } from './result.js';

/** The five fields that MLCommons' checker asks for, each with a text; `given` overrides. */
export function describeMeasurements(
  record: RunRecord,
  given: Readonly<Record<string, unknown>> | null,
): Readonly<Record<string, unknown>> {
  const format = record.model.weightFormat;
  return {
    input_data_types: 'int32',
    retraining: 'No',
    starting_weights_filename: basename(record.model.path) || record.model.name,
    weight_data_types: format ?? 'N/A',
    weight_transformations: format === null ? 'N/A' : `as loaded: ${format}`,
    ...given,
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
  const requested = record.settings!.requested;
  const lines = [
    '# What the run asked of the load generator, in the grammar of user.conf.',
    `*.${record.scenario}.min_duration = ${requested.minDurationMs}`,
    `*.${record.scenario}.min_query_count = ${requested.minQueryCount}`,
  ];
  if (record.scenario === 'Offline') {
    lines.push(`*.Offline.target_qps = ${requested.offlineExpectedQps}`);
  }
  if (record.scenario === 'Server') {
    lines.push(
      `*.Server.target_qps = ${requested.serverTargetQps}`,
      `*.Server.ttft_latency = ${requested.serverTtftLatencyNs / 1e6}`,
      `*.Server.tpot_latency = ${requested.serverTpotLatencyNs / 1e6}`,
    );
  }
  if (record.scenario === 'SingleStream') {
    lines.push(`*.SingleStream.target_latency = ${requested.singleStreamExpectedLatencyNs / 1e6}`);
  }
  return `${lines.join('\n')}\n`;
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
