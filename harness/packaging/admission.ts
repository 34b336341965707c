// May a run go into a submission of this round? Told run by run, with every reason; how runs go together is
// placement.ts's business.

import { readFileSync } from 'node:fs';
import { type OfficialSeeds, officialSeeds } from '../../loadgen/index.js';
import { checkConsistency, readAuditedLog } from '../audit/index.js';
import { type Fault, InputError } from '../errors.js';
import type { SubmissionRound } from '../submission/benchmarks.js';
import { auditedLog, type PackedPass, type PackedRun } from './packed-run.js';

/** Every reason against a run. */
export function findRunFaults(run: PackedRun, round: SubmissionRound): Fault[] {
  const reasons = [
    ...refuseRecord(run),
    ...run.passes.flatMap((pass) => refusePass(pass, run, round)),
  ];
  return reasons.map((message) => ({ where: run.name, message }));
}

function refuseRecord(run: PackedRun): string[] {
  const { record, passes } = run;
  const reasons: string[] = [];
  if (record.interrupted)
    reasons.push('the run was interrupted; allowed: runs that came to their end');
  if (!['submission', 'performance', 'accuracy'].includes(record.mode)) {
    reasons.push(`mode is ${record.mode}; allowed: submission, performance, accuracy`);
  } else if (passes.length === 0) {
    reasons.push('the run has no pass; allowed: one with an accuracy or a performance pass');
  }
  if (record.audit !== null) {
    if (!record.audit.passed) {
      const failed = Object.entries(record.audit.checks).filter(
        ([, { status }]) => status === 'failed',
      );
      const names = failed.map(([name]) => name).join(', ');
      reasons.push(
        `the audit ${record.audit.test} was not passed (${names}); allowed: one that was`,
      );
    }
    reasons.push(...refuseAnswers(run));
    return reasons;
  }
  if (record.settings?.confFiles?.auditConf) {
    const { path } = record.settings.confFiles.auditConf;
    reasons.push(
      `made with the audit file ${path}; allowed: none, or --audit, which verifies the answers`,
    );
  }
  if (!record.valid) {
    const why = record.invalidReasons.join('; ').replaceAll(/\s+/g, ' ').trim();
    reasons.push(`the run is INVALID (${why || 'no reason given'}); allowed: VALID runs`);
  }
  return reasons;
}

/** Looks at an audit's answers again: what is submitted is the log, not what run.json says of it. */
function refuseAnswers(run: PackedRun): string[] {
  const { audit, scenario } = run.record;
  const log = auditedLog(run);
  if (audit === null || !audit.passed) return [];
  if (log === null)
    return [`the audit ${audit.test} has no performance pass; allowed: one that has`];
  try {
    const answers = readAuditedLog(readFileSync(log, 'utf8'), log);
    const { passed } = checkConsistency(answers, { scenario, eosIds: audit.eosIds });
    return passed
      ? []
      : [
          `the log of the audit ${audit.test} does not pass any more; allowed: the log as it was written`,
        ];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.faults.map(({ message }) => `the log of the audit ${audit.test} ${message}`);
  }
}

const seedKeys: readonly (readonly [key: string, name: keyof OfficialSeeds])[] = [
  ['effective_qsl_rng_seed', 'qslRngSeed'],
  ['effective_sample_index_rng_seed', 'sampleIndexRngSeed'],
  ['effective_schedule_rng_seed', 'scheduleRngSeed'],
];

/** The logs are what is submitted, so they are asked and not run.json. */
function refusePass(
  { pass, detail }: PackedPass,
  { record }: PackedRun,
  round: SubmissionRound,
): string[] {
  const reasons = detail.faults
    .slice(0, 3)
    .map(({ line, message }) => `${pass}: mlperf_log_detail.txt:${line}: ${message}`);
  const scenario = detail.text('effective_scenario');
  if (scenario !== record.scenario) {
    reasons.push(
      `${pass}: the log is of ${scenario ?? 'no scenario'}, and run.json of ${record.scenario}`,
    );
  }
  const official = officialSeeds(round);
  for (const [key, name] of seedKeys) {
    const value = detail.find(key)?.value;
    const seed = typeof value === 'number' ? BigInt(value) : value;
    if (seed === official[name]) continue;
    reasons.push(
      `${pass}: ${key} is ${String(seed ?? 'missing')}; allowed in ${round}: ${official[name]}`,
    );
  }
  return reasons;
}
