// Do both sides answer with the same tokens, and where do they part? Over the samples that both answered in their accuracy
// passes; greedy answers of equal arithmetic are equal, so that this sees what a score is too coarse for.

import { existsSync, readFileSync } from 'node:fs';
import { parseAccuracyLog } from '../accuracy/index.js';
import { InputError } from '../errors.js';
import {
  type AgreementSummary,
  agreementByPosition,
  bootstrapSums,
  compareTokens,
  type Interval,
  type PositionAgreement,
  percentileInterval,
  summarizeAgreement,
  wilsonInterval,
} from '../statistics/index.js';
import type { Side } from './side.js';

export interface AgreementComparison {
  /** Positions count from 0; null where nothing is compared. */
  readonly summary: AgreementSummary | null;
  /** At 1 - alpha; null where samples allow none, or none parts. */
  readonly intervals: {
    readonly exactShare: Interval | null;
    /** Samples drawn whole. */
    readonly tokenShare: Interval | null;
    /** Of the median over the samples that part. */
    readonly firstDivergence: Interval | null;
  };
  readonly byPosition: readonly PositionAgreement[];
  /** Samples that only one side answered, which are left out. */
  readonly leftOut: number;
  /** Why nothing is compared; null where something is. */
  readonly absentBecause: string | null;
}

/** Of a drawing: more would be finer than it is. */
const mostRanges = 40;

/** One sample's answer. */
interface Answer {
  readonly tokens: Int32Array;
  readonly output: string | null;
}

export function absentAgreement(absentBecause: string, leftOut = 0): AgreementComparison {
  const intervals = { exactShare: null, tokenShare: null, firstDivergence: null };
  return { summary: null, intervals, byPosition: [], leftOut, absentBecause };
}

/** @param alpha two-sided, of each interval. */
export function compareAgreement(
  baseline: Side,
  candidate: Side,
  alpha: number,
): AgreementComparison {
  const from = readAnswers(baseline);
  if (typeof from === 'string') return absentAgreement(from);
  const to = readAnswers(candidate);
  if (typeof to === 'string') return absentAgreement(to);
  const ids = [...from.keys()].filter((id) => to.has(id)).sort();
  const leftOut = from.size + to.size - 2 * ids.length;
  if (ids.length === 0) return absentAgreement('no sample was answered on both sides', leftOut);
  const pairs = ids.map((id) => [from.get(id)!, to.get(id)!] as const);
  const stranger = pairs.findIndex(spellsOtherwise);
  if (stranger >= 0) {
    const why = `the same tokens are other texts (sample ${ids[stranger]}): the vocabularies are not the same`;
    return absentAgreement(why, leftOut);
  }
  const tokens = (side: 0 | 1) => pairs.map((pair) => pair[side].tokens);
  return { ...measure(tokens(0), tokens(1), alpha), leftOut, absentBecause: null };
}

function spellsOtherwise([a, b]: readonly [Answer, Answer]): boolean {
  if (a.output === null || b.output === null || a.output === b.output) return false;
  return compareTokens(a.tokens, b.tokens).firstDivergence === null;
}

function measure(
  baseline: readonly Int32Array[],
  candidate: readonly Int32Array[],
  alpha: number,
): Pick<AgreementComparison, 'summary' | 'intervals' | 'byPosition'> {
  const summary = summarizeAgreement(baseline, candidate)!;
  const pairs = baseline.map((tokens, i) => compareTokens(tokens, candidate[i]!));
  const lengths = Float64Array.from(baseline, (tokens, i) =>
    Math.max(tokens.length, candidate[i]!.length),
  );
  const equal = Float64Array.from(pairs, ({ equalShare }, i) => equalShare * lengths[i]!);
  const parted = pairs.flatMap(({ firstDivergence }) => firstDivergence ?? []);
  const { samples } = summary;
  const shareOf = (sums: Float64Array) => sums[0]! / sums[1]!;
  return {
    summary,
    intervals: {
      exactShare: wilsonInterval(samples - parted.length, samples, alpha),
      // Resamples of samples that are all alike would say that nothing is uncertain.
      tokenShare:
        parted.length === 0 ? null : bootstrapSums([equal, lengths], shareOf, { alpha }).interval,
      firstDivergence: parted.length === 0 ? null : percentileInterval(parted, 0.5, alpha).interval,
    },
    byPosition: agreementByPosition(baseline, candidate, mostRanges),
  };
}

/** By the dataset's ids, of the first run, since repeats answer alike; or why there are none. */
function readAnswers({ label, runs }: Side): Map<string, Answer> | string {
  const { accuracy, accuracyLog } = runs[0]!;
  if (accuracy === null || accuracyLog === null) {
    return `${label} has no samples of an accuracy pass: an accuracy or submission run has`;
  }
  if (accuracy.some(({ scores }) => typeof scores?.correct === 'boolean')) {
    return 'answers are choices, not tokens';
  }
  if (!existsSync(accuracyLog)) return `${label} has no ${accuracyLog}, where the tokens are`;
  let records: ReturnType<typeof parseAccuracyLog>;
  try {
    records = parseAccuracyLog(readFileSync(accuracyLog, 'utf8'), { name: accuracyLog });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return `${label}: ${error.faults[0]!.where} ${error.faults[0]!.message}`;
  }
  const tokens = new Map(records.map((record) => [record.qslIdx, record.tokens]));
  const answers = new Map<string, Answer>();
  for (const { id, sampleIndex, output } of accuracy) {
    const found = tokens.get(sampleIndex);
    if (found !== undefined && !answers.has(id)) answers.set(id, { tokens: found, output });
  }
  return answers;
}
