// Does the candidate still answer as well? Scores of the same samples, side by side: their difference with an interval,
// and whether a loss beyond the margin can be ruled out.

import { isDeepStrictEqual } from 'node:util';
import { findSeenRemarks } from '../calibration-provenance.js';
import type { SampleEvidence } from '../evidence.js';
import type { Margin } from '../statistics/index.js';
import {
  compareScores,
  defaultMargin,
  judgeLosses,
  type QualityDifference,
  type ScoreKind,
  tellChanges,
} from './score-difference.js';
import type { ComparedRun, Side } from './side.js';

export interface QualityComparison {
  readonly metrics: readonly QualityDifference[];
  /** Samples that only one side scored, which are left out. */
  readonly leftOut: number;
  /** Why no verdict on the scores is to be trusted; empty, or absent in earlier versions, where it is. */
  readonly doubts?: readonly string[];
  /** Why nothing is compared; null where something is. */
  readonly absentBecause: string | null;
  /** The samples that lost most, worst first. */
  readonly worst: readonly WorsenedSample[];
  /** Why these have no prompts; null where they have, or there are none. */
  readonly textsAbsentBecause: string | null;
}

export interface WorsenedSample {
  readonly id: string;
  /** Row of the dataset. */
  readonly sampleIndex: number;
  readonly metric: string;
  readonly baseline: number;
  readonly candidate: number;
  readonly baselineOutput: string | null;
  readonly candidateOutput: string | null;
  /** Of the dataset; null where it was not read. */
  readonly prompt: string | null;
  readonly expected: string | null;
}

export interface QualityTerms {
  /** By metric; `defaultMargin` for the others. */
  readonly margins: ReadonlyMap<string, Margin>;
  /** One-sided, of each metric, and of even one loss that is told among all (`judgeTogether`). */
  readonly alpha: number;
}

/** Sizes are no scores. */
const notScores: readonly string[] = ['genLen', 'tokenCount'];
const shownWorst = 10;

/** Of a run's samples these are right or wrong; all others are graded, whatever values they take. */
const rightOrWrong: readonly string[] = ['accuracy'];

export function compareQuality(
  baseline: Side,
  candidate: Side,
  { margins, alpha }: QualityTerms,
): QualityComparison {
  const [from, to] = [scoresOf(baseline), scoresOf(candidate)];
  if (from === null || to === null) {
    const lacking = from === null ? baseline : candidate;
    const why = `${lacking.label} has no scored samples: an accuracy or submission run has`;
    return notCompared(why);
  }
  const ids = [...from.keys()].filter((id) => to.has(id)).sort();
  const leftOut = from.size + to.size - 2 * ids.length;
  if (ids.length === 0) {
    const why = 'no sample was scored on both sides';
    return notCompared(why, leftOut);
  }
  const names = Object.keys(from.get(ids[0]!)!.values).filter((name) => {
    return ids.every((id) => name in from.get(id)!.values && name in to.get(id)!.values);
  });
  const compared = names.map((metric) => {
    const values = (side: Map<string, ScoredSample>) =>
      ids.map((id) => side.get(id)!.values[metric]!);
    const kind: ScoreKind = rightOrWrong.includes(metric) ? 'right or wrong' : 'graded';
    const margin = margins.get(metric) ?? margins.get(familyOf(metric)) ?? defaultMargin(kind);
    return compareScores(metric, kind, values(from), values(to), { margin, alpha });
  });
  const metrics = tellChanges(judgeLosses(compared, alpha), alpha);
  const worst = findWorst(names[0], ids, from, to);
  const textsAbsentBecause =
    worst.length === 0 ? null : 'prompts and expected answers: the dataset was not read';
  const doubts = [baseline, candidate].flatMap(listDoubts);
  return { metrics, leftOut, doubts, absentBecause: null, worst, textsAbsentBecause };
}

export function notCompared(absentBecause: string, leftOut = 0): QualityComparison {
  return { metrics: [], leftOut, absentBecause, worst: [], textsAbsentBecause: null };
}

/** Scores on samples that the quantizer looked at flatter the model. */
function listDoubts({ label, runs }: Side): string[] {
  const remarks = runs.flatMap(({ record }) => findSeenRemarks(record.remarks));
  return [...new Set(remarks)].map((remark) => `${label}: ${remark}`);
}

interface ScoredSample {
  /** In points. */
  readonly values: Readonly<Record<string, number>>;
  readonly sampleIndex: number;
  readonly output: string | null;
}

/** Repeats as a rule answer alike; where they do not, the first is compared, and said to be. */
export function remarkOnScores(side: Side): string[] {
  const [first, ...others] = side.runs.flatMap((run) => scoresOfRun(run) ?? []);
  const isUnlike = (id: string, { values }: ScoredSample) =>
    others.some((scored) => !isDeepStrictEqual(scored.get(id)?.values ?? values, values));
  const unlike = [...(first ?? [])].filter(([id, sample]) => isUnlike(id, sample)).length;
  if (unlike === 0) return [];
  return [
    `the runs of ${side.label} score ${unlike} of ${first!.size} samples differently: compared is the first of them, and how far answers differ from run to run is in no interval`,
  ];
}

/** Of the first run that has scores. */
function scoresOf(side: Side): Map<string, ScoredSample> | null {
  return side.runs.flatMap((run) => scoresOfRun(run) ?? [])[0] ?? null;
}

function scoresOfRun({ accuracy }: ComparedRun): Map<string, ScoredSample> | null {
  const samples = accuracy ?? [];
  const scored = new Map<string, ScoredSample>();
  for (const sample of samples) {
    if (sample.scores === null || scored.has(sample.id)) continue;
    scored.set(sample.id, {
      values: pointsOf(sample.scores),
      sampleIndex: sample.sampleIndex,
      output: sample.output,
    });
  }
  return scored.size === 0 ? null : scored;
}

function pointsOf(scores: NonNullable<SampleEvidence['scores']>): Record<string, number> {
  const { correct, ...rest } = scores;
  if (typeof correct === 'boolean') return { accuracy: correct ? 100 : 0 };
  const entries = Object.entries(rest).filter(
    ([name, value]) => typeof value === 'number' && !notScores.includes(name),
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, 100 * (value as number)]));
}

/** rouge1, rouge2, ... may share a margin. */
function familyOf(metric: string): string {
  return metric.startsWith('rouge') ? 'rouge' : metric;
}

function findWorst(
  metric: string | undefined,
  ids: readonly string[],
  from: ReadonlyMap<string, ScoredSample>,
  to: ReadonlyMap<string, ScoredSample>,
): WorsenedSample[] {
  if (metric === undefined) return [];
  const losses = ids.map((id) => {
    const [before, after] = [from.get(id)!, to.get(id)!];
    return {
      id,
      sampleIndex: before.sampleIndex,
      metric,
      baseline: before.values[metric]!,
      candidate: after.values[metric]!,
      baselineOutput: before.output,
      candidateOutput: after.output,
      prompt: null,
      expected: null,
    };
  });
  return losses
    .filter((sample) => sample.candidate < sample.baseline)
    .sort((a, b) => b.baseline - b.candidate - (a.baseline - a.candidate))
    .slice(0, shownWorst);
}
