// The comparison of one or more candidates with a baseline, as comparison.json keeps it: what differs, what may be set
// against each other, how fast, how well, and what follows.

import type { Margin } from '../statistics/index.js';
import { type AgreementComparison, absentAgreement, compareAgreement } from './agreement.js';
import { type Change, judgeChange } from './change.js';
import { type Claim, type JudgedClaim, judgeClaim } from './claim.js';
import { type Comparability, judgeComparability } from './comparability.js';
import { markExact } from './exact-figures.js';
import { type Factor, listFactors, listMixed, listSideFactors } from './factors.js';
import { type GateResult, runGate } from './gate.js';
import { type GateRule, marginsOf } from './gate-rule.js';
import { findImpossible, type Impossibility } from './impossible-figures.js';
import { remarkOnIssued, withholdGrowingTimes } from './issued-samples.js';
import { compareQuality, notCompared, type QualityComparison, remarkOnScores } from './quality.js';
import type { Side } from './side.js';
import { compareSpeed, type SpeedRatio } from './speed.js';
import { type ComparisonVerdict, conclude } from './verdict.js';

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
  readonly speed: readonly JudgedRatio[];
  readonly quality: QualityComparison;
  readonly agreement: AgreementComparison;
  readonly gate: readonly GateResult[];
  readonly claims: readonly JudgedClaim[];
  readonly verdict: ComparisonVerdict;
}

export interface JudgedRatio extends SpeedRatio {
  readonly change: Change;
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
    factors: listSideFactors(sides.map(({ runs }) => runs)),
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
    remarks: [
      ...(judged.remarks ?? []),
      ...remarkOnIssued(baseline, candidate),
      ...[baseline, candidate].flatMap(remarkOnScores),
    ],
  };
  const speed = comparability.speed
    ? markExact(
        withholdGrowingTimes(compareSpeed(baseline, candidate, alpha), baseline, candidate),
        baseline,
        candidate,
      )
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
    speed: speed.map((one) => ({ ...one, change: judgeChange(one) })),
    quality,
    agreement: comparability.quality
      ? compareAgreement(baseline, candidate, alpha)
      : absentAgreement(comparability.reasons.join('; ')),
    gate: runGate(gate, baseline, candidate, quality, blocked, alpha),
    claims: claims.map((claim) => judgeClaim(claim, speed, blocked)),
    verdict: conclude(baseline.label, candidate.label, speed, quality, comparability.speed),
  };
}
