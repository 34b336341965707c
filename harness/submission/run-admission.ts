// May a run go into a submission of this round? Asks the logs as well as run.json, since the logs are what is submitted.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OfficialSeeds, officialSeeds } from '../../loadgen/index.js';
import { checkConsistency, readAuditedLog } from '../audit/index.js';
import { InputError } from '../errors.js';
import type { RunFolder } from '../run-folder.js';
import type { RunRecord } from '../run-record.js';
import type { SubmissionRound } from './benchmarks.js';
import { type DetailLog, parseDetailLog } from './detail-log.js';
import { logFiles } from './submission-tree.js';

/** Every reason against the run, as sentences. */
export function refuseRun(folder: RunFolder, record: RunRecord, round: SubmissionRound): string[] {
  const passes = (['accuracy', 'performance'] as const).filter((pass) => record[pass] !== null);
  return [
    ...refuseKind(record),
    ...refuseVerdict(record),
    ...(record.audit?.passed === true ? refuseAnswers(folder, record) : []),
    ...refuseRequestedSeeds(record, round),
    ...passes.flatMap((pass) => {
      const file = join(folder.logs(pass), logFiles.detail);
      const log = parseDetailLog(readFileSync(file, 'utf8'));
      return [
        ...refuseLog(log, record, round),
        // That it is INVALID by run.json was told already.
        ...(pass === 'performance' && record.audit === null && record.valid
          ? refuseOutcome(log)
          : []),
      ].map((reason) => `${pass}: ${reason}`);
    }),
  ];
}

const packagedModes = ['submission', 'performance', 'accuracy'];

function refuseKind(record: RunRecord): string[] {
  const { interrupted, mode, audit, scenario, settings, model, dataset } = record;
  const reasons: string[] = [];
  if (interrupted) reasons.push('was interrupted; allowed: runs that came to their end');
  if (!packagedModes.includes(mode)) {
    reasons.push(`mode is ${mode}; allowed: ${packagedModes.join(', ')}`);
  }
  // Runs of earlier versions do not say, and could not be.
  if (model.synthetic === true || dataset.synthetic === true) {
    reasons.push(
      `asked ${dataset.name} of ${model.name}, which is for speed alone; allowed: a model and a dataset that can be scored`,
    );
  }
  const inFlight = scenario === 'SingleStream' ? settings?.effective.maxAsyncQueries : 1;
  if (inFlight !== undefined && Number(inFlight) !== 1) {
    reasons.push(`had ${inFlight} queries in flight; allowed: single_stream.concurrency=1`);
  }
  const file = settings?.confFiles?.auditConf ?? null;
  if (file !== null && audit === null) {
    reasons.push(
      `was made with the audit file ${file.path}; allowed: none, or --audit, which verifies the answers`,
    );
  }
  return reasons;
}

/** An audit is judged by its answers: it is too short for LoadGen's early stopping. */
function refuseVerdict({ audit, valid, invalidReasons }: RunRecord): string[] {
  if (audit !== null) {
    return audit.passed ? [] : [`failed ${audit.test}; allowed: audits that were passed`];
  }
  if (valid) return [];
  return [`is INVALID (${invalidReasons?.[0] ?? 'no reason given'}); allowed: VALID runs`];
}

/** Looks at an audit's answers again. */
function refuseAnswers(folder: RunFolder, { audit, scenario, performance }: RunRecord): string[] {
  if (audit === null) return [];
  if (performance === null) return [`${audit.test} has no performance pass; allowed: one that has`];
  const log = join(folder.logs('performance'), logFiles.accuracy);
  try {
    const answers = readAuditedLog(readFileSync(log, 'utf8'), log);
    return checkConsistency(answers, { scenario, eosIds: audit.eosIds }).passed
      ? []
      : [`the answers of ${audit.test} do not pass any more; allowed: the log as it was written`];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.faults.map(({ message }) => `the log of ${audit.test} ${message}`);
  }
}

const seedKeys: readonly (readonly [key: string, name: keyof OfficialSeeds])[] = [
  ['effective_qsl_rng_seed', 'qslRngSeed'],
  ['effective_sample_index_rng_seed', 'sampleIndexRngSeed'],
  ['effective_schedule_rng_seed', 'scheduleRngSeed'],
];

function refuseRequestedSeeds({ settings }: RunRecord, round: SubmissionRound): string[] {
  const official = officialSeeds(round);
  const isRounds = seedKeys.every(
    ([, name]) => String(settings?.requested[name]) === String(official[name]),
  );
  if (isRounds) return [];
  return [`the seeds are not those of ${round}; allowed: a run with --set seeds.round=${round}`];
}

/** run.json is the run's own word; the log is what is submitted. */
function refuseOutcome(log: DetailLog): string[] {
  const verdict = log.text('result_validity');
  if (verdict === 'VALID') return [];
  return [`result_validity of the log is ${verdict ?? 'missing'}; allowed: VALID`];
}

function refuseLog(log: DetailLog, record: RunRecord, round: SubmissionRound): string[] {
  const reasons: string[] = [];
  const scenario = log.text('effective_scenario');
  if (scenario !== record.scenario) {
    reasons.push(`the log is of ${scenario ?? 'no scenario'}, and run.json of ${record.scenario}`);
  }
  const official = officialSeeds(round);
  for (const [key, name] of seedKeys) {
    const value = log.find(key)?.value;
    const seed = Number.isSafeInteger(value) ? BigInt(value as number) : value;
    if (seed === official[name]) continue;
    reasons.push(`${key} is ${String(seed ?? 'missing')}; allowed in ${round}: ${official[name]}`);
  }
  return reasons;
}
