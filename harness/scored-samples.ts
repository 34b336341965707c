// How good was each answer of an accuracy pass? The spread of every score over the samples, and the samples that score
// worst with what was answered.

import { type Estimate, estimateMean } from './eval/statistics.js';
import type { SampleEvidence } from './evidence.js';

/** Which score of a sample a metric of run.json is the mean of, and times what. */
const sampleScores: Readonly<Record<string, { readonly score: string; readonly factor: number }>> =
  {
    rouge1: { score: 'rouge1', factor: 100 },
    rouge2: { score: 'rouge2', factor: 100 },
    rougeL: { score: 'rougeL', factor: 100 },
    rougeLsum: { score: 'rougeLsum', factor: 100 },
    tokensPerSample: { score: 'tokenCount', factor: 1 },
    mmlu: { score: 'correct', factor: 100 },
  };

/** By which a sample is better or worse than another: the first of these that it has. */
const rankedBy = ['rougeL', 'correct'] as const;

export interface ScoredSample {
  readonly id: string;
  /** Row of the dataset. */
  readonly sampleIndex: number;
  readonly output: string | null;
  readonly scores: Readonly<Record<string, unknown>>;
  /** 0..1, that by which it is ranked. */
  readonly rank: number;
}

export interface ScoredSamples {
  readonly count: number;
  /** Of run.json's metrics that are means over samples, with the standard error over samples; in run.json's unit. */
  readonly estimates: Readonly<Record<string, Estimate>>;
  /** "rougeL" or "correct"; null where samples have neither. */
  readonly rankedBy: string | null;
  /** The lowest, below 1, the worst first; ties by their place in the dataset. */
  readonly worst: readonly ScoredSample[];
  /** How many are below 1. */
  readonly imperfect: number;
}

type ScoredRow = Pick<SampleEvidence, 'id' | 'sampleIndex' | 'output' | 'scores'>;

/** Each row of the dataset once, as the scorer counts them. */
export function collectScores(rows: Iterable<ScoredRow>, keep: number): ScoredSamples {
  const columns = new Map<string, number[]>();
  const seen = new Set<number>();
  let worst: ScoredSample[] = [];
  let imperfect = 0;
  let ranking: string | null = null;
  for (const { id, sampleIndex, output, scores } of rows) {
    if (scores === null || seen.has(sampleIndex)) continue;
    seen.add(sampleIndex);
    for (const [metric, { score, factor }] of Object.entries(sampleScores)) {
      const value = numberOf(scores[score]);
      if (value === null) continue;
      const column = columns.get(metric) ?? [];
      columns.set(metric, column);
      column.push(factor * value);
    }
    ranking ??= rankedBy.find((name) => numberOf(scores[name]) !== null) ?? null;
    const rank = ranking === null ? null : numberOf(scores[ranking]);
    if (rank === null || rank >= 1) continue;
    imperfect++;
    worst.push({ id, sampleIndex, output, scores, rank });
    if (worst.length >= 2 * keep + 64) worst = lowest(worst, keep);
  }
  return {
    count: seen.size,
    estimates: Object.fromEntries(
      [...columns].map(([metric, values]) => [metric, estimateMean(values)]),
    ),
    rankedBy: ranking,
    worst: lowest(worst, keep),
    imperfect,
  };
}

function lowest(samples: readonly ScoredSample[], count: number): ScoredSample[] {
  return [...samples]
    .sort((a, b) => a.rank - b.rank || a.sampleIndex - b.sampleIndex)
    .slice(0, count);
}

function numberOf(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
