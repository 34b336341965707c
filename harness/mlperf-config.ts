// What a run can be told of MLPerf's own: the round whose seeds it takes, and the files that are laid over its settings.
// Reading the files is conf-files.ts's business.

import { officialSeeds, type SampleSetOrder } from '../loadgen/index.js';
import {
  type Checked,
  choice,
  optionalCounts,
  optionalSeed,
  optionalText,
  section,
} from './setting-fields.js';

/** Audits with settings of their own in configs/audits, whose answers harness/audit checks. */
export const auditTests = ['TEST06'] as const;
export type AuditTest = (typeof auditTests)[number];

/** Settings `seeds`. */
export const seedFields = section({
  /** Of MLPerf Inference: whose seeds are taken where none is given. */
  round: choice(['v6.1', 'v6.0', 'v5.1', 'v5.0'], 'v6.1'),
  /** How LoadGen drew loaded sets in the round: `legacy` up to v5.1, from the whole dataset; `auto` is the round's way. */
  sampleSets: choice(['auto', 'current', 'legacy'], 'auto'),
  qsl: optionalSeed(),
  sampleIndex: optionalSeed(),
  schedule: optionalSeed(),
});

/** Settings `mlperf`: files laid over all that a run says, first mlperf.conf, then user.conf, last the audit. */
export const mlperfFields = section({
  /** The model's name in these files; null is the name of the model. */
  model: optionalText(),
  /** null is configs/mlperf.conf where there is a user.conf, and none elsewhere. */
  mlperfConf: optionalText(),
  userConf: optionalText(),
  /** Needs mode performance. */
  auditConf: optionalText(),
  /** Takes configs/audits/<audit>.conf for the audit's file, and checks the answers. */
  audit: choice(['none', ...auditTests], 'none', [
    'TEST01',
    'TEST04',
    'TEST07',
    'TEST08',
    'TEST09',
  ]),
  /** Tokens that end an answer; null leaves them to the model's files. */
  auditEos: optionalCounts('token ids'),
});
export type MlperfSettings = Checked<typeof mlperfFields>;

/** The seeds given, and the round's where there are none. */
export function resolveSeeds(seeds: Checked<typeof seedFields>): RunSeeds {
  const official = officialSeeds(seeds.round);
  const isLegacy = seeds.round === 'v5.0' || seeds.round === 'v5.1';
  return Object.freeze({
    sampleSets: seeds.sampleSets === 'auto' ? (isLegacy ? 'legacy' : 'current') : seeds.sampleSets,
    qsl: seeds.qsl ?? official.qslRngSeed,
    sampleIndex: seeds.sampleIndex ?? official.sampleIndexRngSeed,
    schedule: seeds.schedule ?? official.scheduleRngSeed,
  });
}

export interface RunSeeds {
  readonly sampleSets: SampleSetOrder;
  readonly qsl: bigint;
  readonly sampleIndex: bigint;
  readonly schedule: bigint;
}
