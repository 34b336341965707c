// The comparison of one or more candidates with a baseline, as comparison.json keeps it: what differs, what may be set
// against each other, how fast, how well, and what follows.

import type { Margin } from '../statistics/index.js';
import { type AgreementComparison, absentAgreement, compareAgreement } from './agreement.js';
import { type Claim, type JudgedClaim, judgeClaim } from './claim.js';
import { type Comparability, judgeComparability } from './comparability.js';
import { type Factor, listFactors, listMixed } from './factors.js';
import { type GateResult, type GateRule, marginsOf, runGate } from './gate.js';
import { findImpossible, type Impossibility } from './impossible-figures.js';
import { withholdGrowingTimes } from './issued-samples.js';
import { compareQuality, notCompared, type QualityComparison } from './quality.js';
import type { Side } from './side.js';
import { compareSpeed, type SpeedRatio } from './speed.js';

export const comparisonSchema = 'loadmark/comparison/1';

export interface Comparison {
  readonly schema: typeof comparisonSchema;
  /** Two-sided, of intervals of ratios; one-sided of what is decided. */
  readonly alpha: number;
  /** The baseline first. */
  readonly sides: readonly ComparedSide[];
  /** Over all sides; those that are the same too. */
  readonly factors: readonly Factor[];
  /** One a candidate. */
  readonly candidates: readonly CandidateComparison[];
}

export interface ComparedSide {
  readonly label: string;
  readonly path: string;
  readonly runs: readonly {
    readonly id: string;
    readonly startedAt: string;
    readonly valid: boolean;
  }[];
  /** Of any of its runs. */
  readonly impossible: readonly Impossibility[];
  /** What the runs remark of themselves. */
  readonly remarks: readonly string[];
  /** Why its runs are no repeats of one another; empty where they are. */
  readonly mixed: readonly string[];
}

export interface CandidateComparison {
  readonly label: string;
  readonly comparability: Comparability;
  /** Empty where speeds are not comparable. */
  readonly speed: readonly SpeedRatio[];
  readonly quality: QualityComparison;
  readonly agreement: AgreementComparison;
  readonly gate: readonly GateResult[];
  readonly claims: readonly JudgedClaim[];
  readonly verdict: ComparisonVerdict;
}

export interface ComparisonVerdict {
  readonly speed: 'faster' | 'slower' | 'no difference shown' | 'not comparable';
  readonly quality: 'as good' | 'worse' | 'cannot tell' | 'not compared' | 'not to be trusted';
  /** One sentence. */
  readonly text: string;
}

export interface ComparisonTerms {
  readonly alpha: number;
  readonly margins: ReadonlyMap<string, Margin>;
  readonly gate: readonly GateRule[];
  readonly claims: readonly Claim[];
}

export function compareSides(sides: readonly Side[], terms: ComparisonTerms): Comparison {
  const [baseline, ...candidates] = sides;
  const compared = sides.map(describeSide);
  return {
    schema: comparisonSchema,
    alpha: terms.alpha,
    sides: compared,
    factors: listFactors(sides.map(({ runs }) => runs[0]!)),
    candidates: candidates.map((candidate, i) => {
      // Several candidates are several chances to be wrong.
      const alpha = terms.alpha / candidates.length;
      return compareCandidate(baseline!, candidate, [compared[0]!, compared[i + 1]!], {
        ...terms,
        alpha,
      });
    }),
  };
}

function describeSide({ label, path, runs }: Side): ComparedSide {
  const facts = ({ figure, reason }: Impossibility) => `${figure}\n${reason}`;
  const impossible = new Map(runs.flatMap(findImpossible).map((found) => [facts(found), found]));
  return {
    label,
    path,
    runs: runs.map(({ record: { id, startedAt, valid } }) => ({ id, startedAt, valid })),
    impossible: [...impossible.values()],
    remarks: [...new Set(runs.flatMap(({ record }) => record.remarks ?? []))],
    mixed: listMixed(runs),
  };
}

function compareCandidate(
  baseline: Side,
  candidate: Side,
  described: readonly [ComparedSide, ComparedSide],
  { alpha, margins, gate, claims }: ComparisonTerms,
): CandidateComparison {
  const [from, to] = [baseline.runs[0]!, candidate.runs[0]!];
  const impossible = described.flatMap((side) => side.impossible);
  const judged = judgeComparability(listFactors([from, to]), from, to, impossible);
  const mixed = described.flatMap(({ label, mixed: reasons }) =>
    reasons.map((reason) => `the runs of ${label} are no repeats of one another (${reason})`),
  );
  const comparability: Comparability = {
    ...judged,
    speed: judged.speed && mixed.length === 0,
    reasons: [...judged.reasons, ...mixed],
  };
  const speed = comparability.speed
    ? withholdGrowingTimes(compareSpeed(baseline, candidate, alpha), baseline, candidate)
    : [];
  const quality = comparability.quality
    ? compareQuality(baseline, candidate, {
        margins: new Map([...margins, ...marginsOf(gate)]),
        alpha,
      })
    : notCompared(comparability.reasons.join('; '));
  const told = described.flatMap((side) =>
    side.impossible.map(({ figure, reason }) => `${side.label}: ${figure}: ${reason}`),
  );
  const why = [...comparability.reasons, ...told];
  const blocked = comparability.speed ? [] : why;
  return {
    label: candidate.label,
    comparability: { ...comparability, reasons: why },
    speed,
    quality,
    agreement: comparability.quality
      ? compareAgreement(baseline, candidate, alpha)
      : absentAgreement(comparability.reasons.join('; ')),
    gate: runGate(gate, baseline, candidate, quality, blocked, alpha),
    claims: claims.map((claim) => judgeClaim(claim, speed)),
    verdict: conclude(baseline.label, candidate.label, speed, quality, comparability.speed),
  };
}

function conclude(
  baseline: string,
  candidate: string,
  speed: readonly SpeedRatio[],
  quality: QualityComparison,
  isComparable: boolean,
): ComparisonVerdict {
  const [main] = speed;
  const speedVerdict = !isComparable || main === undefined ? 'not comparable' : judgeMain(main);
  const judgements = quality.metrics.map(({ judgement }) => judgement?.verdict ?? 'cannot tell');
  const qualityVerdict =
    judgements.length === 0
      ? 'not compared'
      : (quality.doubts ?? []).length > 0
        ? 'not to be trusted'
        : judgements.includes('inferior')
          ? 'worse'
          : judgements.every((verdict) => verdict === 'non-inferior')
            ? 'as good'
            : 'cannot tell';
  const words = {
    'as good': 'answers as well, within the margin',
    worse: 'answers worse than the margin allows',
    'cannot tell': 'may or may not answer as well: these samples cannot tell',
    'not compared': 'was not compared in quality',
    'not to be trusted': `its scores are not to be trusted (${(quality.doubts ?? []).join('; ')})`,
  } as const;
  const text = `${candidate} ${describeMain(main, speedVerdict, baseline)}, and ${words[qualityVerdict]}`;
  return { speed: speedVerdict, quality: qualityVerdict, text };
}

function judgeMain({ interval, better }: SpeedRatio): ComparisonVerdict['speed'] {
  if (interval === null || (interval.lower <= 1 && interval.upper >= 1))
    return 'no difference shown';
  return interval.lower > 1 === (better === 'higher') ? 'faster' : 'slower';
}

function describeMain(
  main: SpeedRatio | undefined,
  verdict: ComparisonVerdict['speed'],
  baseline: string,
): string {
  if (verdict === 'not comparable' || main?.ratio == null) {
    return `cannot be compared with ${baseline} in speed`;
  }
  const { metric, ratio, interval } = main;
  const range =
    interval === null ? '' : ` (${formatRatio(interval.lower)} to ${formatRatio(interval.upper)})`;
  const what = `${formatRatio(ratio)}${range} the ${metric} of ${baseline}`;
  return verdict === 'no difference shown'
    ? `has ${what}, which shows no difference`
    : `has ${what}`;
}

/** "4.73x" */
export function formatRatio(ratio: number): string {
  return `${ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(3)}x`;
}
